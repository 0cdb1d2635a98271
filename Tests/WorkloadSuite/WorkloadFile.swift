// The workload files below Tests/Workloads, for every test target that plays them. They are found by the place of this
// source file: a resource of SwiftPM belongs to one target only.

import Foundation

/// A workload of the suite with the answers of a live kernel beside it.
public struct WorkloadFile: Sendable, CustomStringConvertible {
    /// `mprotect/middle-joins-both-neighbours`.
    public let name: String

    /// All of them, by name.
    public static let all: [WorkloadFile] = {
        guard let found = FileManager.default.enumerator(atPath: folder.path()) else { return [] }
        let paths = found.compactMap { $0 as? String }.filter { $0.hasSuffix(".q") }
        return paths.sorted().map { WorkloadFile(name: String($0.dropLast(2))) }
    }()

    /// The one with a name.
    public static func named(_ name: String) -> WorkloadFile { WorkloadFile(name: name) }

    private static var folder: URL {
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(path: "Workloads")
    }

    public var description: String { name }

    /// The lines of the workload.
    public func text() throws -> String { try read(".q") }

    /// What a Linux 6.18 kernel answered, a line each.
    public func golden() throws -> [String] { try read(".txt").split(separator: "\n").map(String.init) }

    private func read(_ suffix: String) throws -> String {
        try String(contentsOf: Self.folder.appending(path: name + suffix), encoding: .utf8)
    }
}

// The litmus tests below Tests/Litmus, for every test target that runs them.

import Foundation

/// A litmus test of the suite.
public struct LitmusTest: Sendable, CustomStringConvertible {
    /// `store-dontneed`.
    public let name: String

    /// All of them, by name.
    public static let all: [LitmusTest] = {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path())) ?? []
        return names.filter { $0.hasSuffix(".q") }.sorted().map { LitmusTest(name: String($0.dropLast(2))) }
    }()

    /// The one with a name.
    public static func named(_ name: String) -> LitmusTest { LitmusTest(name: name) }

    private static var folder: URL {
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(path: "Litmus")
    }

    public var description: String { name }

    /// Where the file is.
    public var path: String { Self.folder.appending(path: name + ".q").path() }
}

// The recording's way to disk: buffered lines, and compression by the system's tools where the name asks for it.

import Foundation
import Subprocess
import SystemPackage

/// Writes lines through a buffer.
final class LineSink {
    private let handle: FileHandle
    private var buffer: [UInt8] = []
    private static let limit = 1 << 18

    init(path: String) throws {
        guard FileManager.default.createFile(atPath: path, contents: nil),
            let handle = FileHandle(forWritingAtPath: path)
        else { throw RecordError.usage("\(path) cannot be written") }
        self.handle = handle
    }

    func write(_ line: String) throws {
        buffer.append(contentsOf: line.utf8)
        buffer.append(UInt8(ascii: "\n"))
        if buffer.count >= Self.limit { try flush() }
    }

    func close() throws {
        try flush()
        try handle.close()
    }

    private func flush() throws {
        try handle.write(contentsOf: Data(buffer))
        buffer.removeAll(keepingCapacity: true)
    }
}

/// Where the plain text goes, and what is made of it at the end.
struct Compression: Sendable {
    private static let tools = [
        ".xz": ("xz", ["-6", "-T1", "-c"]),
        ".zst": ("zstd", ["-q", "-19", "-c"]),
        ".gz": ("gzip", ["-9", "-c"]),
    ]

    private let output: String
    private let tool: (name: String, arguments: [String])?

    /// The recording's name without the compression.
    let namePath: String

    /// Checks, before anything runs, that the output can be written and its compressor is there.
    init(path: String) async throws {
        output = path
        let ending = Self.tools.keys.first { path.hasSuffix($0) }
        tool = ending.flatMap { Self.tools[$0] }
        namePath = ending.map { String(path.dropLast($0.count)) } ?? path
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        guard FileManager.default.isWritableFile(atPath: folder) else {
            throw RecordError.usage("\(folder) cannot be written")
        }
        if let tool {
            do { _ = try await Executable.name(tool.name).resolveExecutablePath(in: .inherit) } catch {
                let package = tool.name == "xz" ? "xz-utils" : tool.name
                throw RecordError.cannot("\(tool.name) not found: apt-get install \(package), or write plain .q")
            }
        }
    }

    /// Where the merge writes.
    var plainPath: String { tool == nil ? output : output + ".plain" }

    /// Compresses, if the name asks for it.
    func finish() async throws {
        guard let tool else { return }
        let input = try FileDescriptor.open(FilePath(plainPath), .readOnly)
        let result = try FileDescriptor.open(
            FilePath(output), .writeOnly, options: [.create, .truncate],
            permissions: [.ownerReadWrite, .groupRead, .otherRead])
        let outcome = try await run(
            .name(tool.name), arguments: Arguments(tool.arguments),
            input: .fileDescriptor(input, closeAfterSpawningProcess: true),
            output: .fileDescriptor(result, closeAfterSpawningProcess: true), error: .discarded)
        guard outcome.terminationStatus.isSuccess else {
            throw RecordError.cannot("\(tool.name) failed; the recording is in \(plainPath)")
        }
        try FileManager.default.removeItem(atPath: plainPath)
    }

    /// `app.q.xz` and `app.q` have their truth in `app.truth.json`.
    static func truthPath(_ output: String) -> String {
        var name = output
        for ending in [".xz", ".zst", ".gz", ".q"] where name.hasSuffix(ending) { name.removeLast(ending.count) }
        return name + ".truth.json"
    }
}

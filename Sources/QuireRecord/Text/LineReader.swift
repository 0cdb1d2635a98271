// Lines of a file, one at a time and in bounded memory: strace's log while it grows, and perf's text when it is done.
//
// `LineReader` is a pull iterator: the merge asks the log for a line only when the clock of the other stream has passed
// it. A line that is not finished yet (the log still grows) stays inside until its newline arrives.

import Foundation

/// Reads a file line by line; `next()` gives nil where the file ends *now*, and may be asked again when it has grown.
struct LineReader {
    /// A longer line is cut here: nothing that strace or perf print comes near, and memory stays bounded.
    static let longestLine = 1 << 24

    private let handle: FileHandle
    private var buffer: [UInt8] = []
    private var position = 0
    private let chunk: Int

    /// Opens `path`; throws what Foundation says if it cannot be read.
    init(path: String, chunk: Int = 1 << 18) throws {
        handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
        self.chunk = chunk
    }

    /// The next whole line without its newline, or nil where no further newline is in the file.
    mutating func next() throws -> String? {
        var searched = position
        while true {
            if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: buffer[position..<end], as: UTF8.self)
                position = end + 1
                return line
            }
            if buffer.count - position > Self.longestLine {
                let line = String(decoding: buffer[position...], as: UTF8.self)
                position = buffer.count
                return line
            }
            buffer.removeSubrange(..<position)
            position = 0
            searched = buffer.count
            guard let data = try handle.read(upToCount: chunk), !data.isEmpty else { return nil }
            buffer.append(contentsOf: data)
        }
    }

    /// What stands behind the last newline: a line that its writer did not finish.
    mutating func remainder() -> String? {
        guard position < buffer.count else { return nil }
        defer { position = buffer.count }
        return String(decoding: buffer[position...], as: UTF8.self)
    }
}

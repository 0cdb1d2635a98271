// Files by descriptor: open, read, write, as much as the tools need. Each call lends a buffer to the system for its
// own length, so that callers above need no `unsafe` expression. Neighbour: FilterProcess.swift. Foundation-free.

import Glibc

/// Why the system refused: a missing file, a full disk, a damaged stream.
public struct HostError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What went wrong, without the file's name.
    public var description: String

    /// An error with this text.
    public init(_ description: String) { self.description = description }

    /// "cannot open: No such file or directory", from the thread's error number.
    static func last(_ what: String) -> HostError { HostError(what + ": " + message(errno)) }

    /// The system's text for an error number.
    static func message(_ number: Int32) -> String { unsafe String(cString: strerror(number)) }
}

/// An open file descriptor, closed with the object.
public final class HostFile {
    /// The descriptor's number.
    public let number: Int32
    private let owned: Bool

    /// Descriptor 0, which stays open.
    public static var standardInput: HostFile { HostFile(adopting: 0, owned: false) }

    /// Takes a descriptor over; closes it in the end where it is `owned`.
    public init(adopting number: Int32, owned: Bool = true) {
        self.number = number
        self.owned = owned
    }

    /// Opens a file for reading.
    public init(path: String) throws(HostError) {
        number = unsafe open(path, O_RDONLY | O_CLOEXEC)
        owned = true
        if number < 0 { throw .last("cannot open") }
    }

    deinit { if owned && number >= 0 { _ = Glibc.close(number) } }

    /// Reads up to `limit` bytes into the buffer; 0 at the end.
    public func read(into buffer: inout ContiguousArray<UInt8>, at offset: Int, limit: Int) throws(HostError) -> Int {
        let limit = min(limit, buffer.count - offset)
        if offset < 0 || limit <= 0 { return 0 }
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes { bytes in
                unsafe Glibc.read(number, bytes.baseAddress! + offset, limit)
            }
            if count >= 0 { return count }
            if errno != EINTR { throw .last("cannot read") }
        }
    }

    /// Writes all of the bytes.
    public func write(_ bytes: ContiguousArray<UInt8>) throws(HostError) {
        var done = 0
        while done < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { raw in
                unsafe Glibc.write(number, raw.baseAddress! + done, raw.count - done)
            }
            if count >= 0 {
                done += count
            } else if errno != EINTR {
                throw .last("cannot write")
            }
        }
    }

    /// Goes back to the first byte of a regular file.
    public func rewind() { _ = lseek(number, 0, SEEK_SET) }

    /// A file without a name in the directory for temporary files, gone when it is closed.
    public static func temporary() throws(HostError) -> HostFile {
        let directory = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/tmp"
        var template = ContiguousArray("\(directory)/quire-XXXXXX".utf8CString)
        let number = unsafe template.withUnsafeMutableBufferPointer { unsafe mkstemp($0.baseAddress!) }
        if number < 0 { throw .last("cannot make a temporary file in \(directory)") }
        _ = fcntl(number, F_SETFD, FD_CLOEXEC)
        _ = unsafe template.withUnsafeBufferPointer { unsafe unlink($0.baseAddress!) }
        return HostFile(adopting: number)
    }
}

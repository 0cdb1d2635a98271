// Where a report goes: a descriptor, memory, or a spool that keeps little in memory and the rest in a nameless file.

import QuireHost

/// Takes a stream of bytes.
public protocol ByteSink: AnyObject {
    /// Takes all of the bytes or throws.
    func write(_ bytes: ContiguousArray<UInt8>) throws(InputError)
}

/// Keeps everything in memory: for tests and short reports.
public final class MemorySink: ByteSink {
    /// What was written.
    public private(set) var bytes: ContiguousArray<UInt8> = []

    /// An empty sink.
    public init() {}

    public func write(_ bytes: ContiguousArray<UInt8>) { self.bytes.append(contentsOf: bytes) }

    /// What was written, as text.
    public var text: String { String(decoding: bytes, as: UTF8.self) }
}

/// Writes to a descriptor that somebody else opened, 1 for standard output.
public final class DescriptorSink: ByteSink {
    private let file: HostFile

    /// A sink on an open descriptor, which stays open.
    public init(descriptor: Int32) { file = HostFile(adopting: descriptor, owned: false) }

    public func write(_ bytes: ContiguousArray<UInt8>) throws(InputError) { try file.write(bytes) }
}

/// Holds a part of a report until its turn comes: the snapshots while calls are still written, the columns of a
/// comparison. Beyond 1 MiB it goes to a temporary file, so a long run takes no memory.
public final class Spool: ByteSink {
    private static let inMemory = 1 << 20
    private var bytes: ContiguousArray<UInt8> = []
    private var file: HostFile?
    /// How many bytes were written.
    public private(set) var count = 0

    /// An empty spool.
    public init() {}

    public func write(_ bytes: ContiguousArray<UInt8>) throws(InputError) {
        count += bytes.count
        self.bytes.append(contentsOf: bytes)
        if self.bytes.count < Spool.inMemory { return }
        let file: HostFile
        if let open = self.file {
            file = open
        } else {
            file = try HostFile.temporary()
            self.file = file
        }
        try file.write(self.bytes)
        self.bytes.removeAll(keepingCapacity: true)
    }

    /// Gives everything to another sink and is empty afterwards.
    public func move(to sink: any ByteSink) throws(InputError) {
        if let file {
            file.rewind()
            var buffer = ContiguousArray<UInt8>(repeating: 0, count: 64 << 10)
            while true {
                let count = try file.read(into: &buffer, at: 0, limit: buffer.count)
                if count == 0 { break }
                try sink.write(count == buffer.count ? buffer : ContiguousArray(buffer[..<count]))
            }
        }
        try sink.write(bytes)
        file = nil
        bytes = []
        count = 0
    }
}

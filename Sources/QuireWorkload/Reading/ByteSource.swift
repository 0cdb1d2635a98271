// Where a workload's bytes come from: memory (tests, generated workloads), a file or a pipe, or a decompressor behind
// one of these. A source only fills a buffer; lines are the reader's business.

public import QuireHost

/// A stream of bytes, read once from front to back.
public protocol ByteSource: AnyObject {
    /// Puts up to `limit` bytes into `buffer` from `offset` on, and returns how many; 0 only at the end.
    ///
    /// The buffer is long enough for `offset + limit` bytes. Throws when the source is damaged or ends too early.
    func read(into buffer: inout ContiguousArray<UInt8>, at offset: Int, limit: Int) throws(InputError) -> Int
}

/// Why a source cannot be read: a missing file, a missing tool, damaged data.
public typealias InputError = HostError

/// Bytes that are in memory already.
public final class MemorySource: ByteSource {
    private let bytes: ContiguousArray<UInt8>
    private var position = 0
    /// How many bytes one read gives at most: tests set it low to cut lines anywhere.
    private let chunk: Int

    /// A source over bytes, given out in pieces of at most `chunk`.
    public init(_ bytes: some Sequence<UInt8>, chunk: Int = .max) {
        self.bytes = ContiguousArray(bytes)
        self.chunk = max(chunk, 1)
    }

    /// A source over a text.
    public convenience init(_ text: String, chunk: Int = .max) { self.init(text.utf8, chunk: chunk) }

    public func read(into buffer: inout ContiguousArray<UInt8>, at offset: Int, limit: Int) -> Int {
        let count = min(limit, chunk, bytes.count - position)
        for index in 0..<count { buffer[offset + index] = bytes[position + index] }
        position += count
        return count
    }
}

/// How a file may be compressed, told by its first bytes.
enum Compression: CaseIterable {
    case xz, gzip, zstd

    /// The format's first bytes.
    var magic: [UInt8] {
        switch self {
        case .xz: [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00]
        case .gzip: [0x1F, 0x8B]
        case .zstd: [0x28, 0xB5, 0x2F, 0xFD]
        }
    }

    /// The program that unpacks it, run as `TOOL -dc`.
    var tool: String {
        switch self {
        case .xz: "xz"
        case .gzip: "gzip"
        case .zstd: "zstd"
        }
    }

    /// The package that has the program, for the message when it is missing.
    var package: String {
        switch self {
        case .xz: "xz-utils (Debian, Ubuntu) or xz"
        case .gzip: "gzip"
        case .zstd: "zstd"
        }
    }

    /// The compression of a stream that begins with these bytes, nil for plain data.
    static func detect(_ bytes: ContiguousArray<UInt8>, count: Int) -> Compression? {
        allCases.first { format in
            count >= format.magic.count && format.magic.indices.allSatisfy { bytes[$0] == format.magic[$0] }
        }
    }
}

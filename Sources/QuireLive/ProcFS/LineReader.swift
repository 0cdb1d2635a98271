// Text of /proc, line by line: `LineReader` streams a file of any length in a fixed buffer, `FieldParser` takes one line
// apart. Every reader of this folder is built on the two; 60,000 areas of smaps pass through without being held at once.

import SystemPackage

/// The lines of a file, streamed.
struct LineReader: ~Copyable {
    /// No line of /proc comes near; a file that is no text does not make the buffer grow without bound.
    static let longestLine = 1 << 20

    private let file: LiveFile
    private var chunk: [UInt8]
    private var unread: ArraySlice<UInt8> = []
    private var isAtEnd = false
    /// The longest single read so far: in /proc it is bounded by how long the kernel held what it printed from.
    private(set) var longestReadNanoseconds: UInt64 = 0

    init(_ file: consuming LiveFile, chunkSize: Int = 1 << 16) {
        self.file = file
        chunk = [UInt8](repeating: 0, count: chunkSize)
    }

    init(path: String) throws(Errno) {
        self.init(try LiveFile(reading: path))
    }

    /// The next line without its end; nil after the last one.
    ///
    /// - Throws: what the read throws, and `fileTooLarge` for a line beyond `longestLine`.
    mutating func next() throws(Errno) -> ArraySlice<UInt8>? {
        while true {
            if let end = unread.firstIndex(of: UInt8(ascii: "\n")) {
                let line = unread[..<end]
                unread = unread[(end + 1)...]
                return line
            }
            if isAtEnd {
                guard !unread.isEmpty else { return nil }
                defer { unread = [] }
                return unread
            }
            try refill()
        }
    }

    private mutating func refill() throws(Errno) {
        guard unread.count < Self.longestLine else { throw .fileTooLarge }
        let begin = monotonicNanoseconds()
        let count = try file.read(into: &chunk)
        longestReadNanoseconds = max(longestReadNanoseconds, monotonicNanoseconds() - begin)
        isAtEnd = count == 0
        unread = ArraySlice(Array(unread) + chunk[..<count])
    }
}

/// Takes the fields of one line from the left. Every method returns nil, and leaves the rest as it is, if the text does
/// not begin with what it looks for.
struct FieldParser {
    var rest: ArraySlice<UInt8>

    init(_ line: ArraySlice<UInt8>) { rest = line }

    mutating func skipSpaces() {
        rest = rest.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
    }

    /// One character that must come next.
    mutating func take(_ character: Unicode.Scalar) -> Void? {
        guard rest.first == UInt8(ascii: character) else { return nil }
        rest = rest.dropFirst()
        return ()
    }

    mutating func decimal() -> UInt64? { number(radix: 10) }

    mutating func hexadecimal() -> UInt64? { number(radix: 16) }

    /// Everything up to the next blank.
    mutating func word() -> String? {
        let word = rest.prefix { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }
        guard !word.isEmpty else { return nil }
        rest = rest[word.endIndex...]
        return String(decoding: word, as: UTF8.self)
    }

    /// Everything that is left.
    func remainder() -> String { String(decoding: rest, as: UTF8.self) }

    private mutating func number(radix: UInt64) -> UInt64? {
        var value: UInt64 = 0
        var index = rest.startIndex
        while index < rest.endIndex, let digit = Self.digit(rest[index]), digit < radix {
            let (product, overflow) = value.multipliedReportingOverflow(by: radix)
            let (sum, carry) = product.addingReportingOverflow(digit)
            guard !overflow, !carry else { return nil }
            value = sum
            index += 1
        }
        guard index > rest.startIndex else { return nil }
        rest = rest[index...]
        return value
    }

    private static func digit(_ byte: UInt8) -> UInt64? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt64(byte - UInt8(ascii: "A") + 10)
        default: nil
        }
    }
}

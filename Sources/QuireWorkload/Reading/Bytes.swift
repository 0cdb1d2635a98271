// Bytes as the parser sees them: classes of characters, and the key of a name, gathered while its bytes are scanned.

extension UInt8 {
    @inline(__always) var isDigit: Bool { self &- 0x30 < 10 }
    @inline(__always) var isLetter: Bool { (self | 0x20) &- 0x61 < 26 }
    @inline(__always) var startsName: Bool { isLetter || self == 0x5F }
    @inline(__always) var isInName: Bool { isLetter || isDigit || self == 0x5F }
    @inline(__always) var isBlank: Bool { self == 0x20 || self == 0x09 }
    /// A line feed, or the carriage return before one.
    @inline(__always) var endsLine: Bool { self == 0x0A || self == 0x0D }

    /// The value of a hexadecimal digit; 16 or more for any other byte.
    @inline(__always) var hexValue: UInt8 {
        if isDigit { return self &- 0x30 }
        let letter = (self | 0x20) &- 0x61
        return letter < 6 ? letter &+ 10 : 0xFF
    }
}

extension Span where Element == UInt8 {
    /// The byte at an index; a line feed beyond the end, so that scanning always stops.
    @inline(__always) func peek(_ index: Int) -> UInt8 {
        index >= 0 && index < count ? self[index] : 0x0A
    }

    /// Whether these ASCII bytes stand at an index.
    func holds(_ text: String, at index: Int) -> Bool {
        var at = index
        for byte in text.utf8 {
            if peek(at) != byte { return false }
            at += 1
        }
        return true
    }
}

/// The bytes of a name as words: exact up to 16 bytes, a checksum for the rest.
struct NameKey: Equatable, Sendable {
    var low: UInt64 = 0
    var high: UInt64 = 0
    var rest: UInt64 = 0
    var count = 0

    static let expect = NameKey(low: 0x7463_6570_7865, count: 6)
    static let never = NameKey(low: 0x72_6576_656E, count: 5)

    init(low: UInt64 = 0, count: Int = 0) {
        self.low = low
        self.count = count
    }

    /// The key of a whole span.
    init(all bytes: Span<UInt8>) {
        for index in 0..<bytes.count { append(bytes[index]) }
    }

    @inline(__always) mutating func append(_ byte: UInt8) {
        if count < 8 {
            low |= UInt64(byte) &<< UInt64(truncatingIfNeeded: count &* 8)
        } else if count < 16 {
            high |= UInt64(byte) &<< UInt64(truncatingIfNeeded: (count &- 8) &* 8)
        } else {
            rest = (rest ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
        }
        count &+= 1
    }

    @inline(__always) var hash: UInt64 {
        var mixed = (low ^ rest) &* 0x9E37_79B9_7F4A_7C15
        mixed ^= (high &+ UInt64(truncatingIfNeeded: count)) &* 0xC2B2_AE3D_27D4_EB4F
        return mixed ^ (mixed &>> 32)
    }
}

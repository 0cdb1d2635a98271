// A cursor over one line of text: the few reading steps that strace's and perf's formats need, without regular
// expressions, because the merge reads millions of lines.

/// Reads forward through one line; a step that does not match returns nil or false and leaves the cursor where it was.
struct TextCursor {
    private let line: Substring.UTF8View
    private var index: Substring.UTF8View.Index

    init(_ text: Substring) {
        line = text.utf8
        index = text.utf8.startIndex
    }

    init(_ text: String) { self.init(text[...]) }

    var atEnd: Bool { index == line.endIndex }

    /// What has not been read yet.
    var rest: Substring { Substring(line[index...]) }

    mutating func skipSpaces() {
        while index != line.endIndex, line[index] == UInt8(ascii: " ") { line.formIndex(after: &index) }
    }

    /// Steps over `text` if it stands here.
    mutating func consume(_ text: String) -> Bool {
        var probe = index
        for byte in text.utf8 {
            guard probe != line.endIndex, line[probe] == byte else { return false }
            line.formIndex(after: &probe)
        }
        index = probe
        return true
    }

    /// An unsigned decimal number.
    mutating func decimal() -> UInt64? { number(radix: 10) }

    /// An unsigned hexadecimal number, with or without `0x`.
    mutating func hexadecimal() -> UInt64? {
        let start = index
        _ = consume("0x")
        if let value = number(radix: 16) { return value }
        index = start
        return nil
    }

    /// A decimal number that may carry a minus sign.
    mutating func signed() -> Int? {
        let start = index
        let negative = consume("-")
        guard let value = decimal(), value <= UInt64(Int32.max) else {
            index = start
            return nil
        }
        return negative ? -Int(value) : Int(value)
    }

    /// Seconds with nine decimals, `1795222353.164511522`, as nanoseconds.
    mutating func nanoseconds() -> Int64? {
        let start = index
        guard let seconds = decimal(), seconds < 1 << 33, consume(".") else {
            index = start
            return nil
        }
        var fraction: Int64 = 0
        var digits = 0
        while index != line.endIndex, let digit = Self.digit(line[index]), digit < 10 {
            if digits < 9 {
                fraction = fraction * 10 + Int64(digit)
                digits += 1
            }
            line.formIndex(after: &index)
        }
        guard digits > 0 else {
            index = start
            return nil
        }
        while digits < 9 {
            fraction *= 10
            digits += 1
        }
        return Int64(seconds) * 1_000_000_000 + fraction
    }

    /// Everything up to `byte`, which is stepped over; nil if it does not come.
    mutating func take(until byte: Character) -> Substring? {
        guard let wanted = byte.asciiValue, let end = line[index...].firstIndex(of: wanted) else { return nil }
        defer { index = line.index(after: end) }
        return Substring(line[index..<end])
    }

    private mutating func number(radix: UInt64) -> UInt64? {
        var value: UInt64 = 0
        var probe = index
        while probe != line.endIndex, let digit = Self.digit(line[probe]), digit < radix {
            let (product, overflow) = value.multipliedReportingOverflow(by: radix)
            let (sum, carry) = product.addingReportingOverflow(digit)
            if overflow || carry { return nil }
            value = sum
            line.formIndex(after: &probe)
        }
        guard probe != index else { return nil }
        index = probe
        return value
    }

    private static func digit(_ byte: UInt8) -> UInt64? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte - UInt8(ascii: "a") + 10)
        default: nil
        }
    }
}

// How the recording writes what strace did not: stamps, touch lines, protections, quoted names.

/// The pieces of a recording's own lines.
enum RecordingLine {
    /// `1795222353.164511522`.
    static func stamp(_ nanoseconds: Int64) -> String {
        let fraction = String(nanoseconds % 1_000_000_000)
        return "\(nanoseconds / 1_000_000_000)." + String(repeating: "0", count: 9 - fraction.count) + fraction
    }

    static func hex(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }

    /// `29796 1795222353.164981150 touch_read(0x7f8ec2dabb70, 1)`.
    static func touch(tid: Int, time: Int64, address: UInt64, write: Bool) -> String {
        "\(tid) \(stamp(time)) touch_\(write ? "write" : "read")(\(hex(address)), 1)"
    }

    /// The flags' names for `rwxp`.
    static func protection(_ permissions: String) -> String {
        var names: [String] = []
        if permissions.contains("r") { names.append("PROT_READ") }
        if permissions.contains("w") { names.append("PROT_WRITE") }
        if permissions.contains("x") { names.append("PROT_EXEC") }
        return names.isEmpty ? "PROT_NONE" : names.joined(separator: "|")
    }

    /// A C string literal as strace writes it.
    static func quoted(_ text: String) -> String {
        var result = "\""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): result += "\\" + String(UnicodeScalar(byte))
            case 0x20..<0x7f: result.unicodeScalars.append(UnicodeScalar(byte))
            default:
                // Always three digits: what follows may be a digit.
                let octal = String(byte, radix: 8)
                result += "\\" + String(repeating: "0", count: 3 - octal.count) + octal
            }
        }
        return result + "\""
    }

    /// What a C string literal's body stands for (strace's escapes).
    static func unquoted(_ body: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = body.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\"), let escape = rest.popFirst() else {
                bytes.append(byte)
                continue
            }
            switch escape {
            case UInt8(ascii: "n"): bytes.append(10)
            case UInt8(ascii: "t"): bytes.append(9)
            case UInt8(ascii: "r"): bytes.append(13)
            case UInt8(ascii: "v"): bytes.append(11)
            case UInt8(ascii: "f"): bytes.append(12)
            case UInt8(ascii: "0")...UInt8(ascii: "7"):
                var value = Int(escape - UInt8(ascii: "0"))
                for _ in 0..<2 {
                    guard let next = rest.first, (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(next) else { break }
                    value = value * 8 + Int(next - UInt8(ascii: "0"))
                    rest.removeFirst()
                }
                bytes.append(UInt8(truncatingIfNeeded: value))
            default: bytes.append(escape)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The string literals of a line, as the ranges between their quotes.
    static func literals(in line: Substring) -> [Range<Substring.Index>] {
        var ranges: [Range<Substring.Index>] = []
        var start: Substring.Index?
        var index = line.startIndex
        let utf8 = line.utf8
        while index < utf8.endIndex {
            switch utf8[index] {
            case UInt8(ascii: "\\") where start != nil:
                utf8.formIndex(after: &index)
                if index == utf8.endIndex { return ranges }
            case UInt8(ascii: "\""):
                if let opened = start {
                    ranges.append(opened..<index)
                    start = nil
                } else {
                    start = utf8.index(after: index)
                }
            default: break
            }
            utf8.formIndex(after: &index)
        }
        return ranges
    }
}

// The smallest JSON writer that keeps keys in order: the truth file is read by people too, and Foundation's encoder
// sorts keys or shuffles them.

/// A JSON value with ordered members.
indirect enum Json {
    case number(UInt64)
    case integer(Int)
    case string(String)
    case bool(Bool)
    case array([Json])
    case object([(String, Json)])

    /// Compact text, with a newline between the members of the outer `depth` levels.
    func text(depth: Int = 0) -> String {
        switch self {
        case .number(let value): return String(value)
        case .integer(let value): return String(value)
        case .bool(let value): return value ? "true" : "false"
        case .string(let value): return Self.quoted(value)
        case .array(let values):
            return "[" + values.map { $0.text(depth: depth - 1) }.joined(separator: depth > 0 ? ",\n" : ", ") + "]"
        case .object(let members):
            let parts = members.map { Self.quoted($0.0) + ": " + $0.1.text(depth: depth - 1) }
            return "{" + parts.joined(separator: depth > 0 ? ",\n" : ", ") + "}"
        }
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case "\u{0}"..."\u{1f}":
                let hex = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

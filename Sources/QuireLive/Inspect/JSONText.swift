// JSON as far as this target's reports need it: `JSONText` is a value that prints itself with its members in the order given,
// and reads back the flat objects that the live loop's child prints. Integers stay integers of 64 bits.

/// A JSON value.
enum JSONText: Hashable, Sendable {
    case object([Member])
    case array([JSONText])
    case string(String)
    case integer(UInt64)
    case number(Double)
    case null

    struct Member: Hashable, Sendable {
        var name: String
        var value: JSONText

        init(_ name: String, _ value: JSONText) {
            self.name = name
            self.value = value
        }
    }

    /// The text; `indented` by two blanks for each level, or on one line.
    func text(indented: Bool) -> String {
        var output = ""
        write(to: &output, indent: indented ? 0 : nil)
        return output
    }

    private func write(to output: inout String, indent: Int?) {
        switch self {
        case .object(let members):
            Self.writeList(members, "{", "}", to: &output, indent: indent) { member, output, inner in
                Self.writeString(member.name, to: &output)
                output += inner == nil ? ":" : ": "
                member.value.write(to: &output, indent: inner)
            }
        case .array(let elements):
            Self.writeList(elements, "[", "]", to: &output, indent: indent) { $0.write(to: &$1, indent: $2) }
        case .string(let string): Self.writeString(string, to: &output)
        case .integer(let value): output += String(value)
        case .number(let value): output += value.isFinite ? "\((value * 1000).rounded() / 1000)" : "null"
        case .null: output += "null"
        }
    }

    private static func writeList<Element>(
        _ elements: [Element], _ open: String, _ close: String, to output: inout String, indent: Int?,
        _ write: (Element, inout String, Int?) -> Void
    ) {
        output += open
        for (index, element) in elements.enumerated() {
            if index > 0 { output += "," }
            newLine(&output, indent.map { $0 + 2 })
            write(element, &output, indent.map { $0 + 2 })
        }
        if !elements.isEmpty { newLine(&output, indent) }
        output += close
    }

    private static func newLine(_ output: inout String, _ indent: Int?) {
        if let indent { output += "\n" + String(repeating: " ", count: indent) }
    }

    private static func writeString(_ string: String, to output: inout String) {
        output += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": output += "\\\""
            case "\\": output += "\\\\"
            case "\n": output += "\\n"
            case "\t": output += "\\t"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                output += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: output.unicodeScalars.append(scalar)
            }
        }
        output += "\""
    }

    /// The whole numbers of a flat object on one line, such as `{"rounds":4,"ns":17}`; nil if `text` is none. Strings and
    /// fractions are passed over: what reads these objects needs neither.
    static func integers(ofFlatObject text: String) -> [String: UInt64]? {
        var rest = Substring(text.filter { !$0.isWhitespace })
        guard rest.popFirst() == "{", rest.popLast() == "}" else { return nil }
        var result: [String: UInt64] = [:]
        for member in rest.split(separator: ",", omittingEmptySubsequences: false) {
            let parts = member.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2, parts[0].count > 2, parts[0].first == "\"", parts[0].last == "\"" else {
                return nil
            }
            if let value = UInt64(parts[1]) { result[String(parts[0].dropFirst().dropLast())] = value }
        }
        return result
    }
}

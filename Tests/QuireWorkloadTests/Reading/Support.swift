// What the reading tests share: one line in, one statement out, and statements as short texts to compare with.

@testable import QuireWorkload

/// Parses one line with the given bindings.
func parsed(_ line: String, _ bindings: [String: UInt64] = [:]) throws(ParseError) -> (Statement, Names) {
    var names = Names()
    for (name, value) in bindings {
        if let id = names.intern(name) { names.bind(id, to: .value(value)) }
    }
    var reader = WorkloadReader(text: line, file: "t.q")
    var statement = Statement()
    _ = try reader.next(into: &statement, names: &names)
    return (statement, names)
}

/// Parses one line and describes it.
func described(_ line: String, _ bindings: [String: UInt64] = [:]) -> String {
    do throws(ParseError) {
        let (statement, names) = try parsed(line, bindings)
        return statement.summary(names)
    } catch {
        return error.description
    }
}

/// Reads a whole text; every binding becomes 0x100000 times its line. Returns the summaries of all but blank lines.
func readAll(_ text: String, chunk: Int = .max) -> [String] {
    var reader = WorkloadReader(source: MemorySource(text, chunk: chunk), file: "t.q")
    return readAll(&reader)
}

func readAll(_ reader: inout WorkloadReader) -> [String] {
    var names = Names()
    var statement = Statement()
    var lines: [String] = []
    while true {
        do throws(ParseError) {
            guard try reader.next(into: &statement, names: &names) else { return lines }
            if let id = statement.binding { names.bind(id, to: .value(UInt64(statement.line) << 20)) }
            if statement.kind != .blank { lines.append(statement.summary(names)) }
        } catch {
            lines.append(error.description)
            if !error.isRecoverable { return lines }
        }
    }
}

extension Statement {
    /// `pid x = call(arguments) = result [flags] # comment`, with numbers in hexadecimal.
    func summary(_ names: Names) -> String {
        var text = ""
        switch prefix {
        case .none: break
        case .pid(let pid): text += "\(pid): "
        case .name(let id): text += "[\(names[text: id])] "
        }
        switch kind {
        case .blank: return text + "blank"
        case .comment: return text + "#" + string(of: comment)
        case .requires, .machine, .recordedOn: return text + "\(kind) \(words)"
        case .exited, .killed, .signal: return text + "\(kind) \(status)"
        case .call: break
        }
        if let binding { text += names[text: binding] + " = " }
        text += names.text(of: call)
        text += "(" + (0..<argumentCount).map { summary(self[$0], names) }.joined(separator: ", ") + ")"
        if !condition.isEmpty { text += " \(string(of: condition))" }
        switch result {
        case .none: break
        case .value(let value): text += " = " + String(value, radix: 16)
        case .error(let id): text += " = " + names[text: id]
        case .unknown: text += " = ?"
        }
        if isUnfinished { text += " unfinished" }
        if isResumed { text += " resumed" }
        if isImage { text += " image" }
        if !comment.isEmpty { text += " #" + string(of: comment) }
        return text
    }

    private func summary(_ argument: Argument, _ names: Names) -> String {
        let name = argument.name.map { names[text: $0] + "=" } ?? ""
        switch argument.value {
        case .integer(let value): return name + String(value, radix: 16)
        case .string(let text): return name + "\"\(string(of: text))\"" + (text.isTruncated ? "..." : "")
        case .structure(let range):
            let members = fields(of: range).map { field in
                names[text: field.name] + ":" + (field.value.map { String($0, radix: 16) } ?? "_")
            }
            return name + "{" + members.joined(separator: " ") + "}"
        case .word(let id): return name + "word " + names[text: id]
        case .omitted: return name + "_"
        }
    }
}

/// A small deterministic random source.
struct SeededRandom: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

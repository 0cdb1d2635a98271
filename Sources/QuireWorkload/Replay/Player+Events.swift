// What strace cannot see and no process does: snapshots, parallel blocks with their conditions, the machine's files.

import Quire

extension Player {
    /// snapshot("label").
    func snapshot(_ s: Statement) throws(ParseError) {
        report.snapshot(try text(s, 0), processes(), line: s.line)
    }

    /// `parallel` … `end`, `expect`, `never`: the block's lines run in the order of the file.
    func concurrency(_ s: Statement) throws(ParseError) {
        switch s.call {
        case .parallel:
            if isInBlock { throw fail(s, "expected 'end' before another 'parallel'") }
            isInBlock = true
        case .end:
            if !isInBlock { throw fail(s, "expected 'parallel' before 'end'") }
            isInBlock = false
        default:
            if isInBlock { throw fail(s, "expected 'end' before a condition") }
            try judge(s)
        }
    }

    private func judge(_ s: Statement) throws(ParseError) {
        let text = s.string(of: s.condition)
        let condition = try Condition(text, names: &names, file: file, line: s.line)
        guard let holds = condition.holds(names) else {
            throw fail(s, "expected names that are bound in '\(text)'")
        }
        let wanted = s.call == .expect
        if holds == wanted { return }
        brokenConditions += 1
        report.divergence(
            Divergence(line: s.line, call: wanted ? "expect" : "never", expected: text, got: holds ? "true" : "false"))
    }

    /// The end of the file.
    func checkEnd() throws(ParseError) {
        if isInBlock { throw ParseError(file: file, line: 0, column: 0, message: "expected 'end' after 'parallel'") }
    }

    /// write_sys and read_sys.
    func systemFile(_ s: Statement, _ actor: Actor) throws(ParseError) -> Outcome {
        let path = try text(s, 0)
        do throws(MachineError) {
            if s.call == .writeSys {
                try machine.set(path, try value(s))
                return .done
            }
            let process = actor.owner.process
            let value: String
            if let file = ProcText(path: path) { value = file.text(of: process) } else { value = try machine.get(path) }
            return Outcome(.nothing, Details(path: path, value: value))
        } catch {
            switch error {
            case .unknownKey: return Outcome(.error(.ENOENT))
            case .readOnly: return Outcome(.error(.EACCES))
            case .badValue, .fixedAtStart: return Outcome(.error(.EINVAL))
            case .noHostMemory: return Outcome(.error(.ENOMEM))
            }
        }
    }

    /// What write_sys writes, as a text or a number.
    private func value(_ s: Statement) throws(MachineError) -> String {
        if let text = s.string(1) { return text }
        if let number = s.integer(1) { return String(number) }
        throw .badValue(key: "", expected: "a value")
    }
}

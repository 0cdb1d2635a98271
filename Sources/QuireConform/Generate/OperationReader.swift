// Any workload file as operations, where it has none but the calls that operations know: names and expressions become the
// numbers that they stood for in a run.

import QuireWorkload

/// The operations of a file, by what its lines came to in a run; nil where a line is something else.
func operations(of text: String, _ record: RunRecord) -> [Operation]? {
    var reader = WorkloadReader(text: text)
    var names = Names()
    var statement = Statement()
    var found: [Operation] = []
    let calls = Dictionary(record.calls.map { ($0.line, $0) }) { $1 }
    while (try? reader.next(into: &statement, names: &names)) ?? false {
        guard statement.kind == .call, statement.call != .snapshot else { continue }
        guard let call = calls[statement.line], let operation = Operation(statement, names, call) else { return nil }
        found.append(operation)
        if let name = statement.binding { names.bind(name, to: .value(call.outcome.number)) }
    }
    return found
}

extension Operation {
    /// A statement as it was played. The first process is 1 in a report and 0 here.
    fileprivate init?(_ s: Statement, _ names: Names, _ call: CallReport) {
        let who = call.pid > 1 ? "[c\(call.pid - 1)] " : ""
        if s.call == .fork || s.call == .vfork {
            guard case .result(let number) = call.outcome else { return nil }
            self.init(s.call == .fork ? .fork : .vfork, [UInt64(number - 1)], process: call.pid - 1)
            return
        }
        var words: [String] = []
        for index in 0..<s.argumentCount {
            if let text = s.string(index) {
                words.append("\"" + text.filter { $0.isLetter && $0.isASCII } + "\"")
            } else if let value = s.integer(index) {
                words.append(s.call == .wait4 && index == 0 ? "c\(Int64(bitPattern: value) - 1)" : hex(value))
            } else {
                return nil
            }
        }
        self.init(line: who + names.text(of: s.call) + "(" + words.joined(separator: ", ") + ")")
    }
}

extension CallReport.Outcome {
    /// What a name is bound to.
    fileprivate var number: UInt64 {
        switch self {
        case .result(let number): UInt64(bitPattern: number)
        case .address(let address): address
        case .error, .signal, .unsupported, .lost: .max
        case .none: 0
        }
    }
}

// Which names the lines of a litmus test may use. What another thread binds in the block is not known to a line of it: when it runs,
// that may not have happened, and an outcome would depend on what the name stood for before. Said when the file is read, so
// that nothing is explored of a test that means something else.

extension LitmusFile {
    /// The lines that do something, conditions excepted.
    var allLines: [Line] { preparation + sequences.flatMap(\.lines) + epilogue }

    /// Checks that each line of the block uses names of its own thread and of what stands before the block, and that its actors
    /// are there when it begins.
    func checkNames() throws(ParseError) {
        var before = names
        var made: Set<NameID> = []
        for line in preparation {
            guard let id = line.statement.binding else { continue }
            before.declare(id)
            if line.statement.call.makesActor { made.insert(id) } else { made.remove(id) }
        }
        for sequence in sequences {
            let first = sequence.lines[0]
            if case .name(let id) = sequence.prefix, !made.contains(id) {
                throw ParseError(
                    file: file, line: first.number, column: column(of: names[text: id], in: first),
                    message: "expected a process or thread that was made before the block, found '\(names[text: id])'")
            }
            try checkNames(of: sequence, before)
        }
    }

    private func checkNames(of sequence: Sequence, _ before: Names) throws(ParseError) {
        var own = before
        var statement = Statement()
        for line in sequence.lines {
            do throws(ParseError) {
                try statement.parse(
                    ContiguousArray((line.text + "\n").utf8), line: line.number, file: file, names: &own)
            } catch {
                // It could be read with all names of the file.
                let name = String(
                    decoding: line.text.utf8.dropFirst(error.column - 1).prefix { $0.isInName }, as: UTF8.self)
                throw ParseError(
                    file: file, line: line.number, column: error.column,
                    message: "expected a name bound before the block or by the same thread, found '\(name)'")
            }
            if let id = line.statement.binding { own.declare(id) }
        }
    }

    private func column(of name: String, in line: Line) -> Int { (Self.offset(of: name, in: line.text) ?? 0) + 1 }

    /// Where a name stands in a text, in bytes from its start.
    static func offset(of name: String, in text: String) -> Int? {
        let bytes = Array(text.utf8)
        var at = 0
        while at < bytes.count {
            let word = bytes[at...].prefix { $0.isInName }
            if word.elementsEqual(name.utf8) { return at }
            at += max(word.count, 1)
        }
        return nil
    }
}

extension CallName {
    /// What makes a process or a thread.
    var makesActor: Bool { makesProcess || self == .thread }

    /// Whether something comes back that a name can stand for.
    var hasResult: Bool {
        switch self {
        case .snapshot, .exit, .exitGroup: false
        default: true
        }
    }
}

// A litmus test: a workload file with one `parallel` block, taken apart. What stands before the block prepares, each prefix in
// the block is a sequence that runs concurrently with the others, what stands behind it looks, and `expect` and `never` judge.
// Whoever runs it (an explorer, the live kernel) writes an outcome the same way: OutcomeText.

/// A workload file with a `parallel` block.
///
///     a = mmap(0x100000000000, 2M, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
///     t = thread()
///     parallel
///     madvise(a, 2M, MADV_DONTNEED)
///     [t] store(a, 1, 7)
///     end
///     r1 = load(a, 1)
///     never r1 == 8
public struct LitmusFile: Sendable {
    /// One line.
    public struct Line: Sendable {
        /// Its number in the file, from 1.
        public var number: Int
        /// Its text without the line feed.
        public var text: String
        /// The line as parsed, with names not evaluated.
        public var statement: Statement
    }

    /// The lines of one actor in the block, in their order.
    public struct Sequence: Sendable {
        /// Whose lines: none is the first process.
        public var prefix: Statement.Prefix
        public var lines: [Line]
    }

    /// `expect` or `never`.
    public struct Judgement: Sendable {
        public var number: Int
        /// The condition's text.
        public var text: String
        /// The byte at which that begins in its line, from 1.
        var column: Int
        /// True: it must hold in every outcome; false: in none.
        public var isExpected: Bool
        public var condition: Condition
    }

    /// The file's name, for messages.
    public let file: String
    /// The first comment: what the test is about; empty where there is none.
    public private(set) var title = ""
    /// Comments and settings before the first line that does something.
    public private(set) var head: [Line] = []
    public private(set) var preparation: [Line] = []
    /// By the order in which they first appear.
    public private(set) var sequences: [Sequence] = []
    public private(set) var epilogue: [Line] = []
    public private(set) var judgements: [Judgement] = []
    /// The names whose values make the outcome: those bound in the block and behind it, in the order of the file.
    public private(set) var observed: [NameID] = []
    /// The names that judgements ask for and that are none of those: bound before the block, or to a process or thread.
    public private(set) var asked: [NameID] = []
    /// All names of the file; none of those that it binds is bound yet.
    public private(set) var names = Names()

    /// The most sequences.
    public static let mostSequences = 8

    /// Reads a file. Throws a `ParseError` with line and column where it cannot be read or is no litmus test.
    public init(path: String) throws(ParseError) { try self.init(WorkloadReader(path: path)) }

    /// Reads a text.
    public init(text: String, file: String = "litmus") throws(ParseError) {
        try self.init(WorkloadReader(text: text, file: file))
    }

    private enum Part { case before, inside, after }

    private init(_ source: WorkloadReader) throws(ParseError) {
        var reader = source
        reader.checksOnly = true
        file = reader.file
        var statement = Statement()
        var part = Part.before
        while try reader.next(into: &statement, names: &names) {
            let bytes = reader.currentLine.prefix { $0 != 0x0A && $0 != 0x0D }
            let line = Line(
                number: statement.line, text: String(decoding: bytes, as: UTF8.self), statement: statement)
            try take(line, &part)
        }
        guard part == .after else {
            let found = part == .inside ? "expected 'end' after 'parallel'" : "expected a 'parallel' block"
            throw ParseError(file: file, line: reader.line, column: 1, message: found)
        }
        for line in allLines { line.statement.binding.map { names.withdraw($0) } }
        try checkNames()
    }

    private mutating func take(_ line: Line, _ part: inout Part) throws(ParseError) {
        let statement = line.statement
        guard statement.kind == .call else {
            if statement.kind == .comment, title.isEmpty, part == .before, preparation.isEmpty {
                title = statement.string(of: statement.comment)
            }
            if part == .before, preparation.isEmpty { head.append(line) }
            return
        }
        switch (statement.call, part) {
        case (.parallel, .before): part = .inside
        case (.parallel, _): throw fail(line, "expected one 'parallel' block")
        case (.end, .inside):
            guard !sequences.isEmpty else { throw fail(line, "expected lines between 'parallel' and 'end'") }
            part = .after
        case (.end, _): throw fail(line, "expected 'parallel' before 'end'")
        case (.expect, .after), (.never, .after): try judge(line)
        case (.expect, _), (.never, _): throw fail(line, "expected 'end' before a condition")
        default:
            if case .unknown = statement.call { throw fail(line, "expected a call that the model knows") }
            if statement.binding != nil, !statement.call.hasResult {
                throw fail(line, "expected a call that has a result to bind")
            }
            // What a process or thread is numbered is no result.
            if part != .before, !statement.call.makesActor, let id = statement.binding, !observed.contains(id) {
                observed.append(id)
            }
            switch part {
            case .before: preparation.append(line)
            case .inside: try append(line)
            case .after: epilogue.append(line)
            }
        }
    }

    private mutating func append(_ line: Line) throws(ParseError) {
        let prefix = line.statement.prefix
        if let place = sequences.firstIndex(where: { $0.prefix == prefix }) {
            sequences[place].lines.append(line)
            return
        }
        guard sequences.count < Self.mostSequences else {
            throw fail(line, "expected at most \(Self.mostSequences) threads and processes in a block")
        }
        sequences.append(Sequence(prefix: prefix, lines: [line]))
    }

    private mutating func judge(_ line: Line) throws(ParseError) {
        let text = line.statement.string(of: line.statement.condition)
        let condition = try Condition(text, names: &names, file: file, line: line.number)
        let isExpected = line.statement.call == .expect
        let keyword = Int(line.statement.callColumn) + (isExpected ? "expect" : "never").utf8.count
        let column = keyword + line.text.utf8.dropFirst(keyword - 1).prefix { $0.isBlank }.count
        let bound = Set(allLines.compactMap(\.statement.binding))
        for id in condition.names where bound.contains(id) && !observed.contains(id) && !asked.contains(id) {
            asked.append(id)
        }
        judgements.append(
            Judgement(number: line.number, text: text, column: column, isExpected: isExpected, condition: condition))
    }

    private func fail(_ line: Line, _ message: String) -> ParseError {
        ParseError(file: file, line: line.number, column: Int(line.statement.callColumn), message: message)
    }
}

extension LitmusFile {
    /// How an outcome is written: the observed names in the file's order, values in hexadecimal, errors and signals by name.
    /// `(none)` where nothing is observed.
    public func outcomeText(_ names: Names) -> String {
        if observed.isEmpty { return "(none)" }
        return observed.map { id in "\(names[text: id])=\(Self.text(names.binding(of: id)))" }.joined(separator: " ")
    }

    /// A name's value as an outcome shows it.
    public static func text(_ binding: Binding?) -> String {
        switch binding {
        case .none: "?"
        case .value(let value): "0x" + String(value, radix: 16)
        case .error(let number): ErrorNames.name(of: number)
        case .signal(let number): number == 7 ? "SIGBUS" : number == 9 ? "SIGKILL" : "SIGSEGV"
        }
    }

    /// Whether a judgement is broken by an outcome's names. Throws where one of its names has no value in this outcome, because
    /// its line did not run: then neither can be said.
    public func isBroken(_ judgement: Judgement, _ names: Names) throws(ParseError) -> Bool {
        if let holds = judgement.condition.holds(names) { return holds != judgement.isExpected }
        let missing = judgement.condition.names.first { names.binding(of: $0) == nil }
        let name = missing.map { names[text: $0] } ?? "?"
        let column = judgement.column + (Self.offset(of: name, in: judgement.text) ?? 0)
        throw ParseError(
            file: file, line: judgement.number, column: column,
            message: "expected a name that has a value in every outcome; the line of '\(name)' did not run")
    }
}

// A workload line, from bytes to a `Statement`, in one pass: prefix, time, binding, call, arguments, result, comment.
// The parser owns no bytes: it is given a span and the index at which the line begins, and ends on the line feed. The
// arguments, expressions and decorations are in files of their own beside this one.

/// Parses lines.
///
/// Every function takes the span and moves `at`; reading beyond the span gives a line feed, which nothing skips, so a
/// broken line ends where it ends. Failures are thrown as `Malformed`, which holds no reference.
struct StatementParser {
    static let deepest = 64

    /// Whether names get their values, or a line is only checked (the lines of a parallel block that runs later).
    enum Mode: Sendable { case evaluate, check }

    var at = 0
    var start = 0
    var depth = 0
    var mode = Mode.evaluate
    /// The line bears marks of a tracer: a numeric pid, a time, a result.
    var isRecorded = false
    /// What was wrong with an argument, should the line turn out not to be recorded.
    var pending: Malformed?

    /// Parses the line at `start`; afterwards `at` is at its line feed, unless an error was thrown.
    mutating func parse(
        _ bytes: Span<UInt8>, from start: Int, line: Int, into statement: inout Statement, names: inout Names
    ) throws(Malformed) {
        at = start
        self.start = start
        depth = 0
        isRecorded = false
        pending = nil
        statement.reset(line: line)
        skipBlanks(bytes)
        let first = bytes.peek(at)
        if first == 0x23 {
            try commentLine(bytes, into: &statement)
            return
        }
        if first.endsLine {
            return try endOfLine(bytes, into: &statement)
        }
        try prefix(bytes, into: &statement, names: &names)
        let next = bytes.peek(at)
        if next.startsName {
            try call(bytes, into: &statement, names: &names)
        } else {
            try note(bytes, into: &statement, names: &names)
        }
        try endOfLine(bytes, into: &statement)
        if let pending {
            if !isRecorded || !statement.call.hasForeignArguments { throw pending }
            self.pending = nil
        }
    }

    // MARK: Calls

    /// `call(…) = result`, `name = call(…)`.
    private mutating func call(
        _ bytes: Span<UInt8>, into statement: inout Statement, names: inout Names
    ) throws(Malformed) {
        var begin = at
        var key = scanName(bytes)
        if key == .expect || key == .never {
            statement.kind = .call
            statement.call = key == .expect ? .expect : .never
            statement.callColumn = Int32(truncatingIfNeeded: begin - start + 1)
            return try condition(bytes, into: &statement, names: &names)
        }
        if bytes.peek(at) != 0x28 {
            skipBlanks(bytes)
            switch bytes.peek(at) {
            case 0x28: break
            case 0x3D:
                guard let id = names.intern(key, in: bytes, at: begin) else {
                    throw Malformed(key.count > Names.longest ? .shortName : .fewNames, at: begin)
                }
                at += 1
                statement.binding = id
                skipBlanks(bytes)
                begin = at
                guard bytes.peek(at).startsName else { throw Malformed(.callAfterBinding, at: at) }
                key = scanName(bytes)
                skipBlanks(bytes)
                if bytes.peek(at) != 0x28 { throw Malformed(.openParenthesis, at: at) }
            default:
                if word(bytes, key: key, begin: begin, into: &statement, names: names) { return }
                throw Malformed(.openParenthesis, at: at)
            }
        }
        statement.kind = .call
        statement.callColumn = Int32(truncatingIfNeeded: begin - start + 1)
        try setCall(bytes, key: key, begin: begin, into: &statement, names: &names)
        at += 1
        if case .unknown = statement.call {
            try skipArguments(bytes, into: &statement)
        } else {
            try arguments(bytes, into: &statement, names: &names)
        }
        try result(bytes, into: &statement, names: &names)
        if mode == .check, let id = statement.binding { names.declare(id) }
    }

    /// Finds or makes the call's number.
    mutating func setCall(
        _ bytes: Span<UInt8>, key: NameKey, begin: Int, into statement: inout Statement, names: inout Names
    ) throws(Malformed) {
        if let id = names.find(key, in: bytes, at: begin) {
            statement.call = names.entries[Int(id.index)].call ?? .unknown(id)
            return
        }
        guard let id = names.intern(key, in: bytes, at: begin) else {
            throw Malformed(key.count > Names.longest ? .shortName : .fewNames, at: begin)
        }
        statement.call = .unknown(id)
    }

    /// The words of a parallel block, which have no parentheses, and what a tracer says about itself.
    private mutating func word(
        _ bytes: Span<UInt8>, key: NameKey, begin: Int, into statement: inout Statement, names: Names
    ) -> Bool {
        if bytes.holds("strace:", at: begin) || bytes.holds("Process ", at: begin) {
            skipToEnd(bytes)
            return true
        }
        guard let id = names.find(key, in: bytes, at: begin), let call = names.entries[Int(id.index)].call else {
            return false
        }
        statement.callColumn = Int32(truncatingIfNeeded: begin - start + 1)
        switch call {
        case .parallel, .end:
            statement.kind = .call
            statement.call = call
            return true
        default:
            return false
        }
    }

    private mutating func condition(
        _ bytes: Span<UInt8>, into statement: inout Statement, names: inout Names
    ) throws(Malformed) {
        skipBlanks(bytes)
        let begin = at
        while !bytes.peek(at).endsLine && bytes.peek(at) != 0x23 { at += 1 }
        var end = at
        while end > begin && bytes.peek(end - 1).isBlank { end -= 1 }
        statement.condition = try keep(bytes, begin..<end, in: &statement)
        var compiler = Condition.Compiler(at: begin, end: end)
        _ = try compiler.compile(bytes, names: &names)
    }

    // MARK: Ends of lines

    /// Blanks, a comment, the line feed.
    @inline(__always)
    private mutating func endOfLine(_ bytes: Span<UInt8>, into statement: inout Statement) throws(Malformed) {
        skipBlanks(bytes)
        if bytes.peek(at) == 0x0A { return }
        try endOfLineSlowly(bytes, into: &statement)
    }

    private mutating func endOfLineSlowly(
        _ bytes: Span<UInt8>, into statement: inout Statement
    ) throws(Malformed) {
        if bytes.peek(at) == 0x23 {
            at += 1
            skipBlanks(bytes)
            statement.isImage = bytes.holds("image", at: at) && !bytes.peek(at + 5).isInName
            statement.comment = try commentText(bytes, into: &statement)
        }
        if bytes.peek(at) == 0x0D && bytes.peek(at + 1) == 0x0A { at += 1 }
        if bytes.peek(at) != 0x0A { throw Malformed(.lineEnd, at: at) }
    }

    /// A line that begins with `#`.
    private mutating func commentLine(_ bytes: Span<UInt8>, into statement: inout Statement) throws(Malformed) {
        at += 1
        skipBlanks(bytes)
        statement.kind = .comment
        if bytes.holds("requires:", at: at) {
            statement.kind = .requires
            at += 9
        } else if bytes.holds("machine:", at: at) {
            statement.kind = .machine
            at += 8
        } else if bytes.holds("recorded-on:", at: at) {
            statement.kind = .recordedOn
            at += 12
        }
        statement.comment = try commentText(bytes, into: &statement)
        if bytes.peek(at) == 0x0D { at += 1 }
    }

    /// The rest of the line without the blanks around it.
    private mutating func commentText(
        _ bytes: Span<UInt8>, into statement: inout Statement
    ) throws(Malformed) -> Statement.Text {
        skipBlanks(bytes)
        let begin = at
        skipToEnd(bytes)
        var end = at
        while end > begin && bytes.peek(end - 1).isBlank { end -= 1 }
        return try keep(bytes, begin..<end, in: &statement)
    }

    /// Copies bytes into the statement.
    func keep(
        _ bytes: Span<UInt8>, _ range: Range<Int>, in statement: inout Statement
    ) throws(Malformed) -> Statement.Text {
        let begin = statement.text.count
        for index in range { statement.text.append(bytes.peek(index)) }
        return Statement.Text(
            start: Int32(truncatingIfNeeded: begin), count: Int32(truncatingIfNeeded: range.count))
    }

    // MARK: Steps

    @inline(__always)
    mutating func skipBlanks(_ bytes: Span<UInt8>) {
        while bytes.peek(at).isBlank { at &+= 1 }
    }

    /// To the line feed, or the carriage return before it.
    mutating func skipToEnd(_ bytes: Span<UInt8>) {
        while true {
            let byte = bytes.peek(at)
            if byte == 0x0A || (byte == 0x0D && bytes.peek(at + 1) == 0x0A) { return }
            at += 1
        }
    }

    /// Takes a byte, behind any blanks.
    @inline(__always)
    mutating func take(_ byte: UInt8, _ bytes: Span<UInt8>) -> Bool {
        skipBlanks(bytes)
        guard bytes.peek(at) == byte else { return false }
        at &+= 1
        return true
    }

    /// Scans the name at `at`.
    @inline(__always)
    mutating func scanName(_ bytes: Span<UInt8>) -> NameKey {
        var key = NameKey()
        var byte = bytes.peek(at)
        repeat {
            key.append(byte)
            at &+= 1
            byte = bytes.peek(at)
        } while byte.isInName
        return key
    }
}

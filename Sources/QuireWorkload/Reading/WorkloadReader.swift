// A workload file as a stream of statements, in constant memory: one buffer that holds at least the longest permitted
// line, of which the part up to the last line feed is ready to be parsed. Names live with the caller, because machines
// that run in step over one input bind the same names to different values.

/// Reads a workload line by line.
///
/// ```swift
/// var reader = try WorkloadReader(path: "app.q.xz")
/// var names = Names()
/// var statement = Statement()
/// while try reader.next(into: &statement, names: &names) {
///     // run the statement, then names.bind(binding, to: .value(result))
/// }
/// ```
///
/// After a `ParseError` with a line, `next` goes on with the following line (`--keep-going`); errors of the file itself
/// come back each time.
public struct WorkloadReader {
    /// The longest line that is read, in bytes.
    public static let longestLine = 1 << 20
    private static let chunk = 256 << 10

    /// The file's name for messages and reports; `-` for standard input.
    public let file: String
    /// The number of the line read last, from 1.
    public private(set) var line = 0
    /// Lines are only checked, not evaluated: names bound by lines that have not run count as known. Meant for the body
    /// of a `parallel` block, whose lines are kept (`currentLine`) and parsed again when they run.
    public var checksOnly = false

    private let source: any ByteSource
    private var buffer: ContiguousArray<UInt8>
    /// The current line begins here.
    private var start = 0
    /// The next line begins here.
    private var position = 0
    /// Up to here there are whole lines.
    private var complete = 0
    /// Up to here there are bytes.
    private var filled = 0
    private var atEnd = false
    private var failure: ParseError?

    /// Reads from a source under a name.
    public init(source: any ByteSource, file: String) {
        self.init(source: source, file: file, capacity: WorkloadReader.longestLine + WorkloadReader.chunk + 1)
    }

    /// A reader with a buffer of another size: only for inputs that are known to be short.
    init(source: any ByteSource, file: String, capacity: Int) {
        self.source = source
        self.file = file
        buffer = ContiguousArray(repeating: 0, count: capacity)
    }

    /// Reads a text in memory.
    public init(text: String, file: String = "workload") {
        self.init(source: MemorySource(text), file: file)
    }

    /// Reads a file, `-` for standard input, plain or compressed with xz, gzip or zstd.
    public init(path: String) throws(ParseError) {
        let name = path
        do throws(InputError) {
            self.init(source: try FileSource(path: path), file: name)
        } catch {
            throw ParseError(file: name, line: 0, column: 0, message: error.description)
        }
    }

    /// Parses the next line; false at the end.
    public mutating func next(into statement: inout Statement, names: inout Names) throws(ParseError) -> Bool {
        if position >= complete {
            guard try fill() else { return false }
        }
        start = position
        line &+= 1
        try parse(into: &statement, names: &names)
        return true
    }

    /// Parses the current line once more, with the names of another machine.
    public mutating func again(into statement: inout Statement, names: inout Names) throws(ParseError) {
        guard line > 0 else { return }
        try parse(into: &statement, names: &names)
    }

    /// The bytes of the current line with its line feed.
    public var currentLine: ContiguousArray<UInt8> {
        ContiguousArray(buffer[start..<max(start, position)])
    }

    @inline(__always)
    private mutating func parse(into statement: inout Statement, names: inout Names) throws(ParseError) {
        // A parser of its own each time stays in registers and on the stack.
        var parser = StatementParser()
        if checksOnly { parser.mode = .check }
        do throws(Malformed) {
            try parser.parse(
                buffer.span.extracting(0..<complete), from: start, line: line, into: &statement, names: &names)
            position = parser.at &+ 1
        } catch {
            throw reject(error, names)
        }
        if position &- start > WorkloadReader.longestLine { throw tooLong() }
    }

    /// Skips the broken line and says what was wrong with it.
    private mutating func reject(_ error: Malformed, _ names: Names) -> ParseError {
        let begin = start
        position = min(max(error.at, begin), complete)
        while position < complete && buffer[position] != 0x0A { position += 1 }
        position += 1
        if position - begin > WorkloadReader.longestLine { return tooLong() }
        return error.described(buffer.span, from: begin, file: file, line: line, names: names)
    }

    private func tooLong() -> ParseError {
        ParseError(
            file: file, line: line, column: WorkloadReader.longestLine + 1,
            message: "expected the end of the line within 1 MiB")
    }

    // MARK: The buffer

    /// Makes at least one whole line ready; false at the end of the input.
    private mutating func fill() throws(ParseError) -> Bool {
        if let failure { throw failure }
        // Move what is left of a line to the front.
        let rest = filled - position
        if rest > 0 && position > 0 {
            for index in 0..<rest { buffer[index] = buffer[position + index] }
        }
        filled = max(rest, 0)
        position = 0
        complete = 0
        var searched = 0
        while !atEnd {
            if let end = lastLineFeed(from: searched) {
                complete = end + 1
                return true
            }
            if filled > WorkloadReader.longestLine { return try overlong() }
            searched = filled
            let count = try more(at: filled)
            filled += count
            if count == 0 {
                atEnd = true
                if filled == 0 { return false }
                // The last line has no line feed.
                buffer[filled] = 0x0A
                filled += 1
                complete = filled
                return true
            }
        }
        return false
    }

    private func lastLineFeed(from begin: Int) -> Int? {
        var index = filled
        while index > begin {
            index -= 1
            if buffer[index] == 0x0A { return index }
        }
        return nil
    }

    private mutating func more(at offset: Int) throws(ParseError) -> Int {
        do throws(InputError) {
            let room = buffer.count - 1 - offset
            return try source.read(into: &buffer, at: offset, limit: min(WorkloadReader.chunk, room))
        } catch {
            let error = ParseError(file: file, line: 0, column: 0, message: error.description)
            failure = error
            throw error
        }
    }

    /// A line that does not fit: passes over it without keeping it.
    private mutating func overlong() throws(ParseError) -> Bool {
        line += 1
        start = 0
        while true {
            let count = try more(at: 0)
            if count == 0 {
                atEnd = true
                filled = 0
                break
            }
            var end = 0
            while end < count && buffer[end] != 0x0A { end += 1 }
            if end < count {
                position = end + 1
                filled = count
                break
            }
        }
        throw tooLong()
    }
}

extension Statement {
    /// Parses one line that was kept, for instance by `WorkloadReader.currentLine`, again.
    public mutating func parse(
        _ bytes: ContiguousArray<UInt8>, line: Int, file: String, names: inout Names
    ) throws(ParseError) {
        var parser = StatementParser()
        do throws(Malformed) {
            try parser.parse(bytes.span, from: 0, line: line, into: &self, names: &names)
        } catch {
            throw error.described(bytes.span, from: 0, file: file, line: line, names: names)
        }
    }
}

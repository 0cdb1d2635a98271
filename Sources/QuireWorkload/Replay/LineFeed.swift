// The lines of a workload as the players take them, with a look ahead: where a recording shows a pid before the call
// that made it has returned, and several such calls are under way, the lines to come tell whose child it is. What was
// looked at is kept as text and parsed again when its turn comes.

/// A reader that can look ahead a bounded distance.
final class LineFeed {
    /// How far a look ahead goes, in lines and in bytes.
    static let mostLines = 64 << 10
    static let mostBytes = 16 << 20

    private enum Line {
        case text(ContiguousArray<UInt8>, number: Int)
        case broken(ParseError)
    }

    private var reader: WorkloadReader
    /// Lines that were read ahead, from `head` on.
    private var ahead: [Line] = []
    private var head = 0
    private var bytesAhead = 0
    private var current: Line?
    private var atEnd = false
    /// The caller of each fork, vfork or clone whose result was seen ahead, by that result.
    private var makers: [Int32: Int32] = [:]
    private var scratch: (names: Names, statement: Statement)?

    /// The file's name for messages.
    let file: String

    /// Lines are only checked: those of a block that runs when all of them are there.
    var checksOnly: Bool {
        get { reader.checksOnly }
        set { reader.checksOnly = newValue }
    }

    init(_ reader: WorkloadReader) {
        self.reader = reader
        file = reader.file
    }

    /// Parses the next line; false at the end.
    @inline(__always)
    func next(into statement: inout Statement, names: inout Names) throws(ParseError) -> Bool {
        if head < ahead.count { return try nextOfAhead(into: &statement, names: &names) }
        if current != nil { current = nil }
        return try reader.next(into: &statement, names: &names)
    }

    /// Parses the current line once more, with the names of another machine.
    func again(into statement: inout Statement, names: inout Names) throws(ParseError) {
        if case .text(let bytes, let number) = current {
            try statement.parse(bytes, line: number, file: file, names: &names)
        } else {
            try reader.again(into: &statement, names: &names)
        }
    }

    /// The bytes of the current line with its line feed.
    var currentLine: ContiguousArray<UInt8> {
        if case .text(let bytes, _) = current { return bytes }
        return reader.currentLine
    }

    private func nextOfAhead(into statement: inout Statement, names: inout Names) throws(ParseError) -> Bool {
        let line = ahead[head]
        head += 1
        if head == ahead.count {
            ahead.removeAll(keepingCapacity: true)
            head = 0
            makers = [:]
        }
        current = line
        switch line {
        case .broken(let error): throw error
        case .text(let bytes, let number):
            bytesAhead -= bytes.count
            try statement.parse(bytes, line: number, file: file, names: &names)
            return true
        }
    }

    /// The pid whose fork, vfork or clone returns `pid` within the distance; nil if none does.
    func maker(of pid: Int32) -> Int32? {
        if let known = makers[pid] { return known }
        var (names, statement) = scratch ?? (Names(), Statement())
        defer { scratch = (names, statement) }
        reader.checksOnly = true
        defer { reader.checksOnly = false }
        while !atEnd, ahead.count - head < LineFeed.mostLines, bytesAhead < LineFeed.mostBytes {
            do throws(ParseError) {
                guard try reader.next(into: &statement, names: &names) else {
                    atEnd = true
                    return nil
                }
            } catch {
                ahead.append(.broken(error))
                if !error.isRecoverable { atEnd = true }
                continue
            }
            let bytes = reader.currentLine
            bytesAhead += bytes.count
            ahead.append(.text(bytes, number: statement.line))
            guard statement.kind == .call, statement.call.makesProcess, case .value(let made) = statement.result,
                case .pid(let caller) = statement.prefix, let number = Int32(exactly: made)
            else { continue }
            makers[number] = caller
            if number == pid { return caller }
        }
        return nil
    }
}

extension CallName {
    /// fork, vfork, clone and clone3.
    var makesProcess: Bool {
        switch self {
        case .fork, .vfork, .clone, .clone3: true
        default: false
        }
    }
}

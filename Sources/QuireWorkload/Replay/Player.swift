// One machine and the lines that are played to it: who acts, what the line does, what the report says of it. Players of
// a comparison run in step over one reading; nothing is shared between them but the line. The calls themselves are in
// `Player+Memory`, `+Files`, `+Processes`, `+Accesses` and `+Events`; `Player+Lines` knows the frame of a line.

import Quire

/// Plays statements to a machine.
final class Player {
    let machine: Machine
    let feed: LineFeed
    let file: String
    /// What this machine's run has bound.
    var names: Names
    let report: RunReport
    let writesCalls: Bool

    /// Actors by number.
    var actors: [Int: Actor] = [:]
    /// Processes that run, by number.
    var residents: [Int: Resident] = [:]
    /// Whom lines without a prefix belong to.
    private(set) var first: Resident
    private(set) var root: Actor
    /// Whether the first process has no number in the file so far, because a tracer prints none while there is one.
    var rootIsUnnumbered: Bool
    /// The next process and thread that get the order of creation as their number.
    var nextNumber = 2
    var nextThread = Actor.firstThread
    /// Calls that have begun and will make a process.
    var makersUnderWay: [Actor] = []

    // The actor of the last line, so that most lines look nobody up.
    var lastPrefix = Statement.Prefix.none
    var lastActor: Actor?

    /// Unknown calls by the number of their name.
    var ignored: [UInt64] = []
    var malformed: UInt64 = 0
    /// Conditions that did not hold.
    var brokenConditions = 0
    var isInBlock = false

    // Names of structure members and arguments.
    let baseName: NameID?
    let lengthName: NameID?

    /// A player whose first process has an empty address space. Throws where the host has no memory for it.
    init(
        machine: Machine, feed: LineFeed, firstPID: Int?, writesCalls: Bool, report: RunReport
    ) throws(Errno) {
        self.machine = machine
        self.feed = feed
        file = feed.file
        self.report = report
        self.writesCalls = writesCalls
        var names = Names()
        baseName = names.intern("iov_base")
        lengthName = names.intern("iov_len")
        self.names = names
        let process = try machine.makeProcess(pid: firstPID ?? 1)
        first = Resident(number: process.pid, process: process)
        root = Actor(number: process.pid, owner: first, task: process.main)
        rootIsUnnumbered = firstPID == nil
        residents[first.number] = first
        actors[root.number] = root
    }

    // MARK: A block's sequences

    /// A player on the same machine, with the same names, for lines that run concurrently with the other's. Nothing that it
    /// learns is shared; `share` gives it its actors.
    init(sharing other: Player, keepsCalls: Bool = false) {
        machine = other.machine
        feed = other.feed
        file = other.file
        names = other.names
        report = keepsCalls ? RunReport(keeping: ()) : RunReport()
        writesCalls = keepsCalls
        (baseName, lengthName) = (other.baseName, other.lengthName)
        (first, root, rootIsUnnumbered) = (other.first, other.root, other.rootIsUnnumbered)
    }

    /// Takes the other's processes and threads over as they are now, the one that lines of `prefix` belong to on a CPU. Children
    /// get numbers of which every CPU has its own.
    func share(_ other: Player, prefix: Statement.Prefix? = nil, cpu: Int = 0) {
        var copies: [Int: Resident] = [:]
        for (number, resident) in other.residents {
            let copy = Resident(number: number, process: resident.process)
            copy.images = resident.images
            copy.hasEnded = resident.hasEnded || resident.process.hasExited
            copy.children = resident.children
            copies[number] = copy
        }
        residents = copies
        actors = [:]
        for (number, actor) in other.actors {
            guard let owner = copies[actor.owner.number] else { continue }
            let copy = Actor(number: number, owner: owner, task: actor.task)
            copy.hasEnded = actor.hasEnded || owner.hasEnded
            actors[number] = copy
        }
        first = copies[other.first.number] ?? other.first
        root = actors[other.root.number] ?? other.root
        (lastPrefix, lastActor) = (.none, nil)
        nextNumber = other.nextNumber + 100 * cpu
        nextThread = other.nextThread + 100 * cpu
        if let prefix, let actor = actor(ofPrefix: prefix) {
            actor.task = actor.owner.process.makeTask(tid: actor.number, cpu: cpu)
        }
    }

    /// Takes over the processes that another player of the block has made.
    func adopt(from other: Player) {
        for (number, resident) in other.residents where residents[number] == nil {
            residents[number] = resident
            if let actor = other.actors[number] { actors[number] = actor }
        }
    }

    /// Who lines with a prefix belong to; nil: nobody yet.
    func actor(ofPrefix prefix: Statement.Prefix) -> Actor? {
        switch prefix {
        case .none: return root
        case .pid(let pid): return actors[Int(pid)]
        case .name(let id):
            guard case .value(let value) = names.binding(of: id), let number = Int(exactly: value) else { return nil }
            return actors[number]
        }
    }

    // MARK: Errors

    /// An error at a byte of the line.
    func fail(_ s: Statement, _ message: String, column: Int32? = nil) -> ParseError {
        ParseError(file: file, line: s.line, column: Int(column ?? s.callColumn), message: message)
    }

    /// The number that a call needs at a position.
    @inline(__always)
    func number(_ s: Statement, _ index: Int) throws(ParseError) -> UInt64 {
        if let value = s.integer(index) { return value }
        throw missing(s, index, "a number")
    }

    /// The text that a call needs at a position.
    func text(_ s: Statement, _ index: Int) throws(ParseError) -> String {
        if let value = s.string(index) { return value }
        throw missing(s, index, "a string")
    }

    func missing(_ s: Statement, _ index: Int, _ what: String) -> ParseError {
        let column = index < s.argumentCount ? s[index].column : nil
        return fail(s, "expected \(what) as argument \(index + 1) of \(names.text(of: s.call))", column: column)
    }

    /// Refuses more arguments than a call takes, in lines that no tracer printed.
    @inline(__always)
    func checkCount(_ s: Statement, most: Int) throws(ParseError) {
        if s.argumentCount > most, s.result == .none, !s.isResumed {
            throw fail(
                s, "expected at most \(most) arguments of \(names.text(of: s.call)), found \(s.argumentCount)",
                column: s[most].column)
        }
    }

    // MARK: The end

    /// Counts a malformed line that is passed over.
    func passOver() { malformed += 1 }

    /// Ends the report. Returns the verdict.
    func finish() throws(InputError) -> ReplayVerdict {
        var unknown: [(name: String, count: UInt64)] = []
        for (index, count) in ignored.enumerated() where count > 0 {
            unknown.append((names[text: NameID(index: UInt32(index))], count))
        }
        if malformed > 0 { unknown.append(("(malformed line)", malformed)) }
        try report.finish(final: processes(), ignored: unknown, counters: machine.counters, tlb: machine.tlbStatistics)
        return report.divergenceCount > 0 || brokenConditions > 0 ? .different : .same
    }

    /// The state of every listed process, by number.
    func processes() -> [ProcessReport] {
        residents.keys.sorted().compactMap { number in
            guard let resident = residents[number], resident.isListed else { return nil }
            return ProcessReport(resident.process, pid: number, areas: true)
        }
    }
}

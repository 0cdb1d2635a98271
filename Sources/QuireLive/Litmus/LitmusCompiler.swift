// Lines of a litmus test into operations. What an argument depends on is only known when the lines run, so each line is
// read several times: with all names standing for 0, and with one of them at a time for 1. An argument that grows by 1
// then is a number plus that result; nothing else can be added in the worker.

import CQuireLive
import QuireWorkload

/// Compiles lines one by one, in the order of the file.
struct LitmusCompiler {
    typealias Argument = LitmusOperation.Argument

    private let file: String
    private var names = Names()
    private(set) var program = LitmusProgram()
    /// The operation whose result a name stands for.
    private var bound: [NameID: Int] = [:]
    private var processes = 1
    private var pins: UInt64 = 0

    init(file: String) {
        self.file = file
        program.actors = [LitmusActor(number: 1, process: 1, starts: true, counts: true)]
    }

    // MARK: Lines

    /// Compiles a line.
    mutating func add(_ text: String, line: Int, to part: LitmusPart) throws(LiveRunError) {
        let bytes = ContiguousArray((text + "\n").utf8)
        let s = try parse(bytes, line)
        guard s.kind == .call, s.call != .snapshot else { return }
        let actor = try self.actor(of: s)
        guard program.actors[actor].exit == nil else { throw refuse(s, "its process has exited") }
        let reading = Reading(statement: s, added: try dependencies(of: s, bytes))
        for place in reading.added.values where part == .block && program.block.contains(place) {
            guard program.operations[place].actor == actor else {
                throw refuse(s, "what another thread does in the block is not known here")
            }
        }
        var operation = try compile(reading, actor, part)
        operation.line = line
        let place = program.operations.count
        guard place < LitmusProgram.mostOperations else {
            throw refuse(s, "at most \(LitmusProgram.mostOperations) operations")
        }
        program.operations.append(operation)
        append(place, to: part)
        if let name = s.binding { bound[name] = place }
        if operation.kind == QUIRE_LITMUS_EXIT { try exit(s, actor, part) }
    }

    /// The operation whose result a name stands for at the end.
    func operation(bound name: String) -> Int? { bound.first { names[text: $0.key] == name }?.value }

    private mutating func append(_ place: Int, to part: LitmusPart) {
        switch part {
        case .before: program.before.append(place)
        case .block: program.block.append(place)
        case .after: program.after.append(place)
        }
    }

    private mutating func parse(_ bytes: ContiguousArray<UInt8>, _ line: Int) throws(LiveRunError) -> Statement {
        for name in bound.keys { names.bind(name, to: .value(0)) }
        return try parseAsBound(bytes, line)
    }

    private mutating func parseAsBound(_ bytes: ContiguousArray<UInt8>, _ line: Int) throws(LiveRunError) -> Statement {
        var statement = Statement()
        do throws(ParseError) {
            try statement.parse(bytes, line: line, file: file, names: &names)
        } catch {
            throw .input(error)
        }
        return statement
    }

    /// The operation whose result is added to each argument, or to a member of a structure behind them.
    private mutating func dependencies(
        of s: Statement, _ bytes: ContiguousArray<UInt8>
    ) throws(LiveRunError) -> [Int: Int] {
        guard s.usesBoundNames else { return [:] }
        let before = Self.numbers(of: s)
        var found: [Int: Int] = [:]
        for (name, place) in bound {
            names.bind(name, to: .value(1))
            let after = Self.numbers(of: try parseAsBound(bytes, s.line))
            names.bind(name, to: .value(0))
            for (index, value) in after where value != before[index] {
                guard value == (before[index] ?? 0) &+ 1, found[index] == nil else {
                    throw refuse(s, "an argument is a number plus at most one result")
                }
                found[index] = place
            }
        }
        return found
    }

    /// The numbers of a line: arguments, then members of structures.
    private static func numbers(of s: Statement) -> [Int: UInt64] {
        var all: [Int: UInt64] = [:]
        for index in 0..<s.argumentCount {
            all[index] = s.integer(index)
            guard case .structure(let range) = s[index].value else { continue }
            for (offset, field) in s.fields(of: range).enumerated() { all[Reading.members + offset] = field.value }
        }
        return all
    }

    private func actor(of s: Statement) throws(LiveRunError) -> Int {
        guard case .name(let name) = s.prefix else {
            if case .pid = s.prefix { throw refuse(s, "a litmus test has no recorded pids") }
            return 0
        }
        guard let place = bound[name], let actor = program.actors.firstIndex(where: { $0.maker?.operation == place })
        else { throw fail(s, "expected the name of a process or thread, found '\(names[text: name])'", column: 2) }
        return actor
    }

    // MARK: Errors

    /// What the worker cannot do.
    func refuse(_ s: Statement, _ reason: String) -> LiveRunError { .skipped("\(file):\(s.line): live: \(reason)") }

    func fail(_ s: Statement, _ message: String, column: Int32? = nil) -> LiveRunError {
        .input(ParseError(file: file, line: s.line, column: Int(column ?? s.callColumn), message: message))
    }

    func text(of call: CallName) -> String { names.text(of: call) }

    // MARK: Processes and threads

    /// thread, fork: a new actor.
    mutating func make(_ s: Statement, _ maker: Int, _ part: LitmusPart) throws(LiveRunError) -> LitmusOperation {
        guard program.actors.count < LitmusProgram.mostActors else {
            throw refuse(s, "at most \(LitmusProgram.mostActors) threads and processes")
        }
        let isThread = s.call == .thread
        guard isThread || CloneRequest(s, names: &names).isPlainFork else {
            throw refuse(s, "\(text(of: s.call)) makes no such process")
        }
        if !isThread { processes += 1 }
        var actor = LitmusActor(
            number: isThread ? 1 << 22 + program.actors.count { $0.isThread } : processes,
            process: isThread ? program.actors[maker].process : processes)
        actor.isThread = isThread
        actor.maker = (program.operations.count, maker)
        actor.starts = part == .before
        actor.counts = part != .after
        program.actors.append(actor)
        return operation(
            isThread ? QUIRE_LITMUS_THREAD : QUIRE_LITMUS_FORK, maker,
            [Argument(UInt64(program.actors.count - 1)), Argument(UInt64(actor.number))])
    }

    /// exit, exit_group: of a child with one thread. Whoever comes next in the order of the file waits until it is gone.
    private mutating func exit(_ s: Statement, _ actor: Int, _ part: LitmusPart) throws(LiveRunError) {
        let process = program.actors[actor].process
        guard let maker = program.actors[actor].maker, program.actors.count(where: { $0.process == process }) == 1,
            program.actors[maker.actor].exit == nil
        else { throw refuse(s, "only a child with one thread exits, before its parent does") }
        program.actors[actor].exit = part
        if part == .before {
            program.actors[actor].starts = false
            program.actors[actor].counts = false
        }
        let (isPid, exitedAndKept) = (UInt64(1), UInt64(0x0100_0004))
        let arguments = [Argument(isPid), Argument(0, .pid(actor)), Argument(0), Argument(exitedAndKept)]
        let wait = operation(QUIRE_LITMUS_CALL, maker.actor, arguments, call: QUIRE_WAITID, line: s.line)
        program.operations.append(wait)
        append(program.operations.count - 1, to: part == .before ? .before : .after)
    }

    func operation(
        _ kind: quire_litmus_kind, _ actor: Int, _ arguments: [Argument], call: quire_call? = nil, line: Int = 0
    ) -> LitmusOperation {
        LitmusOperation(
            kind: kind, actor: actor, line: line, call: call.map { quire_call_number($0) } ?? 0, arguments: arguments)
    }

    /// The actor that an operation makes.
    func actor(madeBy place: Int) -> Int? { program.actors.firstIndex { $0.maker?.operation == place } }

    /// A handle for the next pin.
    mutating func nextPin() -> UInt64 {
        pins += 1
        return pins
    }
}

extension CloneRequest {
    /// Whether it asks for what fork does.
    var isPlainFork: Bool { isPlain && !sharesMemory && refusal == nil }
}

// A litmus test on a machine: the preparation is played once; then each run plays one sequence on each CPU, as whoever
// schedules the machine lets them, and looks at what came of it. Each sequence has a player of its own, so that nothing but the
// machine is shared between them. Between runs the machine goes back to a checkpoint.

public import Quire
public import QuireHost

/// A litmus test, prepared.
public final class LitmusMachine {
    public let file: LitmusFile
    /// The machine, with a CPU for each sequence.
    public let machine: Machine
    /// One for each sequence.
    private let players: [Player]
    /// For what comes before the block, and what comes after it.
    private let base: Player
    private let looker: Player
    private let checkpoint: MachineCheckpoint
    /// A line of the last run that could not be played.
    public private(set) var failure: ParseError?
    /// The names that each sequence binds, and those that any line does from the block on.
    private let bound: [[NameID]]
    private let allBound: [NameID]
    /// Processes that are there after the preparation.
    private let processes: [Process]

    /// One for each sequence.
    public var cpus: Int { file.sequences.count }

    /// Makes the machine and plays the preparation. `settle` is called before the checkpoint is made. Throws where a line is
    /// wrong, a setting is none, or the file requires what the model cannot do.
    public init(
        _ file: LitmusFile, _ options: ReplayOptions = ReplayOptions(), host: Host = .linux,
        settle: (Machine) throws -> Void = { _ in }
    ) throws {
        self.file = file
        var head = WorkloadHead()
        for line in file.head { _ = head.take(line.statement) }
        var options = options
        let given = head.machine.map(\.key) + options.settings.map(\.key)
        if !given.contains("machine.memory") { options.settings.append(("machine.memory", "64M")) }
        options.settings.append(("machine.cpus", String(file.sequences.count)))
        let plan = try MachinePlan(head, options, value: nil, notes: ReplayNotes())
        if let reason = plan.skipped { throw ReplayError.skipped(reason) }
        machine = try plan.makeMachine(host: host)
        let feed = LineFeed(WorkloadReader(text: "", file: file.file))
        base = try Player(machine: machine, feed: feed, firstPID: nil, writesCalls: false, report: RunReport())
        base.names = file.names
        for line in file.preparation { try Self.play(line, base) }
        try settle(machine)
        checkpoint = machine.checkpoint()
        processes = machine.processes
        let base = base
        players = file.sequences.map { _ in Player(sharing: base) }
        looker = Player(sharing: base)
        bound = file.sequences.map { $0.lines.compactMap(\.statement.binding) }
        allBound = bound.flatMap { $0 } + file.epilogue.compactMap(\.statement.binding)
        try checkActors()
    }

    /// That the actors are there when the block begins, and that none ends a process while others are inside it.
    private func checkActors() throws(ParseError) {
        func fail(_ line: LitmusFile.Line, _ column: Int32, _ message: String) -> ParseError {
            ParseError(file: file.file, line: line.number, column: Int(column), message: message)
        }
        let owners = file.sequences.map { base.actor(ofPrefix: $0.prefix)?.owner.number }
        for (sequence, owner) in zip(file.sequences, owners) {
            guard let owner else {
                throw fail(sequence.lines[0], 1, "expected a process or thread that was made before the block")
            }
            let isAlone = owners.count { $0 == owner } == 1
            for line in sequence.lines where !isAlone && [.exit, .exitGroup].contains(line.statement.call) {
                throw fail(
                    line, line.statement.callColumn, "expected the end of a process with one thread in the block")
            }
        }
    }

    /// Plays one line: its arguments are evaluated now.
    private static func play(_ line: LitmusFile.Line, _ player: Player) throws(ParseError) {
        var statement = Statement()
        try statement.parse(
            ContiguousArray((line.text + "\n").utf8), line: line.number, file: player.file, names: &player.names)
        try player.step(statement)
    }

    /// Goes back to the beginning of a run. Every operation goes to the hook from now on.
    public func begin(_ hook: ScheduleHook, without omissions: Omissions = .none) {
        machine.restore(checkpoint)
        failure = nil
        for (number, sequence) in file.sequences.enumerated() {
            players[number].share(base, prefix: sequence.prefix, cpu: number)
            for id in bound[number] { players[number].names.restore(id, from: base.names) }
        }
        machine.explore(with: hook, without: omissions)
    }

    /// Plays a sequence on the CPU of its number; `noted` is told each line's text before it runs.
    public func act(_ number: Int, noted: (String) -> Void) {
        for line in file.sequences[number].lines {
            noted(line.text)
            do throws(ParseError) { try Self.play(line, players[number]) } catch {
                if failure == nil { failure = error }
                return
            }
        }
    }

    /// Looks at what came of a run: invariants, the lines behind the block, the outcome's text, and the numbers of the
    /// judgements that it breaks. The machine runs without schedule points.
    public func finish() throws -> (text: String, broken: [Int]) {
        machine.pauseExploration()
        if let failure { throw failure }
        for process in processes where !process.hasExited { process.checkInvariants() }
        looker.share(base)
        for id in allBound { looker.names.restore(id, from: base.names) }
        for (player, sequence) in zip(players, file.sequences) {
            looker.adopt(from: player)
            for line in sequence.lines {
                guard let id = line.statement.binding, let binding = player.names.binding(of: id) else { continue }
                looker.names.bind(id, to: binding)
            }
        }
        for line in file.epilogue { try Self.play(line, looker) }
        let broken = try file.judgements.indices.filter { try file.isBroken(file.judgements[$0], looker.names) }
        let text = file.outcomeText(looker.names)
        machine.requireNothingLeft()
        return (text, broken)
    }
}

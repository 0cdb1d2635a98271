// Recorded threads on real ones: accesses that follow each other in the file run at the same time, each CPU's on a thread of its
// own; every other line waits for those before it and is waited for by those behind it, since what it does to areas and
// processes may be what the others rely on. A `parallel` block has no such order: each of its sequences runs on a thread as it
// comes. Outcomes are compared, bound and reported in the order of the file.

import Quire
import QuireHost

/// Plays lines to a machine in parallel mode.
final class ThreadedLines {
    private let player: Player
    private let feed: LineFeed
    private var batch: [(statement: Statement, actor: Actor)] = []
    private var sequences: [Sequence] = []

    /// The most lines that wait.
    private static let mostWaiting = 4096

    /// The lines of one actor in a block.
    private struct Sequence {
        var prefix: Statement.Prefix
        var lines: [(bytes: ContiguousArray<UInt8>, number: Int)]
    }

    init(_ player: Player, _ feed: LineFeed) {
        self.player = player
        self.feed = feed
    }

    /// Plays one line, or keeps it until others have come.
    func step(_ s: Statement) throws(ParseError) {
        if player.isInBlock, s.kind == .call, s.call != .end { return try keep(s) }
        if s.isPlainAccess, let actor = try player.actor(of: s) {
            batch.append((s, actor))
            if batch.count == Self.mostWaiting { try flush() }
            return
        }
        try flush()
        try player.step(s)
        switch s.call {
        case .parallel where s.kind == .call: feed.checksOnly = true
        case .end where s.kind == .call:
            feed.checksOnly = false
            try runBlock()
        default: break
        }
    }

    /// The end of the file.
    func finish() throws(ParseError) { try flush() }

    // MARK: Accesses

    private func flush() throws(ParseError) {
        guard !batch.isEmpty else { return }
        let lines = batch
        batch.removeAll(keepingCapacity: true)
        var groups: [Int: [Int]] = [:]
        for (place, line) in lines.enumerated() { groups[line.actor.task.cpu.index, default: []].append(place) }
        let places = Array(groups.values)
        let parts = HostThreads.map(places.count) { group in
            places[group].map { place in
                Result { () throws(ParseError) in try player.execute(lines[place].statement, lines[place].actor) }
            }
        }
        var outcomes = [Result<Outcome, ParseError>?](repeating: nil, count: lines.count)
        for (group, part) in zip(places, parts) {
            for (place, outcome) in zip(group, part) { outcomes[place] = outcome }
        }
        for (line, outcome) in zip(lines, outcomes) {
            if let outcome { player.conclude(line.statement, line.actor, try outcome.get()) }
        }
    }

    // MARK: Blocks

    private func keep(_ s: Statement) throws(ParseError) {
        switch s.call {
        case .parallel, .expect, .never: return try player.step(s)
        default: break
        }
        let line = (bytes: feed.currentLine, number: s.line)
        if let place = sequences.firstIndex(where: { $0.prefix == s.prefix }) {
            sequences[place].lines.append(line)
        } else {
            sequences.append(Sequence(prefix: s.prefix, lines: [line]))
        }
    }

    private func runBlock() throws(ParseError) {
        let sequences = self.sequences
        self.sequences = []
        guard sequences.count <= player.machine.configuration.cpus else {
            throw ParseError(
                file: feed.file, line: sequences.last?.lines.first?.number ?? 0, column: 1,
                message: "expected at most as many threads in a block as the machine has CPUs (machine.cpus)")
        }
        let players = sequences.enumerated().map { number, sequence in
            let one = Player(sharing: player, keepsCalls: player.writesCalls)
            one.share(player, prefix: sequence.prefix, cpu: number)
            return one
        }
        let results = HostThreads.map(sequences.count) { number in
            Result { () throws(ParseError) in
                var statement = Statement()
                for line in sequences[number].lines {
                    let one = players[number]
                    try statement.parse(line.bytes, line: line.number, file: one.file, names: &one.names)
                    try one.step(statement)
                }
            }
        }
        for result in results { try result.get() }
        try join(players, sequences)
    }

    /// Brings what the sequences came to back to the player of the file.
    private func join(_ players: [Player], _ sequences: [Sequence]) throws(ParseError) {
        var calls: [CallReport] = []
        var statement = Statement()
        for (one, sequence) in zip(players, sequences) {
            player.adopt(from: one)
            calls += one.report.takeCalls()
            for line in sequence.lines {
                try statement.parse(line.bytes, line: line.number, file: one.file, names: &one.names)
                if let id = statement.binding, let binding = one.names.binding(of: id) {
                    player.names.bind(id, to: binding)
                }
            }
        }
        for call in calls.sorted(by: { $0.line < $1.line }) { player.report.call(call) }
    }
}

extension Statement {
    /// An access that begins and ends on its line.
    var isPlainAccess: Bool {
        guard kind == .call, !isUnfinished, !isResumed else { return false }
        switch call {
        case .touchRead, .touchWrite, .store: return true
        case .load: return binding == nil
        default: return false
        }
    }
}

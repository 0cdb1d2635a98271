// The replay of a workload file: reads its head, makes a machine for each value to compare, and plays one line after
// the other to all of them, so that any input, standard input too, is read once and never kept.

public import Quire
import QuireHost

/// Why a replay cannot go on: exit status 2, but for `skipped`.
public enum ReplayError: Error, CustomStringConvertible {
    /// The workload: a line that cannot be read or played, with its place.
    case input(ParseError)
    /// The report cannot be written.
    case output(InputError)
    /// A setting that is none, or a machine that cannot be made.
    case setting(String)
    /// The file requires what the model cannot do (`ReplaySession`; a report says so itself): exit status 77.
    case skipped(String)

    public var description: String {
        switch self {
        case .input(let error): error.description
        case .output(let error): "the report: \(error)"
        case .setting(let message): message
        case .skipped(let reason): "skipped: \(reason)"
        }
    }
}

/// Replays workloads.
///
///     let replay = Replay(ReplayOptions(), host: .linux)
///     let verdict = try replay.run(WorkloadReader(path: "app.q.xz"), to: DescriptorSink(descriptor: 1))
public struct Replay {
    private static let linesPerNote = 1 << 16
    private static let mostWarnings = 20

    let options: ReplayOptions
    let host: Host
    let notes: ReplayNotes

    /// The CPUs of a machine whose threads are real ones, unless somebody says otherwise.
    static let threadedCPUs = 8

    /// A replay with these choices on machines of this host.
    public init(_ options: ReplayOptions, host: Host = .linux, notes: ReplayNotes = ReplayNotes()) {
        self.options = options
        self.host = host
        self.notes = notes
    }

    /// Plays a workload and writes the report. `record` also keeps all of it (of the first machine).
    public func run(
        _ reader: WorkloadReader, to sink: any ByteSink, record: RunRecord? = nil
    ) throws(ReplayError) -> ReplayVerdict {
        let feed = LineFeed(reader)
        var statement = Statement()
        var head = WorkloadHead()
        do throws(ParseError) {
            try read(&head, &statement, feed)
        } catch {
            throw .input(error)
        }
        var options = options
        if options.usesThreads {
            // Before what the user says, which goes on top.
            let cpus = Self.threadedCPUs
            options.settings = [("machine.mode", "parallel"), ("machine.cpus", String(cpus))] + options.settings
        }
        let values: [String?] = options.comparison.map { $0.values.map(Optional.some) } ?? [nil]
        let comparison = options.comparison.map { ComparisonWriter(key: $0.key, values: $0.values) }
        var players: [Player] = []
        for (index, value) in values.enumerated() {
            let plan = try MachinePlan(head, options, value: value, notes: index == 0 ? notes : ReplayNotes())
            if let reason = plan.skipped {
                record?.skipped = reason
                return try skip(feed, plan, reason, to: sink)
            }
            let machine = try plan.makeMachine(host: host)
            let report = makeReport(feed, plan.describe(machine), head, to: comparison?.sink(index) ?? sink)
            if index == 0, let record {
                report.record = record
                record.base = [ProcessReport.empty(pid: head.firstPID ?? 1)]
            }
            players.append(try makePlayer(machine, feed, head, report))
        }
        do throws(ParseError) {
            try play(&statement, players, feed, head)
        } catch {
            throw .input(error)
        }
        return try finish(players, comparison, to: sink)
    }

    // MARK: The head

    /// Reads up to the first line that does something.
    private func read(_ head: inout WorkloadHead, _ statement: inout Statement, _ feed: LineFeed) throws(ParseError) {
        var names = Names()
        while true {
            do throws(ParseError) {
                guard try feed.next(into: &statement, names: &names) else { return }
            } catch {
                guard options.keepsGoing, error.isRecoverable else { throw error }
                if head.malformed < Replay.mostWarnings { notes.warn(error.description) }
                head.malformed += 1
                continue
            }
            if head.take(statement) { continue }
            head.hasLines = true
            return
        }
    }

    private func makeReport(
        _ feed: LineFeed, _ machine: [(key: String, value: ReportValue)], _ head: WorkloadHead, to sink: any ByteSink
    ) -> RunReport {
        guard options.writesJSON else { return RunReport() }
        // The first process as it is before the first line: it has nothing yet.
        let base = ProcessReport.empty(pid: head.firstPID ?? 1)
        return RunReport(
            ReportWriter(
                to: sink, workload: feed.file, machine: machine, base: [base], writesCalls: options.writesCalls))
    }

    private func makePlayer(
        _ machine: Machine, _ feed: LineFeed, _ head: WorkloadHead, _ report: RunReport
    ) throws(ReplayError) -> Player {
        do throws(Errno) {
            let player = try Player(
                machine: machine, feed: feed, firstPID: head.firstPID,
                writesCalls: options.writesCalls && report.listsCalls, report: report)
            player.malformed = UInt64(head.malformed)
            return player
        } catch {
            throw .setting("the first process cannot be made: \(error.name)")
        }
    }

    private func skip(
        _ feed: LineFeed, _ plan: MachinePlan, _ reason: String, to sink: any ByteSink
    ) throws(ReplayError) -> ReplayVerdict {
        do throws(InputError) {
            if options.writesJSON {
                try ReportWriter.skipped(to: sink, workload: feed.file, machine: plan.description, reason: reason)
            } else {
                try sink.write(ContiguousArray("skipped: \(reason)\n".utf8))
            }
        } catch {
            throw .output(error)
        }
        return .skipped
    }

    // MARK: The lines

    private func play(
        _ statement: inout Statement, _ players: [Player], _ feed: LineFeed, _ head: WorkloadHead
    ) throws(ParseError) {
        let lead = players[0]
        let others = Array(players.dropFirst())
        let threaded = options.usesThreads ? ThreadedLines(lead, feed) : nil
        guard head.hasLines else { return }
        var lines = 0
        var isFirst = true
        while true {
            do throws(ParseError) {
                if isFirst {
                    // It was parsed with names of nobody.
                    isFirst = false
                    try feed.again(into: &statement, names: &lead.names)
                } else {
                    guard try feed.next(into: &statement, names: &lead.names) else { break }
                }
                if let threaded { try threaded.step(statement) } else { try lead.step(statement) }
                if !others.isEmpty { try follow(&statement, others, feed) }
            } catch {
                guard options.keepsGoing, error.isRecoverable else { throw error }
                if lead.malformed < UInt64(Replay.mostWarnings) { notes.warn(error.description) }
                for player in players { player.passOver() }
            }
            lines &+= 1
            if lines & (Replay.linesPerNote - 1) == 0 { notes.progress?(lines) }
        }
        try threaded?.finish()
        try lead.checkEnd()
    }

    /// Plays the current line to the other machines. Only a line whose meaning depends on what a machine bound, or that
    /// refers to names, is parsed again.
    private func follow(_ statement: inout Statement, _ others: [Player], _ feed: LineFeed) throws(ParseError) {
        let isShared = statement.isSameForAll
        for player in others {
            if !isShared { try feed.again(into: &statement, names: &player.names) }
            try player.step(statement)
        }
    }

    // MARK: The end

    private func finish(
        _ players: [Player], _ comparison: ComparisonWriter?, to sink: any ByteSink
    ) throws(ReplayError) -> ReplayVerdict {
        var verdict = ReplayVerdict.same
        do throws(InputError) {
            for player in players where try player.finish() == .different { verdict = .different }
            for player in players { notes.ended?(player.machine) }
            if options.writesJSON {
                try comparison?.finish(to: sink)
            } else {
                try sink.write(ContiguousArray(text(players).utf8))
            }
        } catch {
            throw .output(error)
        }
        return verdict
    }

    private func text(_ players: [Player]) -> String {
        let summaries = players.compactMap(\.report.summary)
        guard let comparison = options.comparison else { return summaries.first?.render() ?? "" }
        let columns = zip(comparison.values, summaries).map { (value: $0, summary: $1) }
        return ReportSummary.compare(key: comparison.key, columns)
    }
}

extension Statement {
    /// Whether the statement means the same to every machine: nothing in it is a name that one of them numbered.
    fileprivate var isSameForAll: Bool {
        if usesBoundNames || binding != nil { return false }
        if case .name = prefix { return false }
        if case .error = result { return false }
        switch call {
        case .touchRead, .touchWrite, .store, .madvise, .mmap, .munmap, .mprotect, .mremap, .brk: return true
        default: return kind != .call
        }
    }
}

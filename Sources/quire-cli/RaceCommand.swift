// `quire race`: the memory manager under a controlled scheduler, through all interleavings inside a bound. The search is
// QuireExplore's; this chooses the subject and the search, and prints what came of it.

import ArgumentParser
import Foundation
import Quire
import QuireExplore
import QuireWorkload

/// Explores a litmus file or a named race.
struct RaceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "race",
        abstract: "Run a litmus test or a named race through every interleaving inside a bound.",
        discussion: """
            SUBJECT is a workload file with a `parallel` block, or a scenario's name. The real memory manager runs under a \
            scheduler that decides at every lock, atomic, RCU, wait, flush and data access who goes on. Every distinct outcome \
            is listed with the shortest interleaving that leads to it, and each `expect` and `never` gets a verdict: it holds in \
            all executions, it is found broken, or the budget ended before the search did.

            A scenario has two variants: `before`, the core without the safeguard that the race is about, where it must be \
            found; and `after`, the core as it is, where the search must end without finding anything.

            EXAMPLES:
              quire race --list
              quire race R-06 --variant before
              quire race Tests/Litmus/store-buffering.q --store-buffers
              quire race app.q --strategy random --budget 60 --seed 7
              quire race app.q --ablate-each
              quire race --live 100000 Tests/Litmus
              quire race --mutations
              quire race R-06 --variant before --save r06.schedule && quire race --replay r06.schedule

            EXIT STATUS: 0: every condition holds (of a scenario: before found, after exhausted); 1: a condition is broken \
            (of a scenario: not so); 2: bad input; 3: not exhausted in the budget; 77: the model cannot do what the file requires.
            """)

    @Argument(
        help: "A workload file with a parallel block, or a scenario's name; with --live also several files and folders."
    )
    var subjects: [String] = []

    @Flag(help: "List the scenarios; with --json, run each and say what came of it.")
    var list = false

    @Flag(help: "Run every scenario, before and after.")
    var all = false

    @Flag(help: "Run the mutation suite: the core without one safeguard after the other, each of which must be found.")
    var mutations = false

    @Option(help: "before or after; both unless said.")
    var variant: String?

    @Option(help: "How to search: exhaustive, dpor, pct or random.")
    var strategy: String?

    @Option(help: "Preemptions of each schedule, at most (exhaustive).")
    var preemptions: Int?

    @Option(help: "CPUs that take part in a scenario; more than it has repeat what the first ones do.")
    var threads: Int?

    @Option(help: "Seconds that the search may take; also 500ms, 10s, 5m.")
    var budget: String?

    @Option(help: "Executions, at most.")
    var executions = 2_000_000

    @Option(help: "The seed of pct and random.")
    var seed: UInt64 = 1

    @Option(help: "Change points and one, of pct.")
    var depth = 3

    @Option(help: "Cores to search on; 0: as many as there are.")
    var workers = 0

    @Flag(help: "Let plain stores wait in a buffer of their CPU, as on x86; else memory is sequentially consistent.")
    var storeBuffers = false

    @Option(help: "Turn the locks of a class off: mmap_lock, pte, pmd, rcu, ... May be repeated.")
    var ablate: [String] = []

    @Flag(help: "Turn each class of locks on the way off in turn, and say what it protects against.")
    var ablateEach = false

    @Option(help: "Run the file so often on real threads on this machine's kernel too.")
    var live: Int?

    @Option(help: "Set a knob for a file's machine: KEY=VALUE. May be repeated.")
    var set: [String] = []

    @Flag(help: "Draw every outcome, not only those that break a condition.")
    var draw = false

    @Flag(help: "Print JSON.")
    var json = false

    @Option(help: "Write the drawn run as a trace for the Perfetto UI.")
    var perfetto: String?

    @Option(help: "Save the schedule of the drawn run.")
    var save: String?

    @Option(help: "Replay a saved schedule.")
    var replay: String?

    func run() throws {
        if let replay { return try RaceReplay(path: replay, command: self).run() }
        if mutations { return try RaceMutations(command: self).run() }
        if list || all { return try RaceAll(command: self).run() }
        guard let subject = subjects.first else {
            throw Self.fail("say what to explore: a workload file, a scenario's name, or --list")
        }
        if let live, live <= 0 { throw Self.fail("--live takes a number of runs") }
        if subjects.count > 1 || RaceLiveSuite.isFolder(subject) {
            guard let live else {
                throw Self.fail("expected one file or scenario; several, and folders, with --live N")
            }
            let files = try RaceLiveSuite.files(of: subjects)
            return try RaceLiveSuite(paths: files, count: live, command: self).run()
        }
        if let scenario = Scenario.named(subject) { return try run(scenario) }
        if let live {
            return try RaceLive(path: subject, count: live, command: self).run()
        }
        try run(try subjectOfFile(subject))
    }

    // MARK: Subjects

    /// A litmus file as a subject.
    func subjectOfFile(_ path: String) throws -> RaceSubject {
        guard path == "-" || FileManager.default.fileExists(atPath: path) else {
            throw Self.fail("expected a file or a scenario's name, found '\(path)'; `quire race --list` names them")
        }
        var options = ReplayOptions()
        options.settings = try set.map { text in
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, !parts[0].isEmpty else { throw Self.fail("--set takes KEY=VALUE, not '\(text)'") }
            return (parts[0], parts[1])
        }
        do { return RaceSubject(file: try LitmusFile(path: path), options) } catch { throw Self.fail("\(error)") }
    }

    private func run(_ scenario: Scenario) throws {
        let variants = try variants()
        var isAsPromised = true
        for variant in variants {
            let subject = try RaceSubject(scenario: scenario, variant, threads: threads)
            if ablateEach {
                return try RaceAblation(subject: subject, explorer: explorer(scenario.strategy), json: json).run()
            }
            let report = try report(on: subject, explorer(scenario.strategy))
            let promised: Int32 = variant == .before && scenario.before != nil ? 1 : 0
            if report.status != promised { isAsPromised = false }
            try show(report)
            if !json, variant != variants.last { print("") }
        }
        if !isAsPromised { throw ExitCode(1) }
    }

    private func run(_ subject: RaceSubject) throws {
        let explorer = try explorer(.dpor)
        if ablateEach { return try RaceAblation(subject: subject, explorer: explorer, json: json).run() }
        let report = try report(on: subject, explorer)
        try show(report)
        if report.status != 0 { throw ExitCode(report.status) }
    }

    /// The variants that were asked for.
    func variants() throws -> [Scenario.Variant] {
        guard let variant else { return Scenario.Variant.allCases }
        guard let known = Scenario.Variant(rawValue: variant) else {
            throw Self.fail("--variant takes before or after, not '\(variant)'")
        }
        return [known]
    }

    // MARK: Searching

    /// The explorer as the options say; `usual` where they say nothing.
    func explorer(_ usual: Strategy) throws -> Explorer {
        var explorer = Explorer(try chosenStrategy(usual), budget: max(executions, 1))
        explorer.hasStoreBuffers = storeBuffers
        explorer.seconds = try budget.map(Self.seconds)
        return explorer
    }

    private func chosenStrategy(_ usual: Strategy) throws -> Strategy {
        switch strategy {
        case nil: return preemptions.map { .exhaustive(preemptions: $0) } ?? usual
        case "exhaustive": return .exhaustive(preemptions: preemptions)
        case "dpor": return .dpor
        case "pct": return .pct(seed: seed, depth: max(depth, 1))
        case "random": return .random(seed: seed)
        case .some(let name): throw Self.fail("--strategy takes exhaustive, dpor, pct or random, not '\(name)'")
        }
    }

    /// A time as people write it, in seconds.
    static func seconds(_ text: String) throws -> Double {
        let units: [(String, Double)] = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600), ("", 1)]
        for (unit, factor) in units where text.hasSuffix(unit) {
            if let number = Double(text.dropLast(unit.count)), number > 0 { return number * factor }
        }
        throw fail("--budget takes a time as in 500ms, 10s or 5m, not '\(text)'")
    }

    /// What the options turn off.
    func omissions() throws -> Omissions {
        var locks: Set<SyncName> = []
        for label in ablate {
            guard let name = SyncName.allCases.first(where: { $0.label == label }) else {
                let known = SyncName.allCases.map(\.label).joined(separator: ", ")
                throw Self.fail("--ablate takes one of \(known), not '\(label)'")
            }
            locks.insert(name)
        }
        return Omissions(locks: locks)
    }

    /// Explores a subject and finds the shortest schedules.
    func report(on subject: RaceSubject, _ explorer: Explorer) throws -> RaceReport {
        let omissions = try omissions()
        let exploration = try explore(subject, explorer, "race")
        return try Self.saying {
            var report = RaceReport(subject: subject, explorer: explorer, exploration: exploration)
            let scene = try subject.makeScene(omissions)
            for (text, found) in exploration.outcomes.sorted(by: { $0.key < $1.key }).prefix(32) {
                let least = explorer.minimise(scene, text, from: found, budget: 10_000)
                report.shortest[text] = (explorer.replay(scene, least.schedule), least.schedule)
            }
            return report
        }
    }

    /// Explores a subject on the cores that were asked for, with a bar of that title.
    func explore(_ subject: RaceSubject, _ explorer: Explorer, _ title: String) throws -> Exploration {
        let actors = subject.cpus * (explorer.hasStoreBuffers ? 2 : 1)
        if explorer.strategy == .dpor, actors > Explorer.mostActorsOfDPOR {
            throw Self.fail(
                "dpor takes at most \(Explorer.mostActorsOfDPOR) CPUs and store buffers, here are \(actors); "
                    + "say --strategy exhaustive --preemptions N, pct or random")
        }
        let omissions = try omissions()
        let cores = workers > 0 ? workers : ProcessInfo.processInfo.activeProcessorCount
        let most = explorer.budget
        let bar = ProgressBar(title)
        return try Self.saying {
            defer { bar.finish() }
            let exploration = try explorer.explore(workers: cores, progress: { bar.show($0, of: most) }) {
                try subject.makeScene(omissions)
            }
            if let failure = exploration.failure { throw failure }
            return exploration
        }
    }

    /// What is wrong with a file is said with its place and ends the tool as bad input, whenever it is found.
    static func saying<Result>(_ body: () throws -> Result) throws -> Result {
        do { return try body() } catch let error as ReplayError {
            if case .skipped = error { throw fail(error.description, .skipped) }
            throw fail(error.description)
        } catch let error as ParseError {
            throw fail(error.description)
        }
    }

    // MARK: Showing

    private func show(_ report: RaceReport) throws {
        if json {
            var writer = JSONWriter(to: DescriptorSink(descriptor: 1))
            report.write(to: &writer)
            try writer.flush()
            print("")
        } else {
            report.printText(drawsAll: draw)
        }
        try writeDrawn(report)
    }

    /// Writes the run that is drawn first: one that breaks a condition, else the first outcome's.
    private func writeDrawn(_ report: RaceReport) throws {
        guard perfetto != nil || save != nil else { return }
        let outcomes = report.exploration.outcomes.sorted { $0.key < $1.key }
        let drawn = outcomes.first { report.subject.isBroken($0.key, $0.value) } ?? outcomes.first
        guard let drawn, let shortest = report.shortest[drawn.key] else { return }
        if let perfetto {
            let trace = PerfettoTrace(shortest.replay.drawing, cpus: report.subject.cpus, title: report.subject.name)
            try write(trace.json, to: perfetto)
        }
        if let save {
            let file = ScheduleFile(
                subject: report.subject.name, variant: report.subject.variant?.rawValue, outcome: drawn.key,
                hasStoreBuffers: storeBuffers, ablated: ablate, schedule: shortest.schedule)
            try write(file.text, to: save)
        }
    }

    func write(_ text: String, to path: String) throws {
        do { try text.write(toFile: path, atomically: true, encoding: .utf8) } catch {
            throw Self.fail("\(path) cannot be written: \(error.localizedDescription)")
        }
    }

    static func fail(_ message: String, _ verdict: ReplayVerdict = .badInput) -> ExitCode {
        FileHandle.standardError.write(Data("quire race: \(message)\n".utf8))
        return ExitCode(verdict.rawValue)
    }
}

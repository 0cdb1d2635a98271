// `quire conform`: random workloads, or given files, on the model, the reference model and the live kernel until two
// differ. The hunt is QuireConform's, the kernel's side QuireLive's; this joins the two and keeps what is found.

import ArgumentParser
import Foundation
import QuireConform
import QuireLive
import QuireWorkload

/// Hunts for differences and shrinks what it finds.
struct ConformCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "conform",
        abstract: "Hunt for differences between the model, a trivially correct reference model and the live kernel.",
        discussion: """
            Each seed is a random workload. After every operation its result and the model's invariants are checked, and \
            every few operations the areas, flags and resident pages of every process, against the reference model and, \
            every 50 operations, against this machine's own kernel, where it can run workloads. The first difference is \
            shrunk and written as conform-NAME.q and, as a C program that stands alone, conform-NAME.c: into the corpus, \
            if there is one, else the current folder.

            With FILES, these workload files are played on the model and on the live kernel instead.

            The hunt runs in a process of its own, so that a broken invariant, which ends a process at once, is found, shrunk \
            and written down like any other difference.

            EXAMPLES:
              quire conform --seeds 1..200
              quire conform --weights huge --seeds 1..1000
              quire conform --minutes 10 --weights edges --corpus Corpus
              quire conform generated/*.q

            EXIT STATUS: 0; 1 where there is a difference; 2 for bad arguments; 77 where files are given and this machine \
            cannot play them.
            """)

    @Argument(help: "Workload files to play instead of random ones.")
    var files: [String] = []

    @Option(help: "Operations of each workload.")
    var ops = 300

    @Option(help: "The seeds, A..B.")
    var seeds = "1..100"

    @Option(help: "Go on with further seeds until so many minutes are over.")
    var minutes: Double?

    @Option(help: "Processes at a time, at most.")
    var processes = 3

    @Option(help: "How often each kind of call is drawn: a file of NAME NUMBER lines, or edges, or huge.")
    var weights: String?

    @Option(help: "A folder for workloads that reached new behaviour; those in it are played first.")
    var corpus: String?

    @Flag(inversion: .prefixedNo, help: "Let the live kernel take part, where this machine can.")
    var live = true

    @Flag(inversion: .prefixedNo, help: "Make what is found as small as can be.")
    var shrink = true

    @Flag(help: "Print the result as JSON.")
    var json = false

    @Flag(help: .hidden)
    var supervised = false

    @Option(help: .hidden)
    var judge: String?

    func run() throws {
        if let judge { return try ConformSupervisor.judge(judge) }
        if !supervised { return try ConformSupervisor(folder: corpus, json: json).run() }
        try hunt()
    }

    private func hunt() throws {
        guard (1...1_000_000).contains(ops), (1...64).contains(processes) else {
            throw Self.fail("--ops takes 1 to 1000000, --processes 1 to 64")
        }
        let side = LiveSide(wanted: live)
        defer { side.end() }
        if !files.isEmpty {
            return try ConformFiles(files: files, live: side, folder: corpus, json: json).run()
        }
        let range = try seedRange()
        var hunt = Hunt()
        hunt.operations = ops
        hunt.processes = processes
        hunt.weights = try chosenWeights()
        hunt.live = side.play
        let underWay = ConformSupervisor.underWay(getpid())
        hunt.begins = { name, workload in
            try? Data(workloadText(workload, comment: name).utf8).write(to: underWay)
        }
        defer { try? FileManager.default.removeItem(at: underWay) }
        if let corpus { hunt.reachedNew = try keeper(corpus) }
        var report = ConformReport(live: side, folder: corpus, json: json)
        report.shrinks = shrink
        let found = try search(&hunt, range)
        try report.finish(hunt, found)
    }

    // MARK: Arguments

    private func seedRange() throws -> ClosedRange<Int> {
        let ends = seeds.split(separator: ".", omittingEmptySubsequences: true).map { Int($0) }
        if seeds.contains(".."), ends.count == 2, let first = ends[0], let last = ends[1], first <= last {
            return first...last
        }
        if ends.count == 1, let only = ends[0] { return only...only }
        throw Self.fail("--seeds takes A..B, not '\(seeds)'")
    }

    private func chosenWeights() throws -> Weights {
        guard let weights else { return .standard }
        if weights == "edges" { return .edges }
        if weights == "huge" { return .huge }
        guard let data = FileManager.default.contents(atPath: weights) else {
            throw Self.fail("cannot read \(weights)")
        }
        switch Weights.read(String(decoding: data, as: UTF8.self)) {
        case .success(let read): return read
        case .failure(let error): throw Self.fail("\(weights): \(error)")
        }
    }

    private func keeper(_ corpus: String) throws -> (String, [QuireConform.Operation]) -> Void {
        let folder = URL(filePath: corpus)
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        } catch {
            throw Self.fail("--corpus \(corpus): \(error.localizedDescription)")
        }
        return { name, workload in
            let text = workloadText(workload, comment: "quire conform: \(name)")
            try? Data(text.utf8).write(to: folder.appending(path: "\(name).q"))
        }
    }

    // MARK: The hunt

    private func search(_ hunt: inout Hunt, _ range: ClosedRange<Int>) throws -> ConformReport.Found? {
        let bar = ProgressBar("conform")
        defer { bar.finish() }
        let start = ContinuousClock.now
        for (name, workload) in kept() {
            if let difference = try play(&hunt, workload, name) { return (name, difference) }
        }
        var seed = range.lowerBound
        while true {
            if let minutes {
                let elapsed = (ContinuousClock.now - start) / .seconds(1)
                if elapsed >= minutes * 60 { return nil }
                bar.show(Int(elapsed), of: Int(minutes * 60))
            } else {
                if seed > range.upperBound { return nil }
                bar.show(seed - range.lowerBound, of: range.count)
            }
            let profile = weights.flatMap { ["edges", "huge"].contains($0) ? $0 : nil } ?? "seed"
            let name = "\(profile)-\(seed)"
            if let difference = try play(&hunt, hunt.workload(seed: seed), name) { return (name, difference) }
            seed += 1
        }
    }

    private func play(
        _ hunt: inout Hunt, _ workload: [QuireConform.Operation], _ name: String
    ) throws -> Difference? {
        do throws(HuntError) {
            return try hunt.run(workload, name: name)
        } catch {
            throw Self.end(error, name)
        }
    }

    /// The corpus: what is not a workload of this command's making is passed over.
    private func kept() -> [(name: String, [QuireConform.Operation])] {
        guard let corpus, let names = try? FileManager.default.contentsOfDirectory(atPath: corpus) else { return [] }
        return names.sorted().compactMap { name in
            guard name.hasSuffix(".q"), !name.hasPrefix("conform-"),
                let data = FileManager.default.contents(atPath: corpus + "/" + name),
                let operations = readOperations(String(decoding: data, as: UTF8.self))
            else { return nil }
            return (String(name.dropLast(2)), operations)
        }
    }

    // MARK: Messages

    static func print(_ message: String) {
        FileHandle.standardError.write(Data("quire conform: \(message)\n".utf8))
    }

    static func fail(_ message: String) -> ExitCode {
        Self.print(message)
        return ExitCode(2)
    }

    /// What ends a hunt before its time.
    static func end(_ error: HuntError, _ name: String) -> ExitCode {
        if case .live(.interrupted) = error {
            Self.print("interrupted")
            return ExitCode(130)
        }
        return fail("\(name): \(error)")
    }
}

/// The live kernel's part in a hunt: a session where the machine can have one.
final class LiveSide {
    private let session: LiveSession?
    /// Why the live kernel takes no part; nil if it does.
    let absence: String?

    init(wanted: Bool) {
        guard wanted else {
            session = nil
            absence = "--no-live"
            return
        }
        do throws(LiveRunError) {
            InterruptFlag.install()
            session = try LiveSession()
            absence = nil
        } catch {
            session = nil
            absence = error.description
            ConformCommand.print("the live kernel takes no part: \(error)")
        }
    }

    /// No live kernel, and why.
    init(absence: String) {
        session = nil
        self.absence = absence
    }

    /// Plays a workload; nil where the live kernel takes no part.
    var play: LivePlay? {
        guard let session else { return nil }
        return { text throws(LivePlayError) in
            do throws(LiveRunError) {
                return try session.run(WorkloadReader(text: text))
            } catch {
                if case .interrupted = error { throw .interrupted }
                throw .failed(error.description)
            }
        }
    }

    func end() { session?.end() }
}

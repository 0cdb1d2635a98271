// `quire conform`: random workloads on the model and on the reference model until they differ. The hunt is
// QuireConform's; this is its face on the command line, and where what it finds is written down.

import ArgumentParser
import Foundation
import QuireConform
import QuireWorkload

/// Hunts for differences and shrinks what it finds.
struct ConformCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "conform",
        abstract: "Hunt for differences between the model and a trivially correct reference model.",
        discussion: """
            Each seed is a random workload. After every operation its result and the model's invariants are checked, and \
            every few operations the areas, flags and resident pages of every process. The first difference is shrunk and \
            written as conform-NAME.q and, as a C program that stands alone, conform-NAME.c: into the corpus, if there is \
            one, else the current folder.

            A broken invariant ends the program at once: its workload stays in quire-conform-PID.q in the folder for \
            temporary files.

            EXAMPLES:
              quire conform --seeds 1..200
              quire conform --minutes 10 --weights edges --corpus Corpus

            EXIT STATUS: 0; 1 where there is a difference; 2 for bad arguments.
            """)

    @Option(help: "Operations of each workload.")
    var ops = 300

    @Option(help: "The seeds, A..B.")
    var seeds = "1..100"

    @Option(help: "Go on with further seeds until so many minutes are over.")
    var minutes: Double?

    @Option(help: "Processes at a time, at most.")
    var processes = 3

    @Option(help: "How often each kind of call is drawn: a file of NAME NUMBER lines, or edges.")
    var weights: String?

    @Option(help: "A folder for workloads that reached new behaviour; those in it are played first.")
    var corpus: String?

    @Flag(help: "Print the result as JSON.")
    var json = false

    func run() throws {
        let (first, last) = try seedRange()
        guard (1...1_000_000).contains(ops), (1...64).contains(processes) else {
            throw fail("--ops takes 1 to 1000000, --processes 1 to 64")
        }
        var hunt = Hunt()
        hunt.operations = ops
        hunt.processes = processes
        hunt.weights = try chosenWeights()
        let underWay = FileManager.default.temporaryDirectory.appending(path: "quire-conform-\(getpid()).q")
        hunt.begins = { name, workload in
            try? Data(workloadText(workload, comment: "under way: \(name)").utf8).write(to: underWay)
        }
        defer { try? FileManager.default.removeItem(at: underWay) }
        if let corpus {
            let folder = URL(filePath: corpus)
            do {
                try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            } catch {
                throw fail("--corpus \(corpus): \(error.localizedDescription)")
            }
            hunt.reachedNew = { name, workload in
                let text = workloadText(workload, comment: "quire conform: \(name)")
                try? Data(text.utf8).write(to: folder.appending(path: "\(name).q"))
            }
        }
        let found = try search(&hunt, first, last)
        try report(hunt, found)
    }

    // MARK: Arguments

    private func seedRange() throws -> (first: Int, last: Int) {
        let ends = seeds.split(separator: ".", omittingEmptySubsequences: true).map { Int($0) }
        if seeds.contains(".."), ends.count == 2, let first = ends[0], let last = ends[1], first <= last {
            return (first, last)
        }
        if ends.count == 1, let only = ends[0] { return (only, only) }
        throw fail("--seeds takes A..B, not '\(seeds)'")
    }

    private func chosenWeights() throws -> Weights {
        guard let weights else { return .standard }
        if weights == "edges" { return .edges }
        guard let data = FileManager.default.contents(atPath: weights) else { throw fail("cannot read \(weights)") }
        switch Weights.read(String(decoding: data, as: UTF8.self)) {
        case .success(let read): return read
        case .failure(let error): throw fail("\(weights): \(error)")
        }
    }

    // MARK: The hunt

    private func search(_ hunt: inout Hunt, _ first: Int, _ last: Int) throws -> Found? {
        let bar = ProgressBar("conform")
        defer { bar.finish() }
        let start = ContinuousClock.now
        for (name, workload) in kept() {
            if let difference = try play(&hunt, workload, name) { return Found(name: name, difference: difference) }
        }
        var seed = first
        while true {
            if let minutes {
                let elapsed = (ContinuousClock.now - start) / .seconds(1)
                if elapsed >= minutes * 60 { return nil }
                bar.show(Int(elapsed), of: Int(minutes * 60))
            } else {
                if seed > last { return nil }
                bar.show(seed - first, of: last - first + 1)
            }
            let name = "seed-\(seed)"
            if let difference = try play(&hunt, hunt.workload(seed: seed), name) {
                return Found(name: name, difference: difference)
            }
            seed += 1
        }
    }

    private func play(
        _ hunt: inout Hunt, _ workload: [QuireConform.Operation], _ name: String
    ) throws -> Difference? {
        do throws(ReplayError) {
            return try hunt.run(workload, name: name)
        } catch {
            throw fail("\(name): \(error)")
        }
    }

    private struct Found {
        var name: String
        var difference: Difference
    }

    /// The corpus: what is not a workload of this command's making is passed over.
    private func kept() -> [(name: String, [QuireConform.Operation])] {
        guard let corpus, let names = try? FileManager.default.contentsOfDirectory(atPath: corpus) else { return [] }
        return names.sorted().compactMap { name in
            guard name.hasSuffix(".q"), let data = FileManager.default.contents(atPath: corpus + "/" + name),
                let operations = readOperations(String(decoding: data, as: UTF8.self))
            else { return nil }
            return (String(name.dropLast(2)), operations)
        }
    }

    // MARK: The report

    private func report(_ hunt: Hunt, _ found: Found?) throws {
        var small: Difference?
        var path = ""
        if let found {
            let shrunk = hunt.shrink(found.difference)
            small = shrunk
            path = (corpus.map { $0 + "/" } ?? "") + "conform-\(found.name)"
            let count = found.difference.operations.count
            let comment =
                "quire conform: \(found.name), shrunk from \(count) operations\n\(shrunk.line)\n\(shrunk.text)"
            try Data(workloadText(shrunk.operations, comment: comment).utf8).write(to: URL(filePath: path + ".q"))
            try Data(Reproducer.program(shrunk.operations, comment: comment).utf8).write(to: URL(filePath: path + ".c"))
        }
        if json {
            try printJSON(hunt, small, path)
        } else {
            let rate = "\(Int(hunt.operationsPerSecond)) model operations/s with invariants"
            print("\(hunt.seedCount) workloads, \(hunt.operationCount) operations, \(rate)")
            if let small {
                print("difference: \(small.line)\n  \(small.text)")
                print("\(small.operations.count) lines: \(path).q, \(path).c\n")
                print(workloadText(small.operations), terminator: "")
            } else {
                print("no difference")
            }
        }
        if small != nil { throw ExitCode(1) }
    }

    private struct Result: Encodable {
        var workloads: Int
        var operations: Int
        var operationsPerSecond: Int
        var difference: Shown?

        struct Shown: Encodable {
            var line: String
            var text: String
            var lines: [String]
            var workload: String
            var reproducer: String
        }
    }

    private func printJSON(_ hunt: Hunt, _ small: Difference?, _ path: String) throws {
        let found = small.map { small in
            Result.Shown(
                line: small.line, text: small.text, lines: small.operations.map(\.line), workload: path + ".q",
                reproducer: path + ".c")
        }
        let result = Result(
            workloads: hunt.seedCount, operations: hunt.operationCount,
            operationsPerSecond: Int(hunt.operationsPerSecond), difference: found)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        print(String(decoding: try encoder.encode(result), as: UTF8.self))
    }

    private func fail(_ message: String) -> ExitCode {
        FileHandle.standardError.write(Data("quire conform: \(message)\n".utf8))
        return ExitCode(2)
    }
}

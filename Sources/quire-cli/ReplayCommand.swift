// `quire replay`: a workload file on the model. The work is QuireWorkload's; this is its face on the command line.

import ArgumentParser
import Foundation
import QuireLive
import QuireWorkload

/// Replays a workload file and prints the report.
struct ReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Replay a recorded or hand-written workload on the model.",
        discussion: """
            FILE is what strace -f writes, with lines for the memory accesses that strace cannot see; plain or \
            compressed (xz, gzip, zstd), - for standard input. It is read as a stream.

            --set takes the model's own keys (pt_reclaim=off|rfc|sync, machine.memory=1T, machine.contents=off, …) and \
            files by their Linux paths; a wrong key is answered with the near ones.

            --live runs a hand-written file on this machine's own kernel too, in processes of its own, and lists every \
            field in which the model and the kernel differ. What the file sets on the machine is set back at the end.

            EXAMPLES:
              quire replay app.q.xz --compare pt_reclaim=off,sync
              quire replay app.q --json --no-calls --set machine.contents=off | jq .snapshots
              quire replay test.q --live
              generate | quire replay - --set /proc/sys/vm/overcommit_memory=1

            EXIT STATUS: 0; 1 where lines ended differently from the recording or on the live kernel, or an expectation is \
            broken; 2 for bad input; 77 where the file requires what the model or this machine cannot do.
            """)

    @Argument(help: "The workload, - for standard input.")
    var file: String

    @Flag(help: "Print the report as JSON.")
    var json = false

    @Option(help: "Replay once for each value, side by side: KEY=A,B,…")
    var compare: String?

    @Flag(help: "Run on the live kernel too, and list what differs.")
    var live = false

    @Option(help: "Set a knob: KEY=VALUE. May be repeated.")
    var set: [String] = []

    @Flag(help: "Run threads on real ones: accesses that follow each other, and parallel blocks.")
    var threads = false

    @Flag(help: "Leave the single calls out of the JSON.")
    var noCalls = false

    @Flag(help: "Count malformed lines and go on instead of stopping at the first.")
    var keepGoing = false

    func run() throws {
        var options = ReplayOptions()
        options.writesJSON = json
        options.writesCalls = !noCalls
        options.keepsGoing = keepGoing
        options.usesThreads = threads
        options.settings = try set.map { try Self.setting($0, option: "--set") }
        if let compare {
            let (key, list) = try Self.setting(compare, option: "--compare")
            let values = list.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            guard Set(values).count == values.count, values.count <= 16 else {
                throw fail("--compare takes up to 16 different values")
            }
            options.comparison = (key, values)
        }
        if threads, compare != nil || live { throw fail("--threads goes with neither --compare nor --live") }
        if live {
            guard compare == nil else { throw fail("--live and --compare are different questions: ask one of them") }
            return try LiveReplayRun(file: file, options: options).run()
        }
        let meter = ProgressMeter()
        let notes = ReplayNotes(
            warn: { message in
                meter.clear()
                Self.print(message)
            }, progress: meter.isOnTerminal ? { meter.show($0) } : nil)
        let verdict: ReplayVerdict
        do {
            let reader = try WorkloadReader(path: file)
            verdict = try Replay(options, notes: notes).run(reader, to: DescriptorSink(descriptor: 1))
            meter.clear()
        } catch let error as ParseError {
            throw fail(error.description)
        } catch let error as ReplayError {
            meter.clear()
            throw fail(error.description)
        }
        if verdict != .same { throw ExitCode(verdict.rawValue) }
    }

    private static func setting(_ text: String, option: String) throws -> (key: String, value: String) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, !parts[0].isEmpty else {
            Self.print("\(option) takes KEY=VALUE, not '\(text)'")
            throw ExitCode(ReplayVerdict.badInput.rawValue)
        }
        return (parts[0], parts[1])
    }

    private func fail(_ message: String) -> ExitCode {
        Self.print(message)
        return ExitCode(ReplayVerdict.badInput.rawValue)
    }

    static func print(_ message: String) {
        FileHandle.standardError.write(Data("quire replay: \(message)\n".utf8))
    }
}

/// A line on the terminal that says how far a long input is.
private final class ProgressMeter {
    let isOnTerminal = isatty(2) == 1
    private let start = Date()
    private var last = Date()
    private var isShown = false

    func show(_ lines: Int) {
        let now = Date()
        guard now.timeIntervalSince(last) >= 0.2 else { return }
        last = now
        isShown = true
        let rate = Double(lines) / max(now.timeIntervalSince(start), 1e-3) / 1e6
        let text = String(format: "\r%.1f million lines, %.2f million a second ", Double(lines) / 1e6, rate)
        FileHandle.standardError.write(Data(text.utf8))
    }

    func clear() {
        guard isShown else { return }
        isShown = false
        FileHandle.standardError.write(Data("\r\u{1B}[K".utf8))
    }
}

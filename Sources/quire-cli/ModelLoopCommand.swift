// `quire model-loop`, hidden: the loop of `quire bench touch` in a process of its own, for `quire bench seam`, which runs two
// builds of the tool by turns.

import ArgumentParser
import Quire
import QuireExplore
import QuireHost
import QuireLive
import QuireWorkload
import SystemPackage

/// Runs the touch-and-give-back loop in the model and prints nanoseconds of the processor, pages, and whether the build has the seam.
struct ModelLoopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model-loop", abstract: "Touch 2 MiB and give them back, over and over, in the model.",
        shouldDisplay: false)

    @Option(help: "sequential or parallel.")
    var mode = Mode.sequential

    @Option(help: "Rounds of 2 MiB.")
    var rounds = 2000

    enum Mode: String, CaseIterable, ExpressibleByArgument { case sequential, parallel }

    func run() throws {
        var parameters = ModelLoop.Parameters()
        parameters.rounds = rounds
        parameters.machine.mode = mode == .parallel ? .parallel : .sequential
        let result = try ModelLoop.run(parameters)
        print("\(result.processorNanoseconds) \(result.pages) \(Self.hasSeam ? 1 : 0)")
    }

    /// Whether operations of this build are announced to a scheduler.
    private static var hasSeam: Bool {
        let words = LitmusWords(count: 1, cpus: 1, host: .linux)
        let scene = Scene(
            reset: { words.reset(hook: $0) }, bodies: [{ _ = words.load(words.cpu(0), 0) }], outcome: { "" })
        return !Explorer(.random(seed: 0), budget: 1).explore(scene).outcomes.values.allSatisfy { $0.trace.isEmpty }
    }

    /// What the loop in another process told.
    struct Run {
        var nanosecondsPerPage: Double
        var hasSeam: Bool
    }

    /// Runs the loop of another build of the tool.
    static func spawn(_ executable: String, _ mode: Mode, rounds: Int) throws -> Run {
        var line = ""
        let status: Int
        do throws(SystemPackage.Errno) {
            var child = try ChildProcess(executable: executable, arguments: arguments(mode, rounds: rounds))
            while let next = try child.nextLine() { line = next }
            status = try child.wait()
        } catch { throw ValidationError("\(executable) cannot be run: \(error)") }
        let fields = line.split(separator: " ").compactMap { Double($0) }
        guard status == 0, fields.count == 3, fields[1] > 0 else {
            throw ValidationError("\(executable) is no build of quire with model-loop (exit status \(status))")
        }
        return Run(nanosecondsPerPage: fields[0] / fields[1], hasSeam: fields[2] != 0)
    }

    /// The arguments of the loop in a process of its own.
    static func arguments(_ mode: Mode, rounds: Int) -> [String] {
        [configuration.commandName!, "--mode", mode.rawValue, "--rounds", String(rounds)]
    }
}

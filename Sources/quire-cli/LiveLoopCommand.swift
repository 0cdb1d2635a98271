// `quire live-loop`, hidden: the live half of the benchmark in a process of its own, started by `LiveLoop.spawn`.

import ArgumentParser
import QuireLive

/// Runs the touch-and-give-back loop on the live kernel and prints the counters as one line of JSON.
struct LiveLoopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: LiveLoop.subcommand,
        abstract: "Touch 2 MiB and give them back, over and over, on the live kernel.",
        shouldDisplay: false)

    @Option(help: "whole: one madvise of 2 MiB; halves: two of 1 MiB.")
    var variant: LiveLoop.Variant = .whole

    @Option(help: "Rounds.")
    var rounds = 25 * 1024

    @Option(help: "Bytes to map.")
    var bytes = 50 << 30

    @Flag(help: "Print a line for each hundredth of the loop.")
    var progress = false

    func run() throws {
        let parameters = LiveLoop.Parameters(bytes: bytes, rounds: rounds, variant: variant)
        do throws(LiveError) {
            let result = try LiveLoop.run(parameters) { done in
                guard progress else { return }
                print(LiveLoop.progressLine(done))
                flushStandardOutput()
            }
            print(result.json)
        } catch {
            throw InspectFailure(error: error)
        }
    }
}

extension LiveLoop.Variant: ExpressibleByArgument {}

// `quire live-golden`, for the tests' own files: what this machine's kernel answers to a workload, in a few lines of
// text. Scripts/make-goldens calls it.

import ArgumentParser
import QuireLive
import QuireWorkload

/// Prints the live kernel's answers to a workload.
struct LiveGoldenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "live-golden", abstract: "Print what this machine's kernel answers to a workload.",
        shouldDisplay: false)

    @Argument(help: "The workload.")
    var file: String

    func run() throws {
        InterruptFlag.install()
        do {
            let live = try LiveReplay().run(WorkloadReader(path: file))
            if let reason = live.skipped {
                ReplayCommand.print("\(file): skipped: \(reason)")
                throw ExitCode(ReplayVerdict.skipped.rawValue)
            }
            print(live.goldenLines.joined(separator: "\n"))
        } catch let error as ExitCode {
            throw error
        } catch {
            ReplayCommand.print("\(error)")
            throw ExitCode(ReplayVerdict.badInput.rawValue)
        }
    }
}

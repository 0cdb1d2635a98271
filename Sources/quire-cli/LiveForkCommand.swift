// `quire live-fork`, hidden: the live half of `quire bench fork` in a process of its own, started by `LiveForks.spawn`.

import ArgumentParser
import QuireLive
import QuireWorkload

extension ForkedFolios: ExpressibleByArgument {}

/// Times fork on the live kernel and prints the times as one line.
struct LiveForkCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: LiveForks.subcommand, abstract: "Time fork of written memory on the live kernel.",
        shouldDisplay: false)

    @Option(help: "Size of the folios.")
    var folios = ForkedFolios.small

    @Option(help: "Bytes.")
    var bytes = 1 << 30

    @Option(help: "Forks with the memory, and as many without.")
    var repetitions = 5

    func run() throws {
        do throws(LiveError) {
            print(try LiveForks.run(folios, bytes: bytes, repetitions: repetitions).line)
        } catch {
            throw InspectFailure(error: error)
        }
    }
}

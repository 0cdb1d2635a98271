// `quire live-areas`, hidden: the live half of `quire bench areas` in a process of its own, started by `LiveAreas.spawn`.

import ArgumentParser
import QuireLive

/// Times calls on many areas on the live kernel and prints the times as one line of JSON.
struct LiveAreasCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: LiveAreas.subcommand, abstract: "Time calls that change areas on the live kernel.",
        shouldDisplay: false)

    @Option(help: "Areas.")
    var areas = 1000

    @Option(help: "Operations of each kind.")
    var operations = 10_000

    func run() throws {
        do throws(LiveError) {
            print(try LiveAreas.run(areas: areas, operations: operations).line)
        } catch {
            throw InspectFailure(error: error)
        }
    }
}

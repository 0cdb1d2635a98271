// `quire live-hold`, hidden: a process of a known shape for `quire bench inspect`, started by `LiveHold.measure`.

import ArgumentParser
import QuireLive

/// Maps much, touches a little of it, and holds still.
struct LiveHoldCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: LiveHold.subcommand, abstract: "Map much, touch a little of it, and hold still.",
        shouldDisplay: false)

    @Option(help: "Bytes to map.")
    var bytes = 1 << 40

    @Option(help: "Pages to write to, spread evenly.")
    var pages = 1 << 20

    func run() throws {
        do throws(LiveError) {
            try LiveHold.run(bytes: bytes, pages: pages)
        } catch {
            throw InspectFailure(error: error)
        }
    }
}

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

    @Flag(help: "Give the pages back, but keep their tables.")
    var emptied = false

    @Option(help: "Bytes of a second area that nobody touches.")
    var untouchedBytes = 0

    func run() throws {
        do throws(LiveError) {
            try LiveHold.run(
                .init(bytes: bytes, pages: pages, isEmptied: emptied, untouchedBytes: untouchedBytes))
        } catch {
            throw InspectFailure(error: error)
        }
    }
}

import ArgumentParser
import Dispatch

/// `quire`: Linux's memory manager outside the kernel.
struct QuireCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quire",
        abstract: "Linux's memory manager outside the kernel: run it, measure it, race it.",
        subcommands: [
            DemoCommand.self, RecordCommand.self, ReplayCommand.self, InspectCommand.self, BenchCommand.self,
            ConformCommand.self, ExplainCommand.self, FoliosCommand.self, RaceCommand.self,
            LiveLoopCommand.self, LiveHoldCommand.self, LiveAreasCommand.self, LiveForkCommand.self,
            LiveGoldenCommand.self, ModelLoopCommand.self,
        ])
}

/// Runs a command on the main thread, unless it is asynchronous: the main thread of an asynchronous `main` ends at once, and
/// tools that count instructions (valgrind) break off there.
@main enum Tool {
    static func main() {
        do {
            var command = try QuireCommand.parseAsRoot()
            guard command is any AsyncParsableCommand else { return try command.run() }
            // It is read once more there: a command cannot be handed over.
            Swift.Task {
                await QuireCommand.main()
                QuireCommand.exit()
            }
            dispatchMain()
        } catch { QuireCommand.exit(withError: error) }
    }
}

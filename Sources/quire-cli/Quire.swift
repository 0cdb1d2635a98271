import ArgumentParser

/// `quire`: Linux's memory manager outside the kernel.
@main
struct QuireCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quire",
        abstract: "Linux's memory manager outside the kernel: run it, measure it, race it.",
        subcommands: [
            DemoCommand.self, RecordCommand.self, ReplayCommand.self, InspectCommand.self, BenchCommand.self,
            ConformCommand.self, ExplainCommand.self, FoliosCommand.self, RaceCommand.self,
            LiveLoopCommand.self, LiveHoldCommand.self, LiveAreasCommand.self, LiveForkCommand.self,
            LiveGoldenCommand.self,
        ])
}

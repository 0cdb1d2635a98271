// `quire demo`: the main job in one command. The documents' benchmark in the model, with empty-table reclaim off and
// on, beside the same loop on the live kernel; then a recorded program under both policies.

import ArgumentParser
import Quire
import QuireHost
import QuireLive
import QuireWorkload

/// Shows what empty-table reclaim does.
struct DemoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Show what empty-table reclaim gives back: in the model, on this kernel, for a recorded program.",
        discussion: """
            Maps 50 GB with MAP_NORESERVE and 25 × 1024 times touches 2 MiB and gives them back with MADV_DONTNEED: in \
            the model with reclaim off and on, and on the live kernel. The live kernel's reclaim cannot be switched off; \
            its 'off' column gives back 2 × 1 MiB, which no kernel reclaims. – is what a side does not show.

            EXAMPLES
              quire demo
              quire demo --json | jq '.loop."model sync".VmPTE'
              quire demo --rounds 1000 --no-live
            """)

    @Flag(help: "Print JSON.")
    var json = false

    @Option(help: "Rounds of the loop.")
    var rounds = 25 * 1024

    @Flag(inversion: .prefixedNo, help: "Run the loop on the live kernel too.")
    var live = true

    @Option(help: "The recording to replay; by default one that ships with Quire.")
    var recording: String?

    func validate() throws {
        guard rounds > 0, rounds <= 1 << 30 else { throw ValidationError("--rounds takes 1 to 1073741824") }
    }

    func run() throws {
        var columns: [LoopColumn] = []
        for (title, policy) in [("model off", EmptyTableReclaim.off), ("model sync", .sync)] {
            let bar = ProgressBar("loop, \(title)")
            var parameters = ModelLoop.Parameters()
            parameters.rounds = rounds
            parameters.machine.reclaim = policy
            columns.append(LoopColumn(title, try ModelLoop.run(parameters) { bar.show($0, of: rounds) }))
            bar.finish()
        }
        if live {
            for (title, variant) in [("live 2 × 1 MiB", LiveLoop.Variant.halves), ("live 2 MiB", .whole)] {
                if let column = liveColumn(title, variant) { columns.append(column) }
            }
        }
        LoopColumn.setRatios(&columns)
        if json { try printJSON(columns) } else { try printTables(columns) }
    }

    private func liveColumn(_ title: String, _ variant: LiveLoop.Variant) -> LoopColumn? {
        let bar = ProgressBar("loop, \(title)")
        defer { bar.finish() }
        do {
            return LoopColumn(
                title,
                try LiveLoop.spawn(.init(rounds: rounds, variant: variant)) {
                    bar.show($0, of: rounds)
                })
        } catch {
            HostTerminal.writeError("quire: no \(title) column: \(error)\n")
            return nil
        }
    }

    // MARK: The recorded program

    private var path: String? { recording ?? Examples.path(of: "jemalloc.q.xz") }

    /// Replays the recorded program into a sink. False: there is none.
    private func replay(to sink: any ByteSink) throws -> Bool {
        guard let path else {
            HostTerminal.writeError(
                "quire: no recording here: run it in Quire's folder, or name one with --recording\n")
            return false
        }
        var options = ReplayOptions()
        options.comparison = ("pt_reclaim", ["off", "sync"])
        options.writesCalls = false
        options.writesJSON = json
        _ = try Replay(options).run(try WorkloadReader(path: path), to: sink)
        return true
    }

    private func printTables(_ columns: [LoopColumn]) throws {
        print("50 GB mapped; \(rounds) × (touch 2 MiB, MADV_DONTNEED 2 MiB); sizes in kB\n")
        print(LoopColumn.table(columns))
        let sink = MemorySink()
        guard try replay(to: sink) else { return }
        print("\(path ?? ""), replayed with pt_reclaim off and sync; sizes in kB\n\n\(sink.text)", terminator: "")
    }

    private func printJSON(_ columns: [LoopColumn]) throws {
        let sink = DescriptorSink(descriptor: 1)
        var writer = JSONWriter(to: sink)
        writer.beginObject(lines: true)
        writer.key("rounds")
        writer.value(UInt64(rounds))
        writer.key("loop")
        writer.beginObject(lines: true)
        for column in columns {
            writer.key(column.title)
            column.write(to: &writer)
        }
        writer.endObject()
        let spool = Spool()
        if try replay(to: spool) {
            writer.key("replay")
            writer.splice(spool)
        }
        writer.endObject()
        try writer.flush()
        print("")
    }
}

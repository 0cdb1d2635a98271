// `quire race --mutations`: the core without one safeguard after the other; each must be found, and how fast is the measure of the
// explorer. docs/mutations.md has the table.

import ArgumentParser
import QuireExplore
import QuireHost
import QuireWorkload

/// Runs the mutation suite.
struct RaceMutations {
    let command: RaceCommand

    func run() throws {
        let suite = Mutation.suite
        let seconds = try command.budget.map(RaceCommand.seconds)
        let strategy = command.strategy == nil ? nil : try command.explorer(.dpor).strategy
        let bar = ProgressBar("mutations")
        let results = HostThreads.map(suite.count) { place in
            let result = Result {
                try suite[place].search(strategy: strategy, budget: command.executions, seconds: seconds)
            }
            bar.show(place + 1, of: suite.count)
            return result
        }
        bar.finish()
        let rows = try zip(suite, results).map { ($0, try $1.get()) }
        command.json ? try writeJSON(rows) : printTable(rows)
        if rows.contains(where: { !$0.1.isFound }) { throw ExitCode(1) }
    }

    private func printTable(_ rows: [(Mutation, Mutation.Result)]) {
        var table = TextTable([
            ("without", .left), ("found", .left), ("executions", .right), ("seconds", .right),
            ("what it comes to", .left),
        ])
        for (mutation, result) in rows {
            table.add([
                mutation.name, result.isFound ? "yes" : "NO", String(result.executions),
                LoopColumn.decimal(result.seconds), result.outcome ?? "",
            ])
        }
        print(table.render(), terminator: "")
        print("\(rows.filter { $0.1.isFound }.count) of \(rows.count) found")
    }

    private func writeJSON(_ rows: [(Mutation, Mutation.Result)]) throws {
        var writer = JSONWriter(to: DescriptorSink(descriptor: 1))
        writer.beginArray(lines: true)
        for (mutation, result) in rows {
            writer.beginObject()
            writer.key("without")
            writer.value(mutation.name)
            writer.key("title")
            writer.value(mutation.title)
            writer.key("found")
            writer.value(result.isFound)
            writer.key("executions")
            writer.value(UInt64(result.executions))
            writer.key("seconds")
            writer.value(decimal: result.seconds)
            writer.key("outcome")
            writer.value(result.outcome)
            writer.endObject()
        }
        writer.endArray()
        try writer.flush()
        print("")
    }
}

// `quire race --all` and `--list`: every scenario, before and after, on all cores, and whether each came out as promised.

import ArgumentParser
import QuireExplore
import QuireHost
import QuireWorkload
import Synchronization

/// Runs or lists all scenarios.
struct RaceAll {
    let command: RaceCommand

    private struct Row: Sendable {
        var scenario: Scenario
        var result: Scenario.Result
    }

    private struct Job: Sendable {
        var scenario: Scenario
        var variant: Scenario.Variant
    }

    func run() throws {
        guard command.all || command.json else { return list() }
        let rows = try search()
        command.json ? try printJSON(rows) : printTable(rows)
        if rows.contains(where: { !$0.result.isAsPromised }) { throw ExitCode(1) }
    }

    private func list() {
        var table = TextTable([("name", .left), ("bound", .left), ("rows", .left), ("what races", .left)])
        for scenario in Scenario.all {
            table.add([
                scenario.name, RaceReport.name(of: scenario.strategy), scenario.rows.joined(separator: " "),
                scenario.title,
            ])
        }
        print(table.render(), terminator: "")
    }

    /// Every scenario's variants, each on one core.
    private func search() throws -> [Row] {
        let variants = try command.variants()
        let jobs = Scenario.all.flatMap { scenario in
            variants.filter { $0 == .after || scenario.before != nil }.map { Job(scenario: scenario, variant: $0) }
        }
        let seconds = try command.budget.map(RaceCommand.seconds)
        let done = Atomic(0)
        let bar = ProgressBar("races")
        let results = HostThreads.map(jobs.count) { place in
            let job = jobs[place]
            let result = Result { try job.scenario.search(job.variant, budget: command.executions, seconds: seconds) }
            bar.show(done.add(1, ordering: .relaxed).newValue, of: jobs.count)
            return result
        }
        bar.finish()
        return try zip(jobs, results).map { job, result in
            do { return Row(scenario: job.scenario, result: try result.get()) } catch {
                throw RaceCommand.fail("\(job.scenario.name): \(error)")
            }
        }
    }

    private func verdict(_ row: Row) -> String {
        switch row.result.verdict {
        case .holds: "exhausted"
        case .found: "found"
        case .notExhausted: "not exhausted"
        }
    }

    private func printTable(_ rows: [Row]) {
        var table = TextTable([
            ("name", .left), ("variant", .left), ("verdict", .left), ("executions", .right), ("seconds", .right),
            ("bound", .left), ("as promised", .left),
        ])
        for row in rows {
            table.add([
                row.scenario.name, row.result.variant.rawValue, verdict(row), String(row.result.exploration.executions),
                LoopColumn.decimal(row.result.exploration.seconds), RaceReport.name(of: row.scenario.strategy),
                row.result.isAsPromised ? "yes" : "NO",
            ])
        }
        print(table.render(), terminator: "")
        for row in rows where !row.result.isAsPromised {
            if case .found(let outcome) = row.result.verdict { print("\(row.scenario.name): \(outcome)") }
        }
    }

    private func printJSON(_ rows: [Row]) throws {
        var writer = JSONWriter(to: DescriptorSink(descriptor: 1))
        writer.beginArray(lines: true)
        for row in rows {
            writer.beginObject()
            writer.key("name")
            writer.value(row.scenario.name)
            writer.key("title")
            writer.value(row.scenario.title)
            writer.key("rows")
            writer.beginArray()
            for name in row.scenario.rows { writer.value(name) }
            writer.endArray()
            writer.key("variant")
            writer.value(row.result.variant.rawValue)
            writer.key("verdict")
            writer.value(verdict(row))
            if case .found(let outcome) = row.result.verdict {
                writer.key("outcome")
                writer.value(outcome)
            }
            writer.key("executions")
            writer.value(UInt64(row.result.exploration.executions))
            writer.key("bound")
            writer.value(RaceReport.name(of: row.scenario.strategy))
            writer.key("seconds")
            writer.value(decimal: row.result.exploration.seconds)
            writer.key("as_promised")
            writer.value(row.result.isAsPromised)
            writer.endObject()
        }
        writer.endArray()
        try writer.flush()
        print("")
    }
}

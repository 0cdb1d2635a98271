// What `quire bench explore` measured, as tables and as JSON.

import QuireExplore
import QuireWorkload

extension ExploreBench {
    func printTables() {
        if !litmusRows.isEmpty { print(litmusTable.render(), terminator: "") }
        if let absence { print("Relacy: skipped, \(absence)") }
        if !litmusRows.isEmpty, !managerRows.isEmpty { print("") }
        if !managerRows.isEmpty { print(managerTable.render(), terminator: "") }
    }

    private var litmusTable: TextTable {
        var table = TextTable([
            ("litmus, x is", .left), ("random, executions/s", .right), ("Relacy", .right), ("ratio", .right),
            ("dpor, executions", .right), ("Relacy's full search", .right), ("outcomes", .right), ("same", .right),
        ])
        for row in litmusRows {
            guard let reduced = row.reduced else { continue }
            table.add([
                row.title, Self.whole(row.rates),
                row.relacyRates.isEmpty ? TextTable.absent : Self.whole(row.relacyRates),
                row.ratio.map(BenchCommand.hundredths) ?? TextTable.absent, String(reduced.executions),
                row.relacyFull.map { String($0.executions) } ?? TextTable.absent, String(reduced.outcomes.count),
                row.hasSameOutcomes.map { $0 ? "yes" : "no" } ?? TextTable.absent,
            ])
        }
        return table
    }

    private var managerTable: TextTable {
        var table = TextTable([
            ("fault against MADV_DONTNEED", .left), ("pages there", .right), ("executions", .right),
            ("exhausted", .right), ("outcomes", .right), ("executions/s", .right), ("min", .right), ("max", .right),
        ])
        for row in managerRows {
            guard let result = row.result else { continue }
            let samples = Samples(row.rates)
            table.add([
                row.name, String(row.pages), String(result.executions), result.isExhausted ? "yes" : "no",
                String(result.outcomes.count), Self.whole(row.rates), String(Int(samples.least)),
                String(Int(samples.most)),
            ])
        }
        return table
    }

    private static func whole(_ rates: [Double]) -> String { String(Int(Samples(rates).median)) }

    func printJSON() {
        var writer = JSONWriter(to: DescriptorSink(descriptor: 1))
        writer.beginObject(lines: true)
        if let absence {
            writer.key("relacy_skipped")
            writer.value(absence)
        }
        writer.key("litmus")
        writer.beginArray(lines: true)
        for row in litmusRows { write(row, to: &writer) }
        writer.endArray()
        writer.key("fault_against_dontneed")
        writer.beginArray(lines: true)
        for row in managerRows { write(row, to: &writer) }
        writer.endArray()
        writer.endObject()
        try? writer.flush()
        print("")
    }

    private func write(_ row: LitmusRow, to writer: inout JSONWriter) {
        guard let reduced = row.reduced else { return }
        writer.beginObject()
        writer.key("x")
        writer.value(row.title)
        writer.key("random_per_second")
        writer.value(decimal: Samples(row.rates).median)
        writer.key("relacy_random_per_second")
        writer.value(decimal: row.relacyRates.isEmpty ? nil : Samples(row.relacyRates).median)
        writer.key("ratio_to_relacy")
        writer.value(decimal: row.ratio)
        writer.key("dpor_executions")
        writer.value(UInt64(reduced.executions))
        writer.key("dpor_exhausted")
        writer.value(reduced.isExhausted)
        writer.key("outcomes")
        writer.beginArray()
        for outcome in reduced.outcomes.keys.sorted() { writer.value(outcome) }
        writer.endArray()
        writer.key("relacy_full_executions")
        writer.value(row.relacyFull.map { UInt64($0.executions) })
        writer.key("executions_ratio")
        writer.value(decimal: row.executionsRatio)
        writer.key("same_outcomes")
        if let same = row.hasSameOutcomes { writer.value(same) } else { writer.null() }
        writer.endObject()
    }

    private func write(_ row: ManagerRow, to writer: inout JSONWriter) {
        guard let result = row.result else { return }
        writer.beginObject()
        writer.key("strategy")
        writer.value(row.name)
        writer.key("pages")
        writer.value(row.pages)
        writer.key("executions")
        writer.value(UInt64(result.executions))
        writer.key("exhausted")
        writer.value(result.isExhausted)
        writer.key("outcomes")
        writer.value(UInt64(result.outcomes.count))
        writer.key("per_second")
        writer.value(decimal: Samples(row.rates).median)
        writer.endObject()
    }
}

// `quire bench fork`: what a gigabyte of written memory adds to fork, in folios of three sizes, in the model and on the live
// kernel: the time with the memory minus the time without, so that making a process is not counted.

import QuireLive
import QuireWorkload

extension BenchCommand {
    private struct ForkRow {
        var folios: ForkedFolios
        var model: [Double] = []
        var live: [Double] = []

        var ratio: Double { Samples(zip(live, model).map { $0 / $1 }).median }
    }

    func measureForks() throws {
        let bytes = 1 << 30
        var rows = ForkedFolios.allCases.map { ForkRow(folios: $0) }
        let bar = ProgressBar("fork of 1 GiB")
        for repetition in 0..<repetitions {
            bar.show(repetition, of: repetitions)
            for place in rows.indices {
                let folios = rows[place].folios
                rows[place].live.append(try LiveForks.spawn(folios, bytes: bytes, repetitions: 3).added)
                let model = try ModelForks(folios, bytes: UInt64(bytes)).measure(repetitions: 3)
                rows[place].model.append(model.added)
            }
        }
        bar.finish()
        json ? printJSON(rows) : printTable(rows)
    }

    private func printTable(_ rows: [ForkRow]) {
        var table = TextTable([
            ("folios of", .left), ("us", .right), ("min", .right), ("max", .right), ("live us", .right),
            ("min", .right),
            ("max", .right), ("times as fast", .right),
        ])
        for row in rows {
            let cells = [row.model, row.live].flatMap { Samples($0.map { $0 / 1000 }).cells }
            table.add(["\(row.folios.kilobytes) kB"] + cells + [LoopColumn.decimal(row.ratio)])
        }
        print(table.render(), terminator: "")
    }

    private func printJSON(_ rows: [ForkRow]) {
        var writer = JSONWriter(to: DescriptorSink(descriptor: 1))
        writer.beginArray(lines: true)
        for row in rows {
            writer.beginObject()
            writer.key("folio_kb")
            writer.value(UInt64(row.folios.kilobytes))
            for (key, values) in [("us", row.model), ("live_us", row.live)] {
                writer.key(key)
                writer.value(decimal: Samples(values).median / 1000)
            }
            writer.key("ratio_to_live")
            writer.value(decimal: row.ratio)
            writer.endObject()
        }
        writer.endArray()
        try? writer.flush()
        print("")
    }
}

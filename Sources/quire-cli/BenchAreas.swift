// `quire bench areas`: the calls that change areas, among many areas, in the model and on the live kernel. Both have the
// same layout and go to the same areas in the same random order; the repetitions of the two alternate.

import QuireLive
import QuireWorkload

extension BenchCommand {
    /// The numbers of areas; nil where `--areas` names none, or more than a process may have beside its own.
    var areaCounts: [Int]? {
        let counts = areas.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
        guard counts.allSatisfy({ (1...65_000).contains($0 ?? 0) }) else { return nil }
        return counts.compactMap { $0 }
    }

    /// One kind of operation among one number of areas.
    private struct Row {
        var areas: Int
        var title: String
        var name: String
        var time: (AreaTimes) -> Double
        var model: [Double] = []
        var live: [Double] = []

        /// How many times as fast the model was, repetition by repetition; nil where there is nothing to compare.
        var ratio: Double? { live.isEmpty ? nil : Samples(zip(live, model).map { $0 / $1 }).median }

        static func all(_ areas: Int) -> [Row] {
            [
                Row(areas: areas, title: "mprotect, split + merge", name: "mprotect_pair") { $0.protectPair },
                Row(areas: areas, title: "mmap + munmap", name: "mmap_pair") { $0.mapPair },
                Row(areas: areas, title: "mmap MAP_FIXED + munmap", name: "mmap_fixed_pair") { $0.mapFixedPair },
                Row(areas: areas, title: "fault up to the area", name: "find") { $0.find },
            ]
        }

        mutating func add(model: AreaTimes, live: AreaTimes) {
            self.model.append(time(model))
            if time(live) > 0 { self.live.append(time(live)) }
        }
    }

    func measureAreas() throws {
        var rows: [Row] = []
        for count in areaCounts ?? [] {
            // As many as there are areas, so that what a small part of them leaves in the caches does not decide.
            let operations = max(count, 10_000)
            var ofCount = Row.all(count)
            let bar = ProgressBar("\(count) areas")
            for repetition in 0..<repetitions {
                bar.show(repetition, of: repetitions)
                let live = try LiveAreas.spawn(areas: count, operations: operations)
                let model = try ModelAreas(AreaLayout(areas: count)).measure(operations: operations)
                for place in ofCount.indices { ofCount[place].add(model: model, live: live) }
            }
            bar.finish()
            rows += ofCount
        }
        json ? printJSON(rows) : printTable(rows)
    }

    private func printTable(_ rows: [Row]) {
        var table = TextTable([
            ("areas", .right), ("operation", .left), ("ns", .right), ("min", .right), ("max", .right),
            ("live ns", .right), ("min", .right), ("max", .right), ("times as fast", .right),
        ])
        for row in rows {
            let absent = [String](repeating: TextTable.absent, count: 3)
            table.add(
                [String(row.areas), row.title] + Samples(row.model).cells
                    + (row.live.isEmpty ? absent : Samples(row.live).cells)
                    + [row.ratio.map(LoopColumn.decimal) ?? TextTable.absent])
        }
        print(table.render(), terminator: "")
    }

    private func printJSON(_ rows: [Row]) {
        var writer = JSONWriter(to: DescriptorSink(descriptor: 1))
        writer.beginArray(lines: true)
        for row in rows {
            writer.beginObject()
            writer.key("areas")
            writer.value(UInt64(row.areas))
            writer.key("operation")
            writer.value(row.name)
            for (side, values) in [("", row.model), ("live_", row.live)] where !values.isEmpty {
                let samples = Samples(values)
                for (key, value) in [("ns", samples.median), ("ns_min", samples.least), ("ns_max", samples.most)] {
                    writer.key(side + key)
                    writer.value(decimal: value)
                }
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

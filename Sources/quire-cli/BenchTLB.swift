// `quire bench tlb`: how fast the TLB model replays references, and what the sizes of mappings save.

import Quire
import QuireWorkload

extension BenchCommand {
    func tlb() throws {
        var bench = TLBBench(only: only)
        try bench.run(repetitions: repetitions, references: rounds * 10_000)
        json ? bench.printJSON() : bench.printTable()
    }
}

/// The rows of `quire bench tlb`.
private struct TLBBench {
    private struct Row {
        var architecture: Architecture
        var mapping: TLBLoop.Mapping
        var pattern: TLBLoop.Pattern
        var bytes: UInt64
        var rates: [Double] = []
        var result: TLBLoop.Result?

        var title: String {
            pattern == .sequential ? pattern.rawValue : "\(pattern.rawValue), \(TLBStatistics.name(ofSize: bytes))"
        }

        /// With all that tells rows apart.
        var fullTitle: String { "\(title) \(architecture.rawValue) \(mapping.rawValue)" }

        func percent(_ count: UInt64) -> String {
            guard let result else { return TextTable.absent }
            let tenths = (Double(count) * 1000 / Double(result.references)).rounded()
            return LoopColumn.decimal(tenths / 10)
        }
    }

    private var rows: [Row] = []

    /// The rows whose title contains the text.
    init(only: String?) {
        let patterns: [(TLBLoop.Pattern, UInt64)] = [
            (.sequential, 1 << 30), (.random, 2 << 20), (.random, 64 << 20), (.random, 1 << 30), (.random, 8 << 30),
            (.zipf, 1 << 30),
        ]
        for architecture in [Architecture.x86_64, .arm64] {
            for (pattern, bytes) in patterns {
                for mapping in TLBLoop.Mapping.allCases {
                    if architecture == .x86_64, mapping == .contiguous { continue }
                    let row = Row(architecture: architecture, mapping: mapping, pattern: pattern, bytes: bytes)
                    if let only, !row.fullTitle.contains(only) { continue }
                    rows.append(row)
                }
            }
        }
    }

    /// Replays each row's stream `repetitions` times, one after the other.
    mutating func run(repetitions: Int, references: Int) throws {
        let bar = ProgressBar("tlb")
        for repetition in 0..<repetitions {
            for place in rows.indices {
                bar.show(repetition * rows.count + place, of: repetitions * rows.count)
                var parameters = TLBLoop.Parameters()
                parameters.machine.architecture = rows[place].architecture
                parameters.mapping = rows[place].mapping
                parameters.pattern = rows[place].pattern
                parameters.bytes = rows[place].bytes
                parameters.references = references
                let result = try TLBLoop.run(parameters)
                rows[place].rates.append(result.referencesPerSecond)
                rows[place].result = result
            }
        }
        bar.finish()
    }

    func printTable() {
        var table = TextTable([
            ("references", .left), ("TLB", .left), ("mapped by", .right), ("million/s", .right),
            ("l1 misses %", .right),
            ("walks %", .right), ("reads a walk", .right),
        ])
        for row in rows {
            guard let result = row.result else { continue }
            let reads = Double(result.walkReferences) / Double(max(1, result.walks))
            table.add([
                row.title, row.architecture.rawValue, row.mapping.rawValue,
                LoopColumn.decimal(Samples(row.rates).median / 1e6),
                row.percent(result.references - result.firstLevelHits), row.percent(result.walks),
                LoopColumn.decimal(reads),
            ])
        }
        print(table.render(), terminator: "")
    }

    func printJSON() {
        var writer = JSONWriter(to: DescriptorSink(descriptor: 1))
        writer.beginArray(lines: true)
        for row in rows {
            guard let result = row.result else { continue }
            writer.beginObject()
            writer.key("arch")
            writer.value(row.architecture.rawValue)
            writer.key("pattern")
            writer.value(row.pattern.rawValue)
            writer.key("bytes")
            writer.value(row.bytes)
            writer.key("mapped_by")
            writer.value(row.mapping.rawValue)
            writer.key("references_per_second")
            writer.value(decimal: Samples(row.rates).median)
            writer.key("references")
            writer.value(result.references)
            writer.key("l1_misses")
            writer.value(result.references - result.firstLevelHits)
            writer.key("walks")
            writer.value(result.walks)
            writer.key("walk_references")
            writer.value(result.walkReferences)
            writer.endObject()
        }
        writer.endArray()
        try? writer.flush()
        print("")
    }
}

// `quire folios`: one table of what each folio size costs and saves on a workload. The work is QuireWorkload's.

import ArgumentParser
import Foundation
import QuireWorkload

/// Compares folio sizes on a workload.
struct FoliosCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "folios",
        abstract: "Replay a workload with folios of each size: what each saves and costs.",
        discussion: """
            Every size is replayed alone, as with its hugepages-*/enabled at always and all others at never; `all` allows \
            every size and takes the largest that fits. Against 4 kB, larger folios save faults, table writes and TLB misses, \
            and cost bytes cleared and copied, and memory that is resident though nobody touched it: `wasted` is what the peak \
            of resident memory (VmHWM, of all processes) has grown by.

            A recording knows the first touch of each page alone, so what a program saves by fewer TLB misses later on is not \
            in it.

            EXAMPLES:
              quire folios Examples/redis.q.xz
              quire folios app.q --set machine.arch=arm64 --sizes 4,64,2048
              quire folios app.q --json | jq '.[] | {size_kb, wasted_kb}'

            EXIT STATUS: 0; 2 for bad input; 77 where the file requires what the model cannot do.
            """)

    @Argument(help: "The workload file.")
    var file: String

    @Option(help: "Sizes in kB, with commas; all for every size at once.")
    var sizes = "4,16,32,64,128,256,512,1024,2048,all"

    @Option(help: "Set a knob: KEY=VALUE. May be repeated.")
    var set: [String] = []

    @Option(help: "Replays of each size; the time is their median.")
    var repetitions = 3

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        guard (1...100).contains(repetitions) else { throw fail("--repetitions takes 1 to 100") }
        let chosen = try chosenSizes()
        var options = ReplayOptions()
        options.settings = try set.map { text in
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, !parts[0].isEmpty else { throw fail("--set takes KEY=VALUE, not '\(text)'") }
            return (parts[0], parts[1])
        }
        let comparison = FolioComparison(options)
        var rows: [FolioCosts] = []
        let bar = ProgressBar("folio sizes")
        do throws(ReplayError) {
            for (place, size) in chosen.enumerated() {
                bar.show(place, of: chosen.count)
                rows.append(try comparison.measure(path: file, kilobytes: size, repetitions: repetitions))
            }
            bar.finish()
        } catch {
            bar.finish()
            guard case .skipped = error else { throw fail(error.description) }
            throw fail(error.description, .skipped)
        }
        json ? printJSON(rows) : printTable(rows)
    }

    /// The sizes, nil for all at once; 4 kB is always the first.
    private func chosenSizes() throws -> [Int?] {
        var chosen: [Int?] = [4]
        for word in sizes.split(separator: ",", omittingEmptySubsequences: false) {
            if word == "all" {
                chosen.append(nil)
                continue
            }
            guard let size = Int(word), FolioComparison.sizes.contains(size) else {
                let known = FolioComparison.sizes.map(String.init).joined(separator: ", ")
                throw fail("--sizes takes \(known) or all, with commas, not '\(word)'")
            }
            if !chosen.contains(size) { chosen.append(size) }
        }
        return chosen
    }

    private func printTable(_ rows: [FolioCosts]) {
        let columns = [
            "folio kB", "faults", "MB cleared", "MB copied", "table writes", "folds", "unfolds", "TLB flushes",
            "TLB misses", "peak MB", "wasted MB", "ms",
        ]
        var table = TextTable(columns.map { ($0, .right) })
        func megabytes(_ bytes: Double) -> String { String(format: "%.1f", bytes / 1_048_576) }
        for row in rows {
            table.add([
                row.kilobytes.map(String.init) ?? "all", String(row.faults), megabytes(Double(row.clearedBytes)),
                megabytes(Double(row.copiedBytes)), String(row.tableWrites), String(row.folds), String(row.unfolds),
                String(row.invalidations), String(row.misses), megabytes(Double(row.peakKilobytes) * 1024),
                megabytes(Double(row.wastedKilobytes(over: rows[0])) * 1024),
                String(format: "%.1f", row.nanoseconds / 1e6),
            ])
        }
        print(table.render(), terminator: "")
    }

    private func printJSON(_ rows: [FolioCosts]) {
        var writer = JSONWriter(to: DescriptorSink(descriptor: 1))
        writer.beginArray(lines: true)
        for row in rows {
            writer.beginObject()
            writer.key("size_kb")
            writer.value(row.kilobytes.map(UInt64.init))
            for (key, value) in [
                ("faults", row.faults), ("cleared_bytes", row.clearedBytes), ("copied_bytes", row.copiedBytes),
                ("pte_writes", row.tableWrites), ("contpte_folds", row.folds), ("contpte_unfolds", row.unfolds),
                ("tlb_flushes", row.invalidations), ("tlb_misses", row.misses), ("peak_rss_kb", row.peakKilobytes),
                ("divergences", UInt64(row.divergences)),
            ] {
                writer.key(key)
                writer.value(value)
            }
            writer.key("wasted_kb")
            writer.value(signed: row.wastedKilobytes(over: rows[0]))
            writer.key("ms")
            writer.value(decimal: row.nanoseconds / 1e6)
            writer.endObject()
        }
        writer.endArray()
        try? writer.flush()
        print("")
    }

    private func fail(_ message: String, _ verdict: ReplayVerdict = .badInput) -> ExitCode {
        FileHandle.standardError.write(Data("quire folios: \(message)\n".utf8))
        return ExitCode(verdict.rawValue)
    }
}

// What people read instead of the JSON: a row per process and snapshot, the counters, and the same side by side for the
// values of a comparison. Only the rows are kept, never the areas.

public import Quire

/// Collects the rows of the tables while a run goes on.
public struct ReportSummary: Sendable {
    /// Snapshots beyond this many rows are counted, not shown.
    public static let mostRows = 10_000

    struct Row: Sendable {
        var label: String
        var pid: Int
        var status: ProcessReport.Status
        var stat: ProcessReport.Stat
        var tables: ProcessReport.PageTables?
    }

    var rows: [Row] = []
    private var dropped = 0
    /// The counters at the end.
    public var counters: [(key: String, value: UInt64?)] = []
    /// What the TLBs did; nil where none were modelled.
    public var tlb: TLBStatistics?
    /// Calls that the format does not know.
    public var ignored: [(name: String, count: UInt64)] = []
    /// The first lines that ended differently from the recording.
    public private(set) var divergences: [Divergence] = []
    /// How many lines ended differently.
    public private(set) var divergenceCount = 0

    /// An empty summary.
    public init() {}

    /// Adds the processes of a snapshot, or of the end (label `final`).
    public mutating func add(_ label: String, _ processes: [ProcessReport]) {
        for process in processes {
            if rows.count == ReportSummary.mostRows {
                dropped += 1
                continue
            }
            rows.append(
                Row(
                    label: label, pid: process.pid, status: process.status, stat: process.stat,
                    tables: process.pagetables))
        }
    }

    /// Adds a difference from the recording; the first ten are shown.
    public mutating func add(_ divergence: @autoclosure () -> Divergence) {
        divergenceCount += 1
        if divergences.count < 10 { divergences.append(divergence()) }
    }

    static let measures: [(title: String, value: @Sendable (Row) -> UInt64?)] = [
        ("VmSize", { $0.status.vmSize }), ("RssAnon", { $0.status.rssAnon }), ("RssFile", { $0.status.rssFile }),
        ("RssShmem", { $0.status.rssShmem }), ("VmPTE", { $0.status.vmPTE }), ("VmSwap", { $0.status.vmSwap }),
        ("PTE tables", { $0.tables?.pte }), ("empty", { $0.tables?.emptyPTE }), ("minflt", { $0.stat.minflt }),
        ("majflt", { $0.stat.majflt }),
    ]

    /// The tables of one run.
    public func render() -> String {
        var table = TextTable(
            [("snapshot", .left), ("pid", .right)] + ReportSummary.measures.map { ($0.title, .right) })
        for row in rows {
            table.add(
                [row.label, String(row.pid)] + ReportSummary.measures.map { TextTable.cell($0.value(row)) })
        }
        var text = rows.isEmpty ? "" : table.render()
        if dropped > 0 { text += "… \(dropped) further rows\n" }
        if !counters.isEmpty {
            var table = TextTable([("counter", .left), ("value", .right)])
            for (name, value) in shownCounters { table.add([name, TextTable.cell(value)]) }
            text += (text.isEmpty ? "" : "\n") + table.render()
            if let tlb { text += "\n" + tlb.table }
        }
        if divergenceCount > 0 {
            var table = TextTable([("line", .right), ("call", .left), ("recorded", .left), ("model", .left)])
            for item in divergences { table.add([String(item.line), item.call, item.expected, item.got]) }
            let lines = divergenceCount == 1 ? "1 line" : "\(divergenceCount) lines"
            text += "\n\(lines) ended differently from the recording\n" + table.render()
        }
        if !ignored.isEmpty {
            let names = ignored.sorted { $0.name < $1.name }.map { "\($0.name) (\($0.count))" }
            text += "\nignored: " + names.joined(separator: ", ") + "\n"
        }
        return text
    }

    /// The measures of several runs side by side, a column per value of the key.
    ///
    /// Rows are those of the first run; a measure that no run observes is left out.
    public static func compare(key: String, _ columns: [(value: String, summary: ReportSummary)]) -> String {
        var table = TextTable(
            [("snapshot", .left), ("pid", .right), (key, .left)] + columns.map { ($0.value, .right) })
        guard let first = columns.first?.summary else { return "" }
        for (index, row) in first.rows.enumerated() {
            for measure in measures {
                let values = columns.map { column -> UInt64? in
                    // Machines run in step over one input, so rows correspond.
                    guard index < column.summary.rows.count else { return nil }
                    return measure.value(column.summary.rows[index])
                }
                if values.allSatisfy({ $0 == nil }) { continue }
                table.add([row.label, String(row.pid), measure.title] + values.map { TextTable.cell($0) })
            }
        }
        for name in Self.names(columns.map(\.summary)) {
            let values = columns.map { column in column.summary.counters.first { $0.key == name }?.value ?? nil }
            table.add(["", "", name] + values.map { TextTable.cell($0) })
        }
        return table.render()
    }

    /// What is counted of TLBs even where none are modelled.
    private static let always: Set = ["tlb_flushes", "tlb_flushed_pages", "tlb_barriers"]

    /// The counters of one run's table: those of TLBs have one of their own, and are left out where there are none.
    private var shownCounters: [(key: String, value: UInt64?)] {
        let own = Set((tlb?.counters ?? []).map(\.name))
        return counters.filter { item in
            if Self.isIdle(item.key, item.value) { return false }
            guard tlb == nil else { return !own.contains(item.key) }
            return !item.key.hasPrefix("tlb_") || Self.always.contains(item.key)
        }
    }

    /// The counters that any of the runs has, in their order.
    private static func names(_ summaries: [ReportSummary]) -> [String] {
        var seen: Set<String> = []
        let all = summaries.flatMap(\.counters)
        return all.filter { !isIdle($0.key, $0.value) }.map(\.key).filter { seen.insert($0).inserted }
    }

    /// A counter of the background reclaimer, which has done nothing of the kind.
    private static func isIdle(_ key: String, _ value: UInt64?) -> Bool {
        key.hasPrefix("pt_reclaimd_") && (value ?? 0) == 0
    }
}

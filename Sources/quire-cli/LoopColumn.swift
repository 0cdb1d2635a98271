// One column of the demo's table: what the loop came to on one side. What a side cannot show is nil.

import QuireLive
import QuireWorkload

/// What the loop came to, in the model or on the live kernel. Sizes in kB.
struct LoopColumn {
    let title: String
    var size: UInt64
    var resident: UInt64
    var tables: UInt64
    var tableGrowth: Int64
    var made: UInt64?
    var freedFast: UInt64?
    var freedSlow: UInt64?
    var flushes: UInt64?
    var faults: UInt64
    var nanosecondsPerPage: Double
    /// How many times faster than the live kernel's loop of the same kind.
    var ratio: Double?

    init(_ title: String, _ result: ModelLoop.Result) {
        self.title = title
        size = result.after.size
        resident = result.after.resident
        tables = result.after.pageTables
        tableGrowth = result.tableGrowth
        made = result.counter("tables_made")
        freedFast = result.counter("tables_freed_fast")
        freedSlow = result.counter("tables_freed_slow")
        flushes = result.counter("tlb_flushes")
        faults = result.after.minorFaults - result.before.minorFaults
        nanosecondsPerPage = result.nanosecondsPerPage
    }

    init(_ title: String, _ result: LiveLoop.Result) {
        self.title = title
        size = result.after.vmSize.rawValue
        resident = result.after.vmRSS.rawValue
        tables = result.after.vmPTE.rawValue
        tableGrowth = result.vmPTEGrowth
        faults = result.after.minorFaults - result.before.minorFaults
        nanosecondsPerPage = result.nanosecondsPerPage
    }

    /// Sets each model column's ratio to the live column of the same kind: off to 2 × 1 MiB, sync to 2 MiB.
    static func setRatios(_ columns: inout [LoopColumn]) {
        guard columns.count == 4 else { return }
        for place in 0..<2 {
            columns[place].ratio = columns[place + 2].nanosecondsPerPage / columns[place].nanosecondsPerPage
        }
    }

    private var cells: [(name: String, value: String)] {
        [
            ("VIRT", String(size)), ("RES", String(resident)), ("VmPTE", String(tables)),
            ("VmPTE grew by", String(tableGrowth)), ("tables made", TextTable.cell(made)),
            ("freed fast", TextTable.cell(freedFast)), ("freed slow", TextTable.cell(freedSlow)),
            ("TLB flushes", TextTable.cell(flushes)), ("faults", String(faults)),
            ("ns per page", Self.decimal(nanosecondsPerPage)),
            ("times as fast as live", ratio.map(Self.decimal) ?? TextTable.absent),
        ]
    }

    /// A number with one decimal.
    static func decimal(_ number: Double) -> String {
        let tenths = Int((number * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }

    /// The columns side by side.
    static func table(_ columns: [LoopColumn]) -> String {
        var table = TextTable([("", .left)] + columns.map { ($0.title, .right) })
        guard let first = columns.first else { return "" }
        for row in first.cells.indices {
            table.add([first.cells[row].name] + columns.map { $0.cells[row].value })
        }
        return table.render()
    }

    /// The column as a JSON object.
    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        for (name, value) in [
            ("VIRT", size as UInt64?), ("RES", resident), ("VmPTE", tables), ("tables_made", made),
            ("tables_freed_fast", freedFast), ("tables_freed_slow", freedSlow), ("tlb_flushes", flushes),
            ("faults", faults),
        ] {
            writer.key(name)
            writer.value(value)
        }
        writer.key("VmPTE_growth")
        writer.value(signed: tableGrowth)
        writer.key("ns_per_page")
        writer.value(decimal: nanosecondsPerPage)
        writer.key("ratio_to_live")
        writer.value(decimal: ratio)
        writer.endObject()
    }
}

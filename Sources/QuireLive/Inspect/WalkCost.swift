// Where the empty tables are: a walk reports nothing for an empty table and nothing for no table, but the first takes it
// several hundred nanoseconds (512 entries read) and the second a few. `WalkCost` measures both, and the price of a page, in
// this process's own address space, and turns the time that a scan spent in an area into a number of tables it met. The
// totals of a report never depend on it: it only says which areas to look at first. Kernel counterpart: none.

import SystemPackage

/// What a walk pays, in nanoseconds.
struct WalkCost: Sendable {
    /// A call that finds no table.
    var call: Double
    /// A table, whatever its entries.
    var table: Double
    /// A present page, on top of its table.
    var page: Double
    /// A region handed out.
    var region: Double

    /// Measures in a mapping of this process; nil if that fails. Takes about a millisecond and 4 MB for a moment.
    static func measured() -> WalkCost? {
        let span = 2 << 20
        guard let pagemap = try? LiveFile(reading: "/proc/self/pagemap"),
            let mapping = try? LiveMapping(length: 18 * span), (try? mapping.advise(0..<18 * span, .noHugePage)) != nil
        else { return nil }
        var regions = [PageRegion](repeating: PageRegion(), count: 512)
        func time(_ spans: Range<Int>) -> Double? {
            let start = mapping.range.lowerBound
            let range = start + UInt64(spans.lowerBound * span)..<start + UInt64(spans.upperBound * span)
            var best = UInt64.max
            for _ in 0..<5 {
                let begin = monotonicNanoseconds()
                guard (try? pagemap.scanPages(in: range, maxPages: 0, reporting: [.present], into: &regions)) != nil
                else { return nil }
                best = min(best, monotonicNanoseconds() - begin)
            }
            return Double(best)
        }
        guard let call = time(0..<16) else { return nil }
        mapping.touch(0..<16 * span, stride: span)
        guard let sixteen = time(0..<16) else { return nil }
        mapping.touch(16 * span..<17 * span)
        guard let full = time(16..<17) else { return nil }
        mapping.touch(17 * span..<18 * span, stride: 2 * LiveMapping.pageSize)
        guard let alternating = time(17..<18) else { return nil }
        let table = max(1, (sixteen - call) / 16)
        let page = max(0, (full - call - table) / 512)
        let region = max(0, (alternating - call - table - 256 * page) / 256)
        return WalkCost(call: call, table: table, page: page, region: region)
    }

    /// Tables met in `nanoseconds` of walking beyond those that held what was found.
    func emptyTables(in nanoseconds: UInt64, calls: UInt64, regions: UInt64, found tally: SpanTally) -> UInt64 {
        let explained =
            call * Double(calls) + table * Double(tally.populated) + page * Double(tally.presentEntries)
            + region * Double(regions)
        let excess = (Double(nanoseconds) - explained) / table
        // Less than half of what was explained is noise: caches, interrupts, another's turn on the CPU.
        guard excess >= 1, excess * table > explained / 2 else { return 0 }
        return UInt64(excess.rounded())
    }
}

// Freeing the tables of a range that was unmapped, at every level, where no neighbouring area needs them: tables
// that lie wholly between `floor` (the end of the area below) and `ceiling` (the start of the area above; 0 means the
// top). The caller holds the mmap lock for write, so nobody walks here but lock-free readers, whom RCU protects.
// Linux: free_pgtables, free_pgd_range.

extension PageTables {
    /// Cuts out and gathers the tables below [start, end) that nothing else needs.
    func freeRange(_ cpu: CPU, _ gather: inout Gather, _ start: UInt64, _ end: UInt64, floor: UInt64, ceiling: UInt64) {
        freeBelow(cpu, &gather, root, format.levels - 1, start, end, floor, ceiling)
    }

    /// Handles the entries of one table of `level`: descends, then cuts out each child that is wholly covered.
    private func freeBelow(
        _ cpu: CPU, _ gather: inout Gather, _ table: FrameNumber, _ level: Int,
        _ start: UInt64, _ end: UInt64, _ floor: UInt64, _ ceiling: UInt64
    ) {
        let span: UInt64 = 1 << format.shift(ofLevel: level)
        var at = start
        while at < end {
            let next = Swift.min((at & ~(span - 1)) &+ span, end)
            let index = format.index(at, level: level)
            let entry = load(cpu, table, index)
            if format.isValidForHardware(entry), !format.isHuge(entry) {
                let child = format.frame(entry)
                if level > 1 { freeBelow(cpu, &gather, child, level - 1, at, next, floor, ceiling) }
                let base = at & ~(span - 1)
                if covers(base, span, next, floor, ceiling) {
                    clear(cpu, table, index)
                    removed(cpu, table, 1)
                    uncounted(cpu, child, level: level - 1)
                    gather.addTable(child, at: at, by: format.shift(ofLevel: level))
                }
            }
            if next == 0 { return }
            at = next
        }
    }

    /// Whether the span at `base` lies between floor and ceiling, so that no other area uses the table.
    private func covers(_ base: UInt64, _ span: UInt64, _ end: UInt64, _ floor: UInt64, _ ceiling: UInt64) -> Bool {
        base >= floor && (ceiling == 0 || base &+ span <= ceiling)
    }
}

// Visiting the PTE tables of a range, one after the other. Linux: walk_page_range.

extension AddressSpace {
    /// Runs `body` for the part of the range in each PTE table there is, with the table's lock held.
    func eachTable(_ cpu: CPU, _ start: UInt64, _ end: UInt64, _ body: (FrameNumber, UInt64, UInt64) -> Void) {
        let span: UInt64 = 1 << tables.format.shift(ofLevel: 1)
        var address = start
        while let present = tables.nextPMD(cpu, address, end) {
            address = present
            let next = Swift.min((address & ~(span - 1)) &+ span, end)
            memory.rcu.enter(cpu)
            let position = tables.position(cpu, address)
            if !position.table.isNone, tables.lockIfAttached(cpu, position, address) {
                body(position.table, address, next)
                tables.pteLock(position.table).unlock(cpu)
            }
            memory.rcu.exit(cpu)
            address = next
        }
    }
}

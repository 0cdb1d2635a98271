// MADV_FREE: pages become clean and old and lose their backing store, so that reclaim may drop them; a later write
// makes them dirty again. Tables stay. Linux: madvise_free_pte_range.

extension AddressSpace {
    /// Marks the anonymous pages of a range as lazily free.
    func lazyFree(_ cpu: CPU, _ start: UInt64, _ end: UInt64) {
        noteResidentPeak()
        eachTable(cpu, start, end) { table, from, to in
            var index = tables.format.index(from, level: 0)
            for _ in 0..<((to - from) >> Page.shift) {
                defer { index += 1 }
                let entry = tables.load(cpu, table, index)
                guard tables.format.isPresent(entry) else { continue }
                let frame = tables.format.frame(entry)
                guard frame != core.zeroFrame, memory.kind(cpu, frame) == .anonymous else { continue }
                // A page marked dirty that others map too must stay so.
                if memory.has(cpu, frame, FrameFlags.dirty), memory.mapcount(frame).load(cpu, .mapcount) != 1 {
                    continue
                }
                // A page that somebody has locked stays swap-backed: it is not for reclaim.
                let isLocked = memory.has(cpu, frame, FrameFlags.locked)
                let cleared = isLocked ? FrameFlags.dirty : FrameFlags.dirty | FrameFlags.swapBacked
                memory.flags(frame).clear(cpu, bits: cleared, .frameFlags)
                guard tables.format.isDirty(entry) || tables.format.isAccessed(entry) else { continue }
                let old = tables.takeOut(cpu, table, index)
                tables.update(cpu, table, index, tables.format.old(tables.format.cleaned(old)))
            }
        }
        tables.flushRange(cpu, start, end)
    }

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

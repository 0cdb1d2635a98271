// MADV_COLD: pages look as if nobody had used them lately, so that reclaim takes them first.
// Linux: madvise_cold_or_pageout_pte_range, folio_deactivate.

extension AddressSpace {
    /// The leaf at `start`, whose folio this address space alone maps; its lock is held.
    func coolLeaf(_ cpu: CPU, _ gather: inout Gather, _ position: LeafPosition, _ head: FrameNumber, _ start: UInt64) {
        memory.flags(head).clear(cpu, bits: FrameFlags.referenced | FrameFlags.active, .frameFlags)
        let (old, new) = tables.changeLeaf(cpu, position) { tables.format.old($0) }
        if new != old { gather.cleared(start, start + tables.hugeSize, by: tables.format.shift(ofLevel: 1)) }
    }

    /// Entries from `address` on that map a whole folio; the table's lock is held.
    func coolEntries(
        _ cpu: CPU, _ gather: inout Gather, _ table: FrameNumber, _ index: Int, _ count: Int, _ head: FrameNumber,
        _ address: UInt64
    ) {
        memory.flags(head).clear(cpu, bits: FrameFlags.active, .frameFlags)
        if tables.clearAge(cpu, table, index, count: count, andDirty: false) {
            gather.cleared(address, address + UInt64(count) << Page.shift)
        }
    }
}

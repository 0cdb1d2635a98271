// MADV_COLD: pages look as if nobody had used them lately, so that reclaim takes them first.
// Linux: madvise_cold_or_pageout_pte_range, folio_deactivate.

extension AddressSpace {
    /// A leaf whose folio this address space alone maps; its lock is held.
    func coolLeaf(_ cpu: CPU, _ position: LeafPosition, _ head: FrameNumber) {
        memory.flags(head).clear(cpu, bits: FrameFlags.referenced | FrameFlags.active, .frameFlags)
        tables.changeLeaf(cpu, position) { tables.format.old($0) }
    }

    /// Entries that map a whole folio; the table's lock is held.
    func coolEntries(_ cpu: CPU, _ table: FrameNumber, _ index: Int, _ count: Int, _ head: FrameNumber) {
        memory.flags(head).clear(cpu, bits: FrameFlags.active, .frameFlags)
        tables.clearAge(cpu, table, index, count: count, andDirty: false)
    }
}

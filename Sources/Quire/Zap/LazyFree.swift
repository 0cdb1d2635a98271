// MADV_FREE: pages become clean and old and lose their backing store, so that reclaim may drop them; a later write
// makes them dirty again. Tables stay. Of a large folio that the range covers in part, the part becomes folios of its own.
// Linux: madvise_free_pte_range, madvise_free_huge_pmd, folio_mark_lazyfree.

extension AddressSpace {
    /// MADV_FREE of the whole leaf at `start`, which this address space alone maps; its lock is held.
    func lazyFreeLeaf(
        _ cpu: CPU, _ gather: inout Gather, _ position: LeafPosition, _ head: FrameNumber, _ start: UInt64
    ) {
        let lock = memory.folioLock(head)
        guard lock.tryLock(cpu) else { return }
        memory.flags(head).clear(cpu, bits: FrameFlags.dirty, .frameFlags)
        lock.unlock(cpu)
        let (old, new) = tables.changeLeaf(cpu, position) { tables.format.withoutAge($0) }
        if new != old { gather.cleared(start, start + tables.hugeSize, by: tables.format.shift(ofLevel: 1)) }
        markLazilyFree(cpu, head)
    }

    /// MADV_FREE of `count` entries from `address` on that map a whole folio; the table's lock is held.
    func lazyFreeEntries(
        _ cpu: CPU, _ gather: inout Gather, _ table: FrameNumber, _ index: Int, _ count: Int, _ head: FrameNumber,
        _ address: UInt64
    ) {
        if memory.has(cpu, head, FrameFlags.dirty) {
            let lock = memory.folioLock(head)
            guard lock.tryLock(cpu) else { return }
            defer { lock.unlock(cpu) }
            // A folio marked dirty that others map too must stay so.
            guard memory.mappings(cpu, head) == UInt32(count) else { return }
            memory.flags(head).clear(cpu, bits: FrameFlags.dirty, .frameFlags)
        }
        if tables.clearAge(cpu, table, index, count: count, andDirty: true) {
            gather.cleared(address, address + UInt64(count) << Page.shift)
        }
        markLazilyFree(cpu, head)
    }

    /// A folio that somebody has locked stays as it is: it is not for reclaim. Others move to the list of those that are
    /// lazily free, if they are not there.
    private func markLazilyFree(_ cpu: CPU, _ head: FrameNumber) {
        guard !memory.has(cpu, head, FrameFlags.locked), memory.has(cpu, head, FrameFlags.swapBacked) else { return }
        let aged = FrameFlags.swapBacked | FrameFlags.referenced | FrameFlags.active
        memory.flags(head).clear(cpu, bits: aged, .frameFlags)
    }
}

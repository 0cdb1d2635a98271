// MADV_PAGEOUT: reclaim of pages at once. Without swap, anonymous pages can go only if they were given to MADV_FREE and not
// written since; a large folio for which there is no swap is split on the way. A file's page leaves the tables, and the
// cache too if it is clean. Locked folios stay.
// Linux: reclaim_folio_list, shrink_folio_list, __discard_anon_folio_pmd_locked, try_to_unmap_one.

extension AddressSpace {
    /// A leaf whose folio this address space alone maps; its lock is held. False: the folio must be split.
    func pageOutLeaf(
        _ cpu: CPU, _ area: Handle<Area>, _ position: LeafPosition, _ head: FrameNumber, _ start: UInt64,
        _ advice: UseAdvice
    ) -> Bool {
        if memory.has(cpu, head, FrameFlags.locked) { return true }
        if needsSwap(cpu, head, advice) { return hasOtherReferences(cpu, head, mappings: 1) }
        _ = dropLeaf(cpu, area, position, head, start, evenDirty: advice == .drop)
        return true
    }

    /// Takes a leaf out that maps a folio which may be dropped, unless it was written or is held by now: then it is false. The
    /// leaf's lock is held.
    func dropLeaf(
        _ cpu: CPU, _ area: Handle<Area>, _ position: LeafPosition, _ head: FrameNumber, _ start: UInt64,
        evenDirty: Bool
    ) -> Bool {
        // Out first, then a look: a store or a pin that comes in between is in what was taken out, or in the count.
        let old = tables.invalidateLeaf(cpu, position)
        tables.flushLeaf(cpu, start)
        guard mayGo(cpu, head, old, references: 1, evenDirty: evenDirty) else {
            tables.update(cpu, position.pmdTable, position.index, old)
            return false
        }
        _ = takeLeaf(cpu, area, position)
        memory.put(cpu, folio: head, count: 1)
        return true
    }

    /// Entries that map a whole anonymous folio, which nobody else maps; the table's lock is held. False: the folio must be
    /// split.
    func pageOutEntries(
        _ cpu: CPU, _ area: Handle<Area>, _ table: FrameNumber, _ index: Int, _ count: Int, _ head: FrameNumber,
        _ address: UInt64, _ advice: UseAdvice
    ) -> Bool {
        if memory.has(cpu, head, FrameFlags.locked) { return true }
        let isInUse = hasOtherReferences(cpu, head, mappings: UInt32(count))
        if needsSwap(cpu, head, advice) { return isInUse || !memory.isLarge(cpu, head) }
        guard !isInUse else { return true }
        var done = 0
        while done < count {
            let end = endOfRun(cpu, table, index + done, index + count)
            let pages = end - index - done
            let start = address + UInt64(done) << Page.shift
            // Out first, then a look, as above.
            let old = tables.takeOutRun(cpu, table, index + done, count: pages)
            tables.flushRange(cpu, start, start + UInt64(pages) << Page.shift)
            guard mayGo(cpu, head, old, references: UInt32(count - done), evenDirty: advice == .drop) else {
                tables.updateRun(cpu, table, index + done, count: pages, old)
                return true
            }
            discarded(cpu, area, table, tables.format.frame(old), pages)
            memory.put(cpu, folio: head, count: UInt32(pages))
            done += pages
        }
        return true
    }

    /// An entry that maps a file's page, which nobody else maps; the table's lock is held.
    func pageOutFilePage(_ cpu: CPU, _ table: FrameNumber, _ index: Int, _ frame: FrameNumber, _ address: UInt64) {
        let file = core.files.handle(at: memory.mapping(frame))
        let kind = core.files[file].kind
        guard !memory.has(cpu, frame, FrameFlags.locked), kind != .special, kind != .device else { return }
        let isShared = memory.has(cpu, frame, FrameFlags.swapBacked)
        let old = tables.takeOut(cpu, table, index)
        tables.removed(cpu, table, 1)
        if tables.format.isDirty(old) { memory.flags(frame).set(cpu, bits: FrameFlags.dirty, .frameFlags) }
        memory.removeMapping(cpu, frame, owner: number)
        tables.counters.add(cpu, isShared ? SpaceCounter.shared : SpaceCounter.file, -1)
        tables.flushRange(cpu, address, address + Page.size)
        memory.put(cpu, frame)
        if memory.has(cpu, frame, FrameFlags.dirty) {
            memory.flags(frame).set(cpu, bits: FrameFlags.active, .frameFlags)
        } else if memory.refcount(frame).load(cpu, .refcount) == 1 {
            let page = memory.index(frame)
            core.dropCache(cpu, file, from: page, to: page + 1, .unused)
        }
    }

    /// The end of the entries from `first` on that all may be written, or all may not: what is unmapped in one go.
    private func endOfRun(_ cpu: CPU, _ table: FrameNumber, _ first: Int, _ limit: Int) -> Int {
        let isWritable = tables.format.isWritable(tables.load(cpu, table, first))
        var end = first + 1
        while end < limit, tables.format.isWritable(tables.load(cpu, table, end)) == isWritable { end += 1 }
        return end
    }

    /// Whether a folio may be dropped of which `old` was taken out: nobody has written it, or it does not matter, and nobody
    /// has it beside the `references` of its mappings. One that was written keeps its contents from now on.
    func mayGo(
        _ cpu: CPU, _ head: FrameNumber, _ old: Entry, references: UInt32, evenDirty: Bool = false
    ) -> Bool {
        // In this order: whoever had a reference marked what it wrote before giving the reference back.
        let isHeld = memory.refcount(head).load(cpu, .refcount) != references && !cpu.lacks(.referencesAfterOut)
        let isWritten = tables.format.isDirty(old) || memory.has(cpu, head, FrameFlags.dirty)
        let isDirty = isWritten && !evenDirty && !cpu.lacks(.dirtyAfterOut)
        if isDirty { keep(cpu, head) }
        return !isHeld && !isDirty
    }

    /// Counts clean entries that were taken out; their references are the caller's.
    func discarded(
        _ cpu: CPU, _ area: Handle<Area>, _ table: FrameNumber, _ frame: FrameNumber, _ pages: Int
    ) {
        memory.removeMappings(cpu, frame, count: pages, owner: number)
        tables.removed(cpu, table, pages)
        tables.counters.add(cpu, SpaceCounter.anonymous, -Int64(pages))
        if core.areas[area].flags.contains(.chargedByPage) { core.uncommit(cpu, pages: UInt64(pages)) }
    }

    /// Whether a folio could go only to swap, of which there is none: it counts as in use again.
    private func needsSwap(_ cpu: CPU, _ head: FrameNumber, _ advice: UseAdvice) -> Bool {
        guard advice != .drop, memory.has(cpu, head, FrameFlags.swapBacked) else { return false }
        memory.flags(head).set(cpu, bits: FrameFlags.active, .frameFlags)
        return true
    }

    /// Whether somebody has the folio beside those that map it: then nobody tries to split it (can_split_folio).
    private func hasOtherReferences(_ cpu: CPU, _ head: FrameNumber, mappings: UInt32) -> Bool {
        memory.refcount(head).load(cpu, .refcount) != mappings
    }

    /// A folio that was written after MADV_FREE keeps its contents.
    private func keep(_ cpu: CPU, _ head: FrameNumber) {
        let kept = FrameFlags.dirty | FrameFlags.swapBacked | FrameFlags.active
        memory.flags(head).set(cpu, bits: kept, .frameFlags)
    }
}

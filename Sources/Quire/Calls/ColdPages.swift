// MADV_COLD and MADV_PAGEOUT: pages that a program does not expect to use soon. Cold ones only lose the marks of their use;
// paging out takes from memory what can be had back: clean pages of files, pages that may be dropped. A page that
// others map too is left alone. Without swap, anonymous pages stay where they are and written pages of memory files
// stay in their cache, though unmapped. Linux: madvise_cold_or_pageout_pte_range, reclaim_pages, shrink_folio_list.

extension AddressSpace {
    /// Makes the pages of [start, end) cold (MADV_COLD).
    func coolPages(_ cpu: CPU, _ start: UInt64, _ end: UInt64) {
        eachOwnPage(cpu, start, end) { table, index, entry, _ in
            let frame = tables.format.frame(entry)
            memory.flags(frame).clear(cpu, bits: FrameFlags.referenced | FrameFlags.active, .frameFlags)
            guard tables.format.isAccessed(entry) else { return }
            tables.update(cpu, table, index, tables.format.old(tables.takeOut(cpu, table, index)))
        }
        tables.flushRange(cpu, start, end)
    }

    /// Takes the pages of [start, end) of an area out of memory where that loses nothing (MADV_PAGEOUT).
    func pageOut(_ cpu: CPU, _ area: Handle<Area>, _ start: UInt64, _ end: UInt64) {
        var goes: [UInt64] = []
        // Droppable pages go even if they are written (try_to_unmap_one).
        let isDroppable = core.areas[area].flags.contains(.droppable)
        eachOwnPage(cpu, start, end) { _, _, entry, address in
            let frame = tables.format.frame(entry)
            let isAnonymous = memory.kind(cpu, frame) == .anonymous
            let isSwapBacked = memory.has(cpu, frame, FrameFlags.swapBacked)
            let isDirty = tables.format.isDirty(entry) || memory.has(cpu, frame, FrameFlags.dirty)
            memory.flags(frame).clear(cpu, bits: FrameFlags.referenced, .frameFlags)
            if isAnonymous && !isDroppable && (isSwapBacked || isDirty) {
                // Written after MADV_FREE: an ordinary page again.
                memory.flags(frame).set(cpu, bits: FrameFlags.swapBacked | FrameFlags.active, .frameFlags)
            } else {
                goes.append(address)
            }
        }
        for page in goes { takeOut(cpu, area, page) }
    }

    /// Unmaps a page; a file's clean one leaves the cache too.
    private func takeOut(_ cpu: CPU, _ area: Handle<Area>, _ page: UInt64) {
        discard(cpu, area, page, page + Page.size, ZapDetails(evenCows: true))
        let record = core.areas[area]
        guard !record.file.isNone else { return }
        let offset = record.pageOffset(of: page)
        let frame = core.cached(cpu, record.file, offset)
        guard !frame.isNone else { return }
        memory.flags(frame).clear(cpu, bits: FrameFlags.referenced, .frameFlags)
        if memory.has(cpu, frame, FrameFlags.dirty) {
            memory.flags(frame).set(cpu, bits: FrameFlags.active, .frameFlags)
        } else {
            core.dropCache(cpu, record.file, from: offset, to: offset + 1, .unused)
        }
    }

    /// Visits the entries of [start, end) whose page nobody else maps, under their table's lock.
    private func eachOwnPage(
        _ cpu: CPU, _ start: UInt64, _ end: UInt64, _ body: (FrameNumber, Int, Entry, UInt64) -> Void
    ) {
        eachTable(cpu, start, end) { table, from, to in
            let first = tables.format.index(from, level: 0)
            for place in 0..<Int((to - from) >> Page.shift) {
                let entry = tables.load(cpu, table, first + place)
                guard tables.format.isPresent(entry) else { continue }
                let frame = tables.format.frame(entry)
                guard frame != core.zeroFrame, memory.mapcount(frame).load(cpu, .mapcount) == 1 else { continue }
                body(table, first + place, entry, from + UInt64(place) << Page.shift)
            }
        }
    }
}

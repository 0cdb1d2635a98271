// Freezing every mapping of an anonymous folio, so that nobody can reach its pages, and thawing what is left afterwards. In
// between the caller may take the folio apart. The folio's lock and its anon_vma's are held.
// Linux: unmap_folio and remap_page of split_huge_page, try_to_migrate_one, remove_migration_pte.

extension MachineCore {
    /// Freezes the entries of a range that map pages of the folio; a leaf is taken apart on the way.
    func freeze(_ cpu: CPU, _ head: FrameNumber, _ range: FolioRange) {
        let tables = range.tables
        eachSpan(tables, range) { start, end in
            // What else maps it by then are entries.
            splitLeaf(cpu, tables, areas[range.area].flags, at: start, frozen: true, of: head)
            memory.rcu.enter(cpu)
            defer { memory.rcu.exit(cpu) }
            let position = tables.position(cpu, start)
            guard !position.table.isNone, tables.lockIfAttached(cpu, position, start) else { return }
            freeze(cpu, head, range, position.table, start, end)
            tables.pteLock(position.table).unlock(cpu)
        }
    }

    private func freeze(
        _ cpu: CPU, _ head: FrameNumber, _ range: FolioRange, _ table: FrameNumber, _ start: UInt64, _ end: UInt64
    ) {
        let format = range.tables.format
        let isLocked = areas[range.area].flags.contains(.locked)
        var wasMapped = false
        for place in 0..<Int((end - start) >> Page.shift) {
            let address = start + UInt64(place) << Page.shift
            let index = format.index(address, level: 0)
            let seen = range.tables.load(cpu, table, index)
            let frame = memory.page(head, range.page(at: address))
            guard format.isPresent(seen), format.frame(seen) == frame else { continue }
            let old = range.tables.takeOut(cpu, table, index)
            range.tables.update(cpu, table, index, format.frozen(old, isExclusive: memory.takeExclusivity(cpu, frame)))
            if format.isDirty(old) { memory.flags(head).set(cpu, bits: FrameFlags.dirty, .frameFlags) }
            if isLocked { memory.countLocked(cpu, head, more: false) }
            memory.removeMapping(cpu, frame, owner: range.tables.owner)
            memory.put(cpu, folio: head, count: 1)
            wasMapped = true
        }
        if wasMapped { range.tables.flushRange(cpu, start, end) }
    }

    /// Thaws the frozen entries of a range that name pages of the block of frames at `head`. With `dropsZeroes`, a page that
    /// holds nothing but zeroes gives way to the zero page; with `new`, the pages have moved to the block there.
    func thaw(
        _ cpu: CPU, _ head: FrameNumber, _ range: FolioRange, dropsZeroes: Bool, at new: FrameNumber? = nil
    ) {
        let tables = range.tables
        eachEntry(cpu, head, range) { table, index, seen, frame, address in
            guard tables.format.isFrozen(seen),
                cpu.lacks(.frozenNamesFolio) || tables.format.frozenFrame(seen) == frame
            else { return }
            let page = new.map { memory.page($0, range.page(at: address)) } ?? frame
            let entry = thaw(cpu, tables, seen, page, areas[range.area].flags, dropsZeroes: dropsZeroes)
            tables.update(cpu, table, index, entry)
        }
    }

    /// The entry that takes a frozen one's place, with its reference and mapping counted.
    private func thaw(
        _ cpu: CPU, _ tables: PageTables, _ seen: Entry, _ frame: FrameNumber, _ flags: AreaFlags, dropsZeroes: Bool
    ) -> Entry {
        let format = tables.format
        let canRead = !flags.isDisjoint(with: .rights)
        let canExecute = flags.contains(.execute)
        let isLocked = flags.contains(.locked)
        if dropsZeroes, !isLocked, !memory.has(cpu, frame, FrameFlags.locked), memory.isZero(cpu, frame) {
            tables.counters.add(cpu, SpaceCounter.anonymous, -1)
            if flags.contains(.chargedByPage) { uncommit(cpu, pages: 1) }
            return format.leaf(zeroFrame, read: canRead, write: false, execute: canExecute)
        }
        memory.addMapping(cpu, frame, owner: tables.owner)
        if format.isExclusiveInFrozen(seen) {
            memory.flags(frame).set(cpu, bits: FrameFlags.anonExclusive, .frameFlags)
        }
        if isLocked, !memory.isPartOfLarge(cpu, frame) { memory.countLocked(cpu, frame, more: true) }
        return format.thawed(seen, frame, read: canRead, execute: canExecute)
    }

    /// Runs `body` for the part of the range in each PTE table's span.
    func eachSpan(_ tables: PageTables, _ range: FolioRange, _ body: (UInt64, UInt64) -> Void) {
        let size = tables.hugeSize
        var start = range.start
        while start < range.end {
            let end = Swift.min((start & ~(size - 1)) &+ size, range.end)
            body(start, end)
            start = end
        }
    }
}

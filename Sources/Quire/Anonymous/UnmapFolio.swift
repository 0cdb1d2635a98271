// Taking an anonymous folio out of every mapping, for whoever moves it or writes it to swap. Each entry is cleared and its
// translations go, and only then is the page looked at for pins: a pin without a lock reads the entry again after it has
// counted itself, so one of the two sees the other (S2-04). A pinned page's entry comes back as it was, and the folio stays
// mapped. What took the place of the entries tells a fault to wait; `putBack` maps the folio again, here or elsewhere.
// A file's pages need no such thing: their entries may simply go (`MachineCore.unmapPages`).
// Linux: try_to_unmap_one, try_to_migrate_one, folio_try_share_anon_rmap_pte, remove_migration_ptes, unuse_pte.

/// What takes the place of the entries.
enum UnmappedAs: BitwiseCopyable {
    /// Migration entries, which name the page: it still counts as resident (TTU_MIGRATION).
    case migration
    /// Swap entries: slot after slot from this one on. There is no swap yet: whoever asks for it keeps the folio and puts it
    /// back. A locked area's pages do not go.
    case swap(slot: UInt64)
}

/// A folio that was taken out of mappings; it must be put back. The holder keeps the folio's lock and a reference.
struct UnmappedFolio: ~Copyable {
    let head: FrameNumber
    let kind: UnmappedAs
    /// Whether no mapping is left. Else a pin, or a locked area, was in the way.
    let isComplete: Bool
    fileprivate let anonVMA: Handle<AnonVMA>
}

extension MachineCore {
    /// Takes a folio out of its mappings as far as it goes. Nil: nothing maps it. The caller holds its lock and a reference.
    /// O(areas tied to its anon_vma).
    func tryToUnmap(_ cpu: CPU, _ head: FrameNumber, as kind: UnmappedAs) -> UnmappedFolio? {
        guard let anonVMA = lockAnonVMA(cpu, of: head) else { return nil }
        defer { lock(of: anonVMA).writeUnlock(cpu) }
        // The last mapping may go meanwhile, and the folio must still find back.
        holdAnonVMA(cpu, anonVMA)
        var isPossible = true
        eachMapping(cpu, anonVMA, of: head) { range in
            if isPossible { isPossible = unmap(cpu, head, range, kind) }
        }
        return UnmappedFolio(
            head: head, kind: kind, isComplete: memory.mappings(cpu, head) == 0, anonVMA: anonVMA)
    }

    /// Maps a folio again wherever something stands in its place, or `new` instead, to which the caller has moved it: same
    /// order, with the exclusivity of each page.
    func putBack(_ cpu: CPU, _ folio: consuming UnmappedFolio, at new: FrameNumber? = nil) {
        let (head, kind, anonVMA) = (folio.head, folio.kind, folio.anonVMA)
        let lock = lock(of: anonVMA)
        lock.writeLock(cpu)
        eachMapping(cpu, anonVMA, of: head) { range in
            switch kind {
            case .migration: thaw(cpu, head, range, dropsZeroes: false, at: new)
            case .swap(let slot): mapFromSwap(cpu, new ?? head, slot, range)
            }
        }
        lock.writeUnlock(cpu)
        dropReference(cpu, anonVMA)
    }

    private func eachMapping(
        _ cpu: CPU, _ anonVMA: Handle<AnonVMA>, of head: FrameNumber, _ body: (FolioRange) -> Void
    ) {
        let pages = UInt64(1) << UInt64(memory.order(cpu, head))
        eachMapping(anonVMA, pageOffset: memory.index(head), pages: pages, body)
    }

    /// Unmaps the folio's pages in a range; a leaf is taken apart first. False: one of them must stay.
    private func unmap(_ cpu: CPU, _ head: FrameNumber, _ range: FolioRange, _ kind: UnmappedAs) -> Bool {
        let flags = areas[range.area].flags
        if case .swap = kind, flags.contains(.locked) { return false }
        var isPossible = true
        eachEntry(cpu, head, range) { table, index, seen, frame, address in
            let format = range.tables.format
            guard isPossible, format.isPresent(seen), cpu.lacks(.entryNamesFolio) || format.frame(seen) == frame else {
                return
            }
            isPossible = unmapPage(cpu, range.tables, table, index, address, frame, head, kind, flags)
        }
        return isPossible
    }

    /// Unmaps one page. False: it may be pinned, and its entry is what it was.
    private func unmapPage(
        _ cpu: CPU, _ tables: PageTables, _ table: FrameNumber, _ index: Int, _ address: UInt64, _ frame: FrameNumber,
        _ head: FrameNumber, _ kind: UnmappedAs, _ flags: AreaFlags
    ) -> Bool {
        if cpu.lacks(.outBeforeUnmapping), mustStay(cpu, frame, head) { return false }
        let old = tables.takeOut(cpu, table, index)
        if !cpu.lacks(.flushBeforeUnmapping) { tables.flushRange(cpu, address, address + Page.size) }
        if !cpu.lacks(.outBeforeUnmapping), !cpu.lacks(.pinsBeforeUnmapping), mustStay(cpu, frame, head) {
            tables.update(cpu, table, index, old)
            return false
        }
        // The entry remembers what the page must forget: others may find the page, or it goes elsewhere.
        let isExclusive = memory.takeExclusivity(cpu, frame)
        if tables.format.isDirty(old) { memory.flags(head).set(cpu, bits: FrameFlags.dirty, .frameFlags) }
        if flags.contains(.locked) { memory.countLocked(cpu, head, more: false) }
        switch kind {
        case .migration: tables.update(cpu, table, index, tables.format.frozen(old, isExclusive: isExclusive))
        case .swap(let slot):
            let place = slot + UInt64(memory.pageNumber(frame, of: head))
            tables.update(cpu, table, index, tables.format.swapped(place, isExclusive: isExclusive))
            tables.counters.add(cpu, SpaceCounter.anonymous, -1)
            tables.counters.add(cpu, SpaceCounter.swap, 1)
        }
        memory.removeMapping(cpu, frame, owner: tables.owner)
        memory.put(cpu, folio: head, count: 1)
        return true
    }

    /// Whether a page may be pinned through the mapping that it belongs to alone.
    private func mustStay(_ cpu: CPU, _ frame: FrameNumber, _ head: FrameNumber) -> Bool {
        memory.has(cpu, frame, FrameFlags.anonExclusive) && memory.mayBePinned(cpu, head)
    }

    /// Maps the pages of a folio where entries of a range name its slots: for reading, as after a fault on them. A write
    /// finds out whether the page is this mapping's alone.
    private func mapFromSwap(_ cpu: CPU, _ head: FrameNumber, _ slot: UInt64, _ range: FolioRange) {
        let (tables, flags) = (range.tables, areas[range.area].flags)
        let format = tables.format
        eachEntry(cpu, head, range) { table, index, seen, frame, _ in
            let place = slot + UInt64(memory.pageNumber(frame, of: head))
            guard format.isSwapped(seen), format.swapSlot(seen) == place else { return }
            if format.isExclusiveInSwap(seen) {
                memory.flags(frame).set(cpu, bits: FrameFlags.anonExclusive, .frameFlags)
            }
            memory.addMapping(cpu, frame, owner: tables.owner)
            if flags.contains(.locked), !memory.isPartOfLarge(cpu, frame) {
                memory.countLocked(cpu, frame, more: true)
            }
            tables.counters.add(cpu, SpaceCounter.swap, -1)
            tables.counters.add(cpu, SpaceCounter.anonymous, 1)
            let entry = format.leaf(
                frame, read: !flags.isDisjoint(with: .rights), write: false, execute: flags.contains(.execute))
            tables.update(cpu, table, index, entry)
        }
    }

    /// Runs `body` for each entry of a range that is not none, under its table's lock, with the page of the folio that
    /// belongs there; a leaf that maps the folio is taken apart first.
    func eachEntry(
        _ cpu: CPU, _ head: FrameNumber, _ range: FolioRange,
        _ body: (_ table: FrameNumber, _ index: Int, Entry, _ page: FrameNumber, _ address: UInt64) -> Void
    ) {
        let tables = range.tables
        eachSpan(tables, range) { start, end in
            splitLeaf(cpu, tables, areas[range.area].flags, at: start, of: head)
            memory.rcu.enter(cpu)
            defer { memory.rcu.exit(cpu) }
            let position = tables.position(cpu, start)
            guard !position.table.isNone, tables.lockIfAttached(cpu, position, start) else { return }
            for place in 0..<Int((end - start) >> Page.shift) {
                let address = start + UInt64(place) << Page.shift
                let index = tables.format.index(address, level: 0)
                let seen = tables.load(cpu, position.table, index)
                if seen.isNone { continue }
                body(position.table, index, seen, memory.page(head, range.page(at: address)), address)
            }
            tables.pteLock(position.table).unlock(cpu)
        }
    }
}

// One PTE table, as the background reclaimer treats it: a look under the table's lock; where nothing in it is worth
// keeping, both locks in order, PMD before PTE, and a second look, since the table may have been filled meanwhile or be
// gone. Lazily free pages then leave it, and it leaves the tree.
//
//     lock pte → look → unlock pte          empty, or nothing but pages of MADV_FREE that are clean, whole and nobody else's
//     lock pmd → lock pte → look again      the PMD entry first
//       entries out → a look at what came   written or held after all: back it goes, the table stays
//       PMD entry out → flush               before anybody can fault in another page at the same address
//     unlock pte → unlock pmd               frames are free now, the table after a grace period
//
// The passes are AsyncReclaim.swift's. Linux has no such thing; its reclaim drops lazily free pages one by one
// (try_to_unmap_one) and leaves their table. docs/async-reclaim.md.

/// What a look at a table came to.
private enum TableFinding: BitwiseCopyable {
    /// Something that a fault would not bring back.
    case inUse
    /// Every entry is none.
    case empty
    /// All that is there are pages given to MADV_FREE and not written since.
    case lazilyFree
}

/// Entries that map all there is of a folio which may be dropped.
private struct LazyRun: BitwiseCopyable {
    var head: FrameNumber
    var first: Int
    var pages: Int
}

extension AddressSpace {
    /// Frees the PTE table of the 2 MiB at `base` if there is nothing in it to keep. The mmap lock is held for read.
    func reclaimTable(_ cpu: CPU, _ gather: inout Gather, _ base: UInt64) {
        memory.rcu.enter(cpu)
        defer { memory.rcu.exit(cpu) }
        let position = tables.position(cpu, base)
        guard !position.table.isNone else { return reclaimLeaf(cpu, position, base) }
        guard tables.lockIfAttached(cpu, position, base) else { return }
        cpu.count(.asyncTables)
        let found = look(cpu, position.table, base)
        tables.pteLock(position.table).unlock(cpu)
        guard found != .inUse else { return }
        let isFreed = underBothLocks(cpu, position, base) { lookAgain(cpu, &gather, position, base, found) }
        cpu.count(isFreed ? .asyncTablesFreed : .asyncAbandoned)
    }

    /// The second look, and what follows from it: true if the table is out of the tree. Both locks are held.
    private func lookAgain(
        _ cpu: CPU, _ gather: inout Gather, _ position: TablePosition, _ base: UInt64, _ found: TableFinding
    ) -> Bool {
        switch cpu.lacks(.secondLookInBackground) ? found : look(cpu, position.table, base) {
        case .inUse: return false
        case .empty: return takeTable(cpu, &gather, position, base)
        case .lazilyFree:
            noteResidentPeak()
            let isTaken = dropPages(cpu, &gather, position.table, base) && takeTable(cpu, &gather, position, base)
            // Before the locks are given up: who faults in a new page here must find no CPU that still reads the old one.
            if !cpu.lacks(.flushBeforeRefault) { gather.flushTranslations() }
            return isTaken
        }
    }

    private func takeTable(_ cpu: CPU, _ gather: inout Gather, _ position: TablePosition, _ base: UInt64) -> Bool {
        guard detach(cpu, position, base) else { return false }
        freeDetached(cpu, &gather, position.table, base)
        return true
    }

    /// Looks at the entries of a table up to the first that must stay; its lock is held. The model knows how many entries
    /// there are and passes over the rest; what it counts is what a kernel would read.
    private func look(_ cpu: CPU, _ table: FrameNumber, _ base: UInt64) -> TableFinding {
        var left = tables.populated(table)
        var index = 0
        var isInUse = false
        while left > 0, !isInUse {
            let entry = tables.load(cpu, table, index)
            if entry.isNone {
                index += 1
            } else if let run = lazyRun(cpu, table, index, entry, base) {
                left -= run.pages
                index += run.pages
            } else {
                index += 1
                isInUse = true
            }
        }
        cpu.count(.asyncEntries, UInt64(isInUse ? index : 512))
        return isInUse ? .inUse : index == 0 ? .empty : .lazilyFree
    }

    /// The entries from `index` on that map a lazily free folio; nil where what is there must stay.
    private func lazyRun(_ cpu: CPU, _ table: FrameNumber, _ index: Int, _ entry: Entry, _ base: UInt64) -> LazyRun? {
        let format = tables.format
        guard format.isPresent(entry), !format.isDirty(entry) else { return nil }
        let frame = format.frame(entry)
        let head = memory.head(cpu, frame)
        guard memory.kind(cpu, head) == .anonymous else { return nil }
        let address = base + UInt64(index) << Page.shift
        let area = areas.find(address)
        guard !area.isNone, core.areas[area].losesLazyPages else { return nil }
        let limit = Swift.min(512 - index, Int((core.areas[area].end - address) >> Page.shift))
        let pages = tables.run(cpu, table, index, entry, limit: limit, .rights)
        // Whoever else maps it, has pinned it or is about to do something with it has a reference, or one more.
        guard isLazilyFree(cpu, head, mappings: UInt32(pages)) else { return nil }
        return LazyRun(head: head, first: index, pages: pages)
    }

    /// Whether a folio was given to MADV_FREE, is marked neither written nor locked since, and nobody has it beside its
    /// `mappings`.
    private func isLazilyFree(_ cpu: CPU, _ head: FrameNumber, mappings: UInt32) -> Bool {
        memory.mappings(cpu, head) == mappings && memory.refcount(head).load(cpu, .refcount) == mappings
            && !memory.has(cpu, head, FrameFlags.swapBacked | FrameFlags.dirty | FrameFlags.locked)
    }

    /// Takes the lazily free pages of a table out, up to the first that must stay after all; true if none must. Both locks
    /// are held.
    private func dropPages(_ cpu: CPU, _ gather: inout Gather, _ table: FrameNumber, _ base: UInt64) -> Bool {
        var index = 0
        while tables.populated(table) > 0 {
            let entry = tables.load(cpu, table, index)
            if entry.isNone {
                index += 1
                continue
            }
            guard let run = lazyRun(cpu, table, index, entry, base), drop(cpu, &gather, table, run, base) else {
                return false
            }
            index += run.pages
        }
        return true
    }

    /// Takes a folio out of its table, unless it was written or is held by now.
    private func drop(
        _ cpu: CPU, _ gather: inout Gather, _ table: FrameNumber, _ run: LazyRun, _ base: UInt64
    ) -> Bool {
        let from = base + UInt64(run.first) << Page.shift
        // Out first, then a look: a store or a pin that came in between is in what was taken out, or in the count.
        let old = tables.takeOutRun(cpu, table, run.first, count: run.pages)
        guard mayGo(cpu, run.head, old, references: UInt32(run.pages)) else {
            tables.updateRun(cpu, table, run.first, count: run.pages, old)
            return false
        }
        gather.cleared(from, from + UInt64(run.pages) << Page.shift)
        discarded(cpu, areas.find(from), table, tables.format.frame(old), run.pages)
        cpu.count(.asyncPagesDropped, UInt64(run.pages))
        let isLarge = memory.isLarge(cpu, run.head)
        if isLarge ? gather.add(folio: run.head, count: run.pages) : gather.add(run.head) { gather.flush() }
        return true
    }

    // MARK: 2 MiB at once

    /// The same for memory that a PMD entry maps itself, whose table waits beside it and goes with it.
    private func reclaimLeaf(_ cpu: CPU, _ found: TablePosition, _ base: UInt64) {
        guard let position = tables.leaf(at: found, base), let entry = tables.lockLeaf(cpu, position) else { return }
        defer { tables.pmdLock(position.pmdTable).unlock(cpu) }
        cpu.count(.asyncTables)
        cpu.count(.asyncEntries)
        let area = areas.find(base)
        let head = tables.format.frame(entry)
        guard !isHugeZero(cpu, entry), !tables.format.isDirty(entry), core.areas[area].losesLazyPages,
            isLazilyFree(cpu, head, mappings: 1)
        else { return }
        noteResidentPeak()
        guard dropLeaf(cpu, area, position, head, base, evenDirty: false) else { return cpu.count(.asyncAbandoned) }
        cpu.count(.asyncTablesFreed)
        cpu.count(.asyncPagesDropped, UInt64(hugePages))
    }
}

extension Area {
    /// Whether pages of the area that are lazily free may be dropped by period. Memory that may be dropped even if it is written
    /// goes under pressure alone, and a userfaultfd would have to be asked for what is missing.
    fileprivate var losesLazyPages: Bool {
        isAnonymous && flags.isDisjoint(with: AreaFlags.userfault.union([.locked, .droppable, .shared]))
    }
}

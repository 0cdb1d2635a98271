// Advice about the use of pages, folio by folio: MADV_FREE, MADV_COLD, MADV_PAGEOUT. A large folio that the range covers
// wholly is taken as one, one that it covers in part is split first, unless others may map it: then it is left alone.
// What becomes of a folio is in LazyFree.swift, Cold.swift and PageOut.swift.
// Linux: madvise_free_pte_range, madvise_cold_or_pageout_pte_range, madvise_folio_pte_batch.

/// What a program says about pages.
enum UseAdvice: BitwiseCopyable {
    case free, cold, pageOut
    /// To page out memory whose pages may be dropped even if they are written (VM_DROPPABLE).
    case drop
}

/// A folio that must be split, with a reference to it, and the entries of the range that map it.
private struct PartOfFolio: BitwiseCopyable {
    var head: FrameNumber
    var pages: Int
    /// Whether its pages are advised one by one afterwards.
    var isAdvisedAgain: Bool
}

extension AddressSpace {
    /// Tells the folios that are mapped in [start, end) of one area about their use. The mmap lock is held.
    func adviseFolios(
        _ cpu: CPU, _ gather: inout Gather, _ area: Handle<Area>, _ start: UInt64, _ end: UInt64, _ advice: UseAdvice
    ) {
        let size = tables.hugeSize
        var address = start
        while let present = tables.nextPMD(cpu, address, end) {
            address = present
            let next = Swift.min((address & ~(size - 1)) &+ size, end)
            if !adviseLeaf(cpu, &gather, area, address, next, advice) {
                adviseTable(cpu, &gather, area, address, next, advice)
            }
            address = next
        }
    }

    /// A leaf. False: there is a table (by now).
    private func adviseLeaf(
        _ cpu: CPU, _ gather: inout Gather, _ area: Handle<Area>, _ start: UInt64, _ end: UInt64, _ advice: UseAdvice
    ) -> Bool {
        memory.rcu.enter(cpu)
        guard let position = tables.leaf(cpu, start), let entry = tables.lockLeaf(cpu, position) else {
            memory.rcu.exit(cpu)
            return false
        }
        let head = tables.format.frame(entry)
        let isOurs = !isHugeZero(cpu, entry) && !memory.isMaybeShared(cpu, head)
        let isWhole = end - start == tables.hugeSize
        var mustSplit = isOurs && !isWhole
        if isOurs, isWhole {
            switch advice {
            case .free: lazyFreeLeaf(cpu, &gather, position, head, start)
            case .cold: coolLeaf(cpu, &gather, position, head, start)
            case .pageOut, .drop: mustSplit = !pageOutLeaf(cpu, area, position, head, start, advice)
            }
        }
        if mustSplit { memory.refcount(head).add(cpu, 1, .refcount) }
        tables.pmdLock(position.pmdTable).unlock(cpu)
        memory.rcu.exit(cpu)
        guard mustSplit else { return true }
        return !core.trySplitAndPut(cpu, head) || isWhole
    }

    /// The folios in the part of a range that lies in one PTE table.
    private func adviseTable(
        _ cpu: CPU, _ gather: inout Gather, _ area: Handle<Area>, _ start: UInt64, _ end: UInt64, _ advice: UseAdvice
    ) {
        var address = start
        while address < end {
            memory.rcu.enter(cpu)
            let position = tables.position(cpu, address)
            guard !position.table.isNone, tables.lockIfAttached(cpu, position, address) else {
                return memory.rcu.exit(cpu)
            }
            let part = adviseEntries(cpu, &gather, area, position.table, &address, end, advice)
            tables.pteLock(position.table).unlock(cpu)
            memory.rcu.exit(cpu)
            guard let part else { return }
            if core.trySplitAndPut(cpu, part.head), part.isAdvisedAgain { continue }
            address += UInt64(part.pages) << Page.shift
        }
    }

    /// Advises folios from `address` on until one must be split; the table's lock is held. Nil: there is none.
    private func adviseEntries(
        _ cpu: CPU, _ gather: inout Gather, _ area: Handle<Area>, _ table: FrameNumber, _ address: inout UInt64,
        _ end: UInt64, _ advice: UseAdvice
    ) -> PartOfFolio? {
        while address < end {
            let index = tables.format.index(address, level: 0)
            let (head, pages) = run(cpu, table, index, Int((end - address) >> Page.shift))
            if let head {
                let isWhole = pages == 1 << memory.order(cpu, head)
                var mustSplit = !isWhole && !memory.isMaybeShared(cpu, head)
                if isWhole { mustSplit = !adviseWhole(cpu, &gather, area, table, index, pages, head, address, advice) }
                if mustSplit {
                    memory.refcount(head).add(cpu, 1, .refcount)
                    return PartOfFolio(head: head, pages: pages, isAdvisedAgain: !isWhole)
                }
            }
            address += UInt64(pages) << Page.shift
        }
        return nil
    }

    /// The folio that an entry maps, by its head, and how many entries from it on map consecutive pages of it; nil and 1 for
    /// what is no folio. The table's lock is held (folio_pte_batch).
    func run(_ cpu: CPU, _ table: FrameNumber, _ index: Int, _ most: Int) -> (head: FrameNumber?, pages: Int) {
        let entry = tables.load(cpu, table, index)
        guard tables.format.isPresent(entry), tables.format.frame(entry) != core.zeroFrame else { return (nil, 1) }
        let pages = tables.run(cpu, table, index, entry, limit: most, .pages)
        return (memory.head(cpu, tables.format.frame(entry)), pages)
    }

    /// A folio that `pages` entries from `index` on map wholly. False: it must be split.
    private func adviseWhole(
        _ cpu: CPU, _ gather: inout Gather, _ area: Handle<Area>, _ table: FrameNumber, _ index: Int, _ pages: Int,
        _ head: FrameNumber, _ address: UInt64, _ advice: UseAdvice
    ) -> Bool {
        let isAnonymous = memory.kind(cpu, head) == .anonymous
        if advice == .free {
            if isAnonymous { lazyFreeEntries(cpu, &gather, table, index, pages, head, address) }
            return true
        }
        // Others that map it are not interfered with.
        guard memory.mappings(cpu, head) == UInt32(pages) else { return true }
        memory.flags(head).clear(cpu, bits: FrameFlags.referenced, .frameFlags)
        if advice == .cold {
            coolEntries(cpu, &gather, table, index, pages, head, address)
            return true
        }
        if isAnonymous { return pageOutEntries(cpu, area, table, index, pages, head, address, advice) }
        pageOutFilePage(cpu, table, index, head, address)
        return true
    }
}

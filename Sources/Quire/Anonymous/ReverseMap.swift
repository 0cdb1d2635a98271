// From a folio to its mappings: the areas tied to the folio's anon_vma, each with the part in which the folio's pages lie if
// they are mapped there at all. After fork, mremap and partial unmapping an area may be tied and map nothing: whoever walks
// looks at the entries. Linux: rmap_walk_anon, folio_lock_anon_vma_read, vma_address.

/// A part of an area where pages of a folio may be mapped.
struct FolioRange: BitwiseCopyable {
    var area: Handle<Area>
    /// The page tables of the area's address space.
    var tables: PageTables
    /// Addresses; `start` is where page `firstPage` of the folio would be.
    var start: UInt64, end: UInt64
    var firstPage: Int

    /// The page of the folio that belongs to an address of the range.
    func page(at address: UInt64) -> Int { firstPage + Int((address - start) >> Page.shift) }
}

extension MachineCore {
    /// Runs `body` for every range in which pages of an anonymous folio may be mapped, in the order of the anon_vma's list.
    /// The anon_vma's lock is held by the caller. O(areas tied to the anon_vma).
    func eachMapping(
        _ anonVMA: Handle<AnonVMA>, pageOffset: UInt64, pages: UInt64, _ body: (FolioRange) -> Void
    ) {
        var at = links.handle(at: anonVMAs[anonVMA].firstLink)
        while !at.isNone {
            let link = links[at]
            at = links.handle(at: link.nextOfAnon)
            let area = areas[link.area]
            let first = Swift.max(area.pageOffset, pageOffset)
            let last = Swift.min(area.pageOffset &+ area.pages, pageOffset &+ pages)
            guard first < last else { continue }
            let start = area.start + (first - area.pageOffset) << Page.shift
            body(
                FolioRange(
                    area: link.area, tables: tables(ofSpace: area.space), start: start,
                    end: start + (last - first) << Page.shift, firstPage: Int(first - pageOffset)))
        }
    }

    /// As `eachMapping`, in the order in which Linux comes to the areas: by where they begin in the anonymous memory, then as in
    /// the list. O(areas tied to the anon_vma, for each range).
    func eachMappingInOrder(
        _ anonVMA: Handle<AnonVMA>, pageOffset: UInt64, pages: UInt64, _ body: (FolioRange) -> Void
    ) {
        var done = 0
        var last: (offset: UInt64, place: Int)?
        while true {
            var next: (offset: UInt64, place: Int, range: FolioRange)?
            var place = 0
            eachMapping(anonVMA, pageOffset: pageOffset, pages: pages) { range in
                place += 1
                let offset = areas[range.area].pageOffset
                if let last, (offset, place) <= last { return }
                if let found = next, (found.offset, found.place) < (offset, place) { return }
                next = (offset, place, range)
            }
            guard let found = next else { return }
            body(found.range)
            last = (found.offset, found.place)
            done += 1
            if done == place { return }
        }
    }

    /// Runs a change of an area's bounds under the locks of those who follow pages to their mappings: its file's list and its
    /// anon_vma. An area grows before another shrinks or goes, so that each page is in one of them at any time, or in both
    /// (vma_prepare, vma_complete).
    @inline(__always)
    func changeBounds<Result>(_ cpu: CPU, of area: Handle<Area>, _ change: () -> Result) -> Result {
        if cpu.isSequential { return change() }
        let file = areas[area].file
        let chain = areas[area].chain
        if !file.isNone { areasLock(file).writeLock(cpu) }
        defer { if !file.isNone { areasLock(file).writeUnlock(cpu) } }
        guard chain != 0 else { return change() }
        let anonLock = lock(of: links[links.handle(at: chain)].anonVMA)
        anonLock.writeLock(cpu)
        defer { anonLock.writeUnlock(cpu) }
        return change()
    }

    /// Whether an area is tied to the anon_vma with a number. O(links of the area).
    func isTied(_ area: Handle<Area>, to anonVMA: UInt32) -> Bool {
        var at = links.handle(at: areas[area].chain)
        while !at.isNone {
            if links[at].anonVMA.index == anonVMA { return true }
            at = links.handle(at: links[at].nextOfArea)
        }
        return false
    }

    /// The anon_vma of a mapped anonymous folio, its lock held for write; nil where nothing maps the folio any more. The caller
    /// holds a reference to the folio. Between the look at the folio and the lock the last mapping may go, the record of the
    /// anon_vma with it and to somebody else, or the folio to another anon_vma (`movePages`): the record is held, and the folio
    /// looked at again under the lock.
    func lockAnonVMA(_ cpu: CPU, of head: FrameNumber) -> Handle<AnonVMA>? {
        while memory.mappings(cpu, head) > 0 {
            let number = memory.mapping(head)
            guard number != 0 else { return nil }
            let anonVMA = tryHoldAnonVMA(cpu, at: number)
            if anonVMA.isNone { continue }
            let lock = lock(of: anonVMA)
            lock.writeLock(cpu)
            if cpu.lacks(.anonVMAAfterLock) || memory.mapping(head) == number && memory.mappings(cpu, head) > 0 {
                // A link holds it now: the last one goes under this lock.
                dropReference(cpu, anonVMA)
                return anonVMA
            }
            lock.writeUnlock(cpu)
            dropReference(cpu, anonVMA)
        }
        return nil
    }
}

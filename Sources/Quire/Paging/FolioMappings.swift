// Who maps a large folio, and how often: entries of PTE tables page by page, entries of PMD tables as a whole, and up to
// two address spaces as owners, so that "nobody else maps it" is one comparison. A small folio needs none of this: its
// mapcount says all. Linux: folio_add_anon_rmap_ptes, folio_remove_rmap_ptes, folio_mapcount, folio_add_return_large_mapcount,
// folio_maybe_mapped_shared, deferred_split_folio.

extension PhysicalMemory {
    private func tail(_ head: FrameNumber, _ number: Int, _ offset: Int) -> Word32 {
        tailWord(page(head, number), offset)
    }

    private func lock(of head: FrameNumber) -> SpinLock { SpinLock(tail(head, 1, FolioField.lock), .folioMap) }

    // MARK: Reading

    /// All mappings of a folio, by its head: entries of PTE tables plus entries of PMD tables (folio_mapcount).
    func mappings(_ cpu: CPU, _ head: FrameNumber) -> UInt32 {
        isLarge(cpu, head)
            ? tail(head, 1, FolioField.mappings).load(cpu, .mapcount) : mapcount(head).load(cpu, .mapcount)
    }

    /// PMD entries that map all of a large folio (folio_entire_mapcount).
    func wholeMappings(_ cpu: CPU, _ head: FrameNumber) -> UInt32 {
        isLarge(cpu, head) ? tail(head, 1, FolioField.wholeMappings).load(cpu, .mapcount) : 0
    }

    /// How often one page is mapped, by whatever entry (folio_precise_page_mapcount).
    func mappings(_ cpu: CPU, ofPage frame: FrameNumber) -> UInt32 {
        let own = mapcount(frame).load(cpu, .mapcount)
        let head = head(cpu, frame)
        return isLarge(cpu, head) ? own &+ wholeMappings(cpu, head) : own
    }

    /// Whether one address space, which kept its place as an owner, has every mapping of a large folio
    /// (!folio_maybe_mapped_shared).
    func isMappedByOneSpace(_ cpu: CPU, _ head: FrameNumber) -> Bool {
        let all = mappings(cpu, head)
        return tail(head, 1, FolioField.firstCount).load(cpu, .mapcount) == all
            || tail(head, 1, FolioField.secondCount).load(cpu, .mapcount) == all
    }

    /// Whether one address space has every mapping of a large folio, and no reference is anything else. Whoever maps or unmaps
    /// counts the folio's mappings and then its owner's, so that it takes the lock to compare them.
    func isOwnedByOneSpace(_ cpu: CPU, _ head: FrameNumber) -> Bool {
        let lock = lock(of: head)
        lock.lock(cpu)
        defer { lock.unlock(cpu) }
        return isMappedByOneSpace(cpu, head) && refcount(head).load(cpu, .refcount) == mappings(cpu, head)
    }

    /// Whether several address spaces may map a folio, by its head: of a large one as far as its owners tell
    /// (folio_maybe_mapped_shared).
    func isMaybeShared(_ cpu: CPU, _ head: FrameNumber) -> Bool {
        mappings(cpu, head) > 1 && (!isLarge(cpu, head) || !isMappedByOneSpace(cpu, head))
    }

    /// Pins of a large folio (folio._pincount).
    func pins(_ head: FrameNumber) -> Word32 { tail(head, 2, FolioField.pins) }

    /// Takes the exclusivity from a page and says whether it had it.
    func takeExclusivity(_ cpu: CPU, _ frame: FrameNumber) -> Bool {
        flags(frame).clear(cpu, bits: FrameFlags.anonExclusive, .frameFlags) & FrameFlags.anonExclusive != 0
    }

    // MARK: Counting

    /// Counts one more entry that maps a page, and its reference (folio_get, folio_add_anon_rmap_pte).
    @inline(__always) func addMapping(_ cpu: CPU, _ frame: FrameNumber, owner: UInt32) {
        if flags(frame).loadRelaxed(cpu, .frameFlags) & FrameFlags.large == 0 {
            refcount(frame).add(cpu, 1, .refcount)
            mapcount(frame).add(cpu, 1, .mapcount)
        } else {
            let head = head(cpu, frame)
            refcount(head).add(cpu, 1, .refcount)
            mapPages(cpu, head, first: pageNumber(frame, of: head), count: 1, owner: owner)
        }
    }

    /// Counts one entry less that maps a page; its reference is the caller's (folio_remove_rmap_pte).
    @inline(__always) func removeMapping(_ cpu: CPU, _ frame: FrameNumber, owner: UInt32) {
        if flags(frame).loadRelaxed(cpu, .frameFlags) & FrameFlags.large == 0 {
            mapcount(frame).subtract(cpu, 1, .mapcount)
        } else {
            let head = head(cpu, frame)
            unmapPages(cpu, head, first: pageNumber(frame, of: head), count: 1, owner: owner)
        }
    }

    /// Counts `count` entries less, which mapped consecutive pages of one folio from `frame` on; their references are the
    /// caller's (folio_remove_rmap_ptes).
    func removeMappings(_ cpu: CPU, _ frame: FrameNumber, count: Int, owner: UInt32) {
        guard isPartOfLarge(cpu, frame) else { return removeMapping(cpu, frame, owner: owner) }
        let head = head(cpu, frame)
        unmapPages(cpu, head, first: pageNumber(frame, of: head), count: count, owner: owner)
    }

    /// Counts entries that now map `count` pages of a large folio from page `first` on (folio_add_anon_rmap_ptes).
    func mapPages(_ cpu: CPU, _ head: FrameNumber, first: Int, count: Int, owner: UInt32) {
        var fresh: UInt32 = 0
        for number in first..<(first + count) where mapcount(page(head, number)).add(cpu, 1, .mapcount) == 1 {
            fresh += 1
        }
        let lock = lock(of: head)
        lock.lock(cpu)
        tail(head, 3, FolioField.mappedPages).add(cpu, fresh, .mapcount)
        tail(head, 1, FolioField.mappings).add(cpu, UInt32(count), .mapcount)
        own(cpu, head, owner, UInt32(count))
        lock.unlock(cpu)
    }

    /// Counts entries that no longer map `count` pages of a large folio from page `first` on
    /// (folio_remove_rmap_ptes). Part of an anonymous folio that stays mapped waits to be split.
    func unmapPages(_ cpu: CPU, _ head: FrameNumber, first: Int, count: Int, owner: UInt32) {
        var gone: UInt32 = 0
        for number in first..<(first + count) where mapcount(page(head, number)).subtract(cpu, 1, .mapcount) == 0 {
            gone += 1
        }
        let lock = lock(of: head)
        lock.lock(cpu)
        let mapped = tail(head, 3, FolioField.mappedPages).subtract(cpu, gone, .mapcount)
        tail(head, 1, FolioField.mappings).subtract(cpu, UInt32(count), .mapcount)
        disown(cpu, head, owner, UInt32(count))
        let isPart = gone > 0 && mapped > 0 && tail(head, 1, FolioField.wholeMappings).loadRelaxed(cpu, .mapcount) == 0
        lock.unlock(cpu)
        if isPart { joinSplitQueue(cpu, head) }
    }

    /// Counts a PMD entry that maps all of a folio (folio_add_anon_rmap_pmd).
    func mapWhole(_ cpu: CPU, _ head: FrameNumber, owner: UInt32) {
        let lock = lock(of: head)
        lock.lock(cpu)
        tail(head, 1, FolioField.wholeMappings).add(cpu, 1, .mapcount)
        tail(head, 1, FolioField.mappings).add(cpu, 1, .mapcount)
        own(cpu, head, owner, 1)
        lock.unlock(cpu)
    }

    /// Counts a PMD entry that no longer maps a folio (folio_remove_rmap_pmd).
    func unmapWhole(_ cpu: CPU, _ head: FrameNumber, owner: UInt32) {
        let lock = lock(of: head)
        lock.lock(cpu)
        let whole = tail(head, 1, FolioField.wholeMappings).subtract(cpu, 1, .mapcount)
        tail(head, 1, FolioField.mappings).subtract(cpu, 1, .mapcount)
        disown(cpu, head, owner, 1)
        let mapped = tail(head, 3, FolioField.mappedPages).loadRelaxed(cpu, .mapcount)
        lock.unlock(cpu)
        if whole == 0, mapped > 0, mapped < 1 << UInt32(order(cpu, head)) { joinSplitQueue(cpu, head) }
    }

    /// An owner's mappings become more; one that has no place yet takes a free one, if there is one.
    private func own(_ cpu: CPU, _ head: FrameNumber, _ owner: UInt32, _ count: UInt32) {
        guard let place = place(cpu, head, of: owner) ?? place(cpu, head, of: 0) else { return }
        place.owner.store(cpu, owner, .mapcount)
        place.count.add(cpu, count, .mapcount)
    }

    /// An owner's mappings become fewer; with the last one it gives its place up. Mappings of one that found no place
    /// are nobody's.
    private func disown(_ cpu: CPU, _ head: FrameNumber, _ owner: UInt32, _ count: UInt32) {
        guard let place = place(cpu, head, of: owner) else { return }
        let now = place.count.loadRelaxed(cpu, .mapcount)
        place.count.store(cpu, now > count ? now - count : 0, .mapcount)
        if now <= count { place.owner.store(cpu, 0, .mapcount) }
    }

    private func place(_ cpu: CPU, _ head: FrameNumber, of owner: UInt32) -> (owner: Word32, count: Word32)? {
        let first = tail(head, 2, FolioField.firstOwner)
        if first.loadRelaxed(cpu, .mapcount) == owner { return (first, tail(head, 1, FolioField.firstCount)) }
        let second = tail(head, 2, FolioField.secondOwner)
        return second.loadRelaxed(cpu, .mapcount) == owner ? (second, tail(head, 1, FolioField.secondCount)) : nil
    }
}

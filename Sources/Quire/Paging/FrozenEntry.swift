// A frozen entry stands where a page was mapped while somebody takes the page's folio apart or moves it: it names the page
// and remembers the right to write, exclusivity, accessed and dirty, but maps nothing. A fault on one waits; fork, mprotect, mremap and
// unmapping treat it as the page. Linux: migration entries (make_writable_migration_entry and kin).

extension PageTableFormat {
    private static var accessedBit: UInt64 { 1 << 32 }
    private static var exclusiveBit: UInt64 { 1 << 34 }
    private static var exclusiveInSwap: UInt64 { 1 << 40 }
    private static var dirtyBit: UInt64 { 1 << 33 }

    /// A present entry, frozen. That the page is this mapping's alone is known to the entry from now on, not to the page: a
    /// fork takes it from the entry, wherever the page has gone (make_readable_exclusive_migration_entry).
    func frozen(_ entry: Entry, isExclusive: Bool) -> Entry {
        var payload = UInt64(frame(entry).rawValue)
        if isAccessed(entry) { payload |= Self.accessedBit }
        if isDirty(entry) { payload |= Self.dirtyBit }
        if isExclusive { payload |= Self.exclusiveBit }
        return nonPresent(isWritable(entry) ? .migrationWrite : .migrationRead, payload)
    }

    /// Whether an entry is frozen.
    func isFrozen(_ entry: Entry) -> Bool {
        guard !entry.isNone, !isPresent(entry) else { return false }
        let kind = kind(entry)
        return kind == .migrationRead || kind == .migrationWrite
    }

    /// The page that a frozen entry names.
    func frozenFrame(_ entry: Entry) -> FrameNumber { FrameNumber(UInt32(truncatingIfNeeded: payload(entry))) }

    /// The entry that stands for a page in swap.
    func swapped(_ slot: UInt64, isExclusive: Bool) -> Entry {
        nonPresent(.swap, slot | (isExclusive ? Self.exclusiveInSwap : 0))
    }

    func isSwapped(_ entry: Entry) -> Bool { !entry.isNone && !isPresent(entry) && kind(entry) == .swap }

    func swapSlot(_ entry: Entry) -> UInt64 { payload(entry) & ~Self.exclusiveInSwap }

    /// Whether the page in swap is this mapping's alone (pte_swp_exclusive).
    func isExclusiveInSwap(_ entry: Entry) -> Bool { payload(entry) & Self.exclusiveInSwap != 0 }

    /// The same page in swap, maybe shared.
    func sharedInSwap(_ entry: Entry) -> Entry { swapped(swapSlot(entry), isExclusive: false) }

    /// Whether the page of a frozen entry is this mapping's alone.
    func isExclusiveInFrozen(_ entry: Entry) -> Bool { payload(entry) & Self.exclusiveBit != 0 }

    /// A frozen entry whose page others may have too.
    func sharedInFrozen(_ entry: Entry) -> Entry { nonPresent(.migrationRead, payload(entry) & ~Self.exclusiveBit) }

    /// A frozen entry without the right to write.
    func frozenForReading(_ entry: Entry) -> Entry { nonPresent(.migrationRead, payload(entry)) }

    /// The present entry that a frozen one becomes, for `frame` (the page it names, or where that has gone) and with rights
    /// as an area has them now.
    func thawed(_ entry: Entry, _ frame: FrameNumber, read: Bool, execute: Bool) -> Entry {
        var present = leaf(frame, read: read, write: kind(entry) == .migrationWrite, execute: execute)
        if payload(entry) & Self.accessedBit == 0 { present = old(present) }
        return payload(entry) & Self.dirtyBit == 0 ? present : dirtied(present)
    }
}

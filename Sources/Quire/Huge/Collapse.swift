// Collapsing: the pages below a PMD entry are copied into one folio of 2 MiB, which a leaf then maps; the PTE table waits
// beside it as its deposit. First a look at the entries, then, under the mmap lock for write and the anon_vma's lock, a
// second one: everything may have changed in between, the PTE table may be gone (S4-13). With the PMD entry cleared and
// flushed nobody can use or find the pages while they are copied.
// Linux: hpage_collapse_scan_pmd, collapse_huge_page, __collapse_huge_page_isolate, __collapse_huge_page_copy.

/// What came of a range that might be collapsed (enum scan_result).
enum CollapseResult: BitwiseCopyable {
    case collapsed, isLeaf
    /// Nothing is mapped there, or not what may be collapsed.
    case noTable, notSuitable
    /// Too many entries that are none or zero, in swap (or no page), shared.
    case tooManyNone, tooManySwapped, tooManyShared
    case notUsedLately
    /// An entry that is neither none nor a page of anonymous memory.
    case notAnonymous, notPresent
    /// Somebody else has a reference to a page, or is busy with it.
    case referenced, busy
    case outOfMemory
}

/// How many of 512 entries may be what; nil is any number, as MADV_COLLAPSE has it.
struct CollapseLimits: BitwiseCopyable {
    var none: UInt32?
    var swapped: UInt32?
    var shared: UInt32?
    /// Whether some page must have been used lately.
    var asksForUse: Bool

    static let forced = CollapseLimits(none: nil, swapped: nil, shared: nil, asksForUse: false)

    init(none: UInt32?, swapped: UInt32?, shared: UInt32?, asksForUse: Bool) {
        self.none = none
        self.swapped = swapped
        self.shared = shared
        self.asksForUse = asksForUse
    }

    /// khugepaged's.
    init(_ settings: KhugepagedSettings) {
        self.init(none: settings.maxNone, swapped: settings.maxSwap, shared: settings.maxShared, asksForUse: true)
    }
}

extension AddressSpace {
    /// Collapses the range of 2 MiB at `start`, if its entries are as `limits` want them. The mmap lock is held for read,
    /// and is given up for a while where it goes as far as copying.
    func collapse(_ cpu: CPU, _ start: UInt64, _ limits: CollapseLimits, _ purpose: HugePurpose) -> CollapseResult {
        let (seen, position) = scan(cpu, start, limits)
        guard seen == .collapsed else { return seen }
        mmapLock.readUnlock(cpu)
        defer { mmapLock.readLock(cpu) }
        let head = memory.allocateFolio(cpu, order: FolioOrder.huge, [.zeroed, .maySleep])
        guard !head.isNone else {
            cpu.count(.collapsesFailed)
            return .outOfMemory
        }
        cpu.count(.collapses)
        mmapLock.writeLock(cpu)
        let result = collapse(cpu, start, into: head, limits, purpose, seenAt: position)
        mmapLock.writeUnlock(cpu)
        if result != .collapsed { memory.freeBlock(cpu, head, order: FolioOrder.huge) }
        return result
    }

    /// The first look: `.collapsed` says that it may go on. Where it looked is worth nothing once it returns.
    private func scan(
        _ cpu: CPU, _ start: UInt64, _ limits: CollapseLimits
    ) -> (result: CollapseResult, position: TablePosition) {
        memory.rcu.enter(cpu)
        defer { memory.rcu.exit(cpu) }
        if tables.leaf(cpu, start) != nil { return (.isLeaf, .none) }
        let position = tables.position(cpu, start)
        guard !position.table.isNone, tables.lockIfAttached(cpu, position, start) else { return (.noTable, .none) }
        defer { tables.pteLock(position.table).unlock(cpu) }
        return (examine(cpu, position.table, limits), position)
    }

    /// Looks at the 512 entries of a table; its lock is held.
    private func examine(_ cpu: CPU, _ table: FrameNumber, _ limits: CollapseLimits) -> CollapseResult {
        let format = tables.format
        var none: UInt32 = 0, swapped: UInt32 = 0, shared: UInt32 = 0, used: UInt32 = 0
        for index in 0..<512 {
            let entry = tables.load(cpu, table, index)
            if !entry.isNone, !format.isPresent(entry) {
                swapped += 1
                if let most = limits.swapped, swapped > most {
                    cpu.count(.collapseSwapped)
                    return .tooManySwapped
                }
                continue
            }
            if entry.isNone || format.frame(entry) == core.zeroFrame {
                none += 1
                if let most = limits.none, none > most {
                    cpu.count(.collapseNone)
                    return .tooManyNone
                }
                continue
            }
            let head = memory.head(cpu, format.frame(entry))
            guard memory.kind(cpu, head) == .anonymous else { return .notAnonymous }
            if memory.isMaybeShared(cpu, head) {
                shared += 1
                if let most = limits.shared, shared > most {
                    cpu.count(.collapseShared)
                    return .tooManyShared
                }
            }
            if memory.folioLock(head).isLocked(cpu) { return .busy }
            guard memory.refcount(head).load(cpu, .refcount) == memory.mappings(cpu, head) else { return .referenced }
            if format.isAccessed(entry) || memory.has(cpu, head, FrameFlags.referenced) { used += 1 }
        }
        let isUsed = used > 0 && (swapped == 0 || used >= 256)
        return limits.asksForUse && !isUsed ? .notUsedLately : swapped > 0 ? .notPresent : .collapsed
    }

    // MARK: Under the mmap lock for write

    private func collapse(
        _ cpu: CPU, _ start: UInt64, into head: FrameNumber, _ limits: CollapseLimits, _ purpose: HugePurpose,
        seenAt seen: TablePosition
    ) -> CollapseResult {
        let area = areas.find(start)
        guard !area.isNone, fits(core.areas[area], start, order: FolioOrder.huge),
            core.areas[area].isAnonymous, !core.areas[area].anonVMA.isNone,
            allowedOrders(core.areas[area], purpose).contains(.huge)
        else { return .notSuitable }
        startWrite(cpu, area)
        let anonLock = core.lock(of: core.areas[area].anonVMA)
        anonLock.writeLock(cpu)
        defer { anonLock.writeUnlock(cpu) }
        memory.rcu.enter(cpu)
        defer { memory.rcu.exit(cpu) }
        let looksAgain = !cpu.lacks(.secondLookOfCollapse)
        let position = looksAgain ? tables.position(cpu, start) : seen
        guard !position.table.isNone else { return .noTable }
        let index = tables.format.index(start, level: 1)
        let pmdLock = tables.pmdLock(position.pmdTable)
        pmdLock.lock(cpu)
        guard !looksAgain || tables.load(cpu, position.pmdTable, index) == position.pmdEntry else {
            pmdLock.unlock(cpu)
            return .noTable
        }
        _ = tables.takeOut(cpu, position.pmdTable, index)
        pmdLock.unlock(cpu)
        // Whoever walks without a lock, hardware too, has left the table when this returns.
        tables.flushRange(cpu, start, start + tables.hugeSize)
        tables.pteLock(position.table).lock(cpu)
        let result = examine(cpu, position.table, CollapseLimits(limits))
        if result == .collapsed {
            moveIn(cpu, position.table, head, isLocked: core.areas[area].flags.contains(.locked))
        }
        tables.pteLock(position.table).unlock(cpu)
        pmdLock.lock(cpu)
        if result == .collapsed {
            finish(cpu, area, start, position, index, head)
        } else {
            tables.update(cpu, position.pmdTable, index, position.pmdEntry)
        }
        pmdLock.unlock(cpu)
        return result
    }

    /// Copies the pages of a table into a folio and takes the entries out; its lock is held.
    private func moveIn(_ cpu: CPU, _ table: FrameNumber, _ head: FrameNumber, isLocked: Bool) {
        let format = tables.format
        var taken = 0
        var fresh: Int64 = 0
        var index = 0
        while index < 512 {
            let (source, pages) = run(cpu, table, index, 512 - index)
            if let source {
                let first = format.frame(tables.load(cpu, table, index))
                for place in 0..<pages {
                    memory.copy(cpu, from: memory.page(first, place), to: memory.page(head, index + place))
                }
                _ = tables.takeOutRun(cpu, table, index, count: pages)
                if isLocked { memory.countLocked(cpu, source, more: false) }
                memory.removeMappings(cpu, first, count: pages, owner: number)
                memory.put(cpu, folio: source, count: UInt32(pages))
                taken += pages
            } else {
                if !tables.load(cpu, table, index).isNone {
                    _ = tables.takeOut(cpu, table, index)
                    taken += 1
                }
                fresh += 1
            }
            index += pages
        }
        tables.removed(cpu, table, taken)
        tables.counters.add(cpu, SpaceCounter.anonymous, fresh)
    }

    /// Maps the folio by a leaf; the PMD table's lock is held.
    private func finish(
        _ cpu: CPU, _ area: Handle<Area>, _ start: UInt64, _ position: TablePosition, _ index: Int, _ head: FrameNumber
    ) {
        let record = core.areas[area]
        memory.initializeFolio(
            cpu, head, order: FolioOrder.huge, .anonymous, flags: FrameFlags.swapBacked | FrameFlags.anonExclusive,
            pageFlags: 0, references: 1, mapping: record.anonVMA.index, index: record.pageOffset(of: start))
        cpu.count(.anonymous, order: FolioOrder.huge)
        memory.mapWhole(cpu, head, owner: number)
        if record.flags.contains(.locked) { memory.countLocked(cpu, head, more: true) }
        tables.deposit(cpu, position.table, with: position.pmdTable)
        let entry = hugeEntry(head, record.flags, write: record.flags.contains(.write), dirty: true)
        tables.update(cpu, position.pmdTable, index, entry)
        core.watchUse(cpu, head)
    }
}

extension CollapseLimits {
    /// What the second look asks for: use is no longer of interest.
    fileprivate init(_ first: CollapseLimits) {
        self = first
        asksForUse = false
    }
}

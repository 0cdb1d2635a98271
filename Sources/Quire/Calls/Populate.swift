// Populating: faulting a range in on behalf of mlock, MAP_POPULATE and MADV_POPULATE. Linux: __mm_populate,
// populate_vma_page_range, faultin_page_range.

extension AddressSpace {
    /// Faults [start, end) of one area in as a program would that writes private memory and reads the rest. The mmap
    /// lock is held. Returns the outcome that stopped it, or nil.
    func populateArea(_ cpu: CPU, _ area: Handle<Area>, _ start: UInt64, _ end: UInt64) -> FaultOutcome? {
        let flags = core.areas[area].flags
        if flags.contains(.lockOnFault) { return nil }
        let write = flags.intersection([.write, .shared]) == .write
        guard !flags.isDisjoint(with: .rights) else { return .signal(.accessError, address: start) }
        return faultIn(cpu, area, start, end, write ? .write : .read)
    }

    /// Faults every page of [start, end) of one area in for an access. The mmap lock is held.
    func faultIn(
        _ cpu: CPU, _ area: Handle<Area>, _ start: UInt64, _ end: UInt64, _ access: Access
    ) -> FaultOutcome? {
        var page = Page.floor(start)
        while page < end {
            if touchMapped(cpu, page, access) {
                page += Page.size
                continue
            }
            let outcome = serve(cpu, FaultContext(area: area, address: page, access: access))
            countFault(cpu, outcome)
            if outcome == .retry { continue }
            guard case .done = outcome else { return outcome }
        }
        return nil
    }

    /// Counts a page as used that is mapped so that the access needs no fault; for writing, it is dirty though nobody has
    /// written it, and no longer lazily free (FOLL_TOUCH of follow_page_pte). False: it must be faulted in. Under the table's
    /// lock: who drops lazily free pages has dropped it before, or finds it dirty.
    private func touchMapped(_ cpu: CPU, _ page: UInt64, _ access: Access) -> Bool {
        memory.rcu.enter(cpu)
        defer { memory.rcu.exit(cpu) }
        let format = tables.format
        let position = tables.position(cpu, page)
        if let leaf = tables.leaf(at: position, page) {
            guard let entry = tables.lockLeaf(cpu, leaf) else { return false }
            defer { tables.pmdLock(leaf.pmdTable).unlock(cpu) }
            guard access != .write || format.isWritable(entry) else { return false }
            if access == .write, !isHugeZero(cpu, entry) {
                memory.flags(format.frame(entry)).set(cpu, bits: FrameFlags.dirty, .frameFlags)
            }
            return true
        }
        guard !position.table.isNone, tables.lockIfAttached(cpu, position, page) else { return false }
        defer { tables.pteLock(position.table).unlock(cpu) }
        let entry = tables.load(cpu, position.table, format.index(page, level: 0))
        guard format.isPresent(entry), access != .write || format.isWritable(entry) else { return false }
        guard format.frame(entry) != core.zeroFrame else { return true }
        let head = memory.head(cpu, format.frame(entry))
        if access == .write, !format.isDirty(entry) {
            memory.flags(head).set(cpu, bits: FrameFlags.dirty, .frameFlags)
        }
        memory.markAccessed(cpu, head)
        return true
    }

    /// Faults [start, end) in across areas (__mm_populate): EFAULT or ENOMEM at the first thing in the way, unless that
    /// only ends its area. Takes the mmap lock itself.
    func populate(_ cpu: CPU, _ start: UInt64, _ end: UInt64, ignoresErrors: Bool = false) throws(Errno) {
        // An empty range is nobody's, even where the area around it refuses.
        if end == start { return }
        mmapLock.readLock(cpu)
        defer { mmapLock.readUnlock(cpu) }
        var cursor = areas.cursor(atOrAbove: start)
        while !cursor.isNone {
            let area = areas.area(at: cursor)
            let record = core.area(area)
            if record.start >= end { return }
            let from = Swift.max(record.start, start)
            if let stopped = populateArea(cpu, area, from, Swift.min(record.end, end)), !ignoresErrors {
                throw stopped == .outOfMemory ? .ENOMEM : .EFAULT
            }
            cursor = areas.next(cursor)
        }
    }
}

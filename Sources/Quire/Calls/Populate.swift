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
            if !isMapped(cpu, page, for: access) {
                let outcome = serve(cpu, FaultContext(area: area, address: page, access: access))
                countFault(cpu, outcome)
                if outcome == .retry { continue }
                guard case .done = outcome else { return outcome }
                continue
            }
            markTouched(cpu, page, written: access == .write)
            page += Page.size
        }
        return nil
    }

    /// A page that is touched counts as used; for writing, it is dirty though nobody has written it, and no longer lazily
    /// free (FOLL_TOUCH of follow_page_pte).
    private func markTouched(_ cpu: CPU, _ page: UInt64, written: Bool) {
        memory.rcu.enter(cpu)
        defer { memory.rcu.exit(cpu) }
        if let leaf = tables.leaf(cpu, page) {
            if written, !isHugeZero(cpu, leaf.entry) {
                memory.flags(tables.format.frame(leaf.entry)).set(cpu, bits: FrameFlags.dirty, .frameFlags)
            }
            return
        }
        let table = tables.table(cpu, page, level: 0)
        guard !table.isNone else { return }
        let entry = tables.load(cpu, table, tables.format.index(page, level: 0))
        guard tables.format.isPresent(entry), tables.format.frame(entry) != core.zeroFrame else { return }
        let head = memory.head(cpu, tables.format.frame(entry))
        if written, !tables.format.isDirty(entry) {
            memory.flags(head).set(cpu, bits: FrameFlags.dirty, .frameFlags)
        }
        memory.markAccessed(cpu, head)
    }

    /// Whether a page is mapped so that an access needs no fault.
    private func isMapped(_ cpu: CPU, _ page: UInt64, for access: Access) -> Bool {
        memory.rcu.enter(cpu)
        defer { memory.rcu.exit(cpu) }
        if let leaf = tables.leaf(cpu, page) {
            return access != .write || tables.format.isWritable(leaf.entry)
        }
        let table = tables.table(cpu, page, level: 0)
        guard !table.isNone else { return false }
        let entry = tables.load(cpu, table, tables.format.index(page, level: 0))
        return tables.format.isPresent(entry) && (access != .write || tables.format.isWritable(entry))
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
            let record = core.areas[area]
            if record.start >= end { return }
            let from = Swift.max(record.start, start)
            if let stopped = populateArea(cpu, area, from, Swift.min(record.end, end)), !ignoresErrors {
                throw stopped == .outOfMemory ? .ENOMEM : .EFAULT
            }
            cursor = areas.next(cursor)
        }
    }
}

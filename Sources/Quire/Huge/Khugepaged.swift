// khugepaged: the thread that goes over the address spaces that asked for huge pages, in the order in which they did, and
// collapses what its limits allow. A space is enrolled at its first fault or advice by which it may have a huge page, when
// such an area merges with another, and when its parent was. Linux: khugepaged_enter_vma, khugepaged_fork,
// khugepaged_scan_mm_slot.

extension AddressSpace {
    /// Enrols the space if an area with these flags may be collapsed (khugepaged_enter_vma).
    func enrol(_ cpu: CPU, _ area: Handle<Area>, flags: AreaFlags) {
        guard enrolment.loadRelaxed(cpu, .counter) == 0 else { return }
        var record = core.area(area)
        record.flags = flags
        if allowedOrders(record, .collapse).contains(.huge) { enrol(cpu) }
    }

    /// Enrols the space behind all others, if nobody else just did.
    func enrol(_ cpu: CPU) { _ = enrolment.replace(cpu, 0, with: core.enrolments.add(cpu, 1, .counter), .counter) }

    /// Collapses what may be in all areas; how many ranges that were. The mmap lock is free.
    func collapseAll(_ cpu: CPU) -> UInt64 {
        mmapLock.readLock(cpu)
        defer { mmapLock.readUnlock(cpu) }
        let size = tables.hugeSize
        let limits = CollapseLimits(core.settings.huge.khugepaged)
        var collapsed: UInt64 = 0
        var address: UInt64 = 0
        while true {
            // The lock is given up on the way: the area is looked up anew.
            let cursor = areas.cursor(atOrAbove: address)
            if cursor.isNone { return collapsed }
            let area = core.area(areas.area(at: cursor))
            let start = (Swift.max(area.start, address) &+ (size - 1)) & ~(size - 1)
            guard area.isAnonymous, start &+ size <= area.end, allowedOrders(area, .collapse).contains(.huge) else {
                address = area.end
                continue
            }
            if collapse(cpu, start, limits, .collapse) == .collapsed { collapsed += 1 }
            address = start + size
        }
    }
}

extension Machine {
    /// Lets khugepaged do whole passes over every address space that is enrolled. O(memory mapped there).
    public func runKhugepaged(passes: UInt64) {
        let cpu = cpu(0)
        for _ in 0..<passes {
            func turn(_ space: AddressSpace) -> UInt64 { space.enrolment.load(cpu, .counter) }
            for space in spaces.filter({ turn($0) != 0 }).sorted(by: { turn($0) < turn($1) }) {
                core.settings.huge.khugepaged.pagesCollapsed += space.collapseAll(cpu)
            }
            core.settings.huge.khugepaged.fullScans += 1
        }
        afterCall(cpu)
    }
}

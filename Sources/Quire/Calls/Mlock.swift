// mlock and its kin: a flag on areas, an account, and faulting in. A hole stops it where it is, with what came
// before done. Linux: do_mlock, apply_vma_lock_flags, mlock_fixup, apply_mlockall_flags.

extension AddressSpace {
    /// mlock and mlock2. Takes the mmap lock itself.
    func lockRange(_ cpu: CPU, _ address: UInt64, _ length: UInt64, onFault: Bool) throws(Errno) {
        let bytes = Page.ceiling(length &+ (address & Page.offsetMask))
        let start = Page.floor(address)
        guard mayLockAny else { throw .EPERM }
        mmapLock.writeLock(cpu)
        do throws(Errno) {
            let pages = bytes >> Page.shift
            // What is locked already does not count twice.
            guard mayLock(pages: pages) || mayLock(pages: pages - countLocked(start, bytes)) else { throw .ENOMEM }
            try applyLock(cpu, start, bytes, onFault ? [.locked, .lockOnFault] : .locked)
        } catch {
            mmapLock.writeUnlock(cpu)
            throw error
        }
        mmapLock.writeUnlock(cpu)
        do throws(Errno) {
            try populate(cpu, start, start + bytes)
        } catch {
            throw error == .EFAULT ? .ENOMEM : .EAGAIN
        }
    }

    /// Pages of a range that lie in locked areas (count_mm_mlocked_page_nr).
    private func countLocked(_ start: UInt64, _ length: UInt64) -> UInt64 {
        let end = start &+ length < start ? UInt64.max : start + length
        var total: UInt64 = 0
        var cursor = areas.cursor(atOrAbove: start)
        while !cursor.isNone, areas.start(at: cursor) < end {
            if core.areas[areas.area(at: cursor)].flags.contains(.locked) {
                total += Swift.min(areas.end(at: cursor), end) - Swift.max(areas.start(at: cursor), start)
            }
            cursor = areas.next(cursor)
        }
        return total >> Page.shift
    }

    /// munlock. Takes the mmap lock itself.
    func unlockRange(_ cpu: CPU, _ address: UInt64, _ length: UInt64) throws(Errno) {
        mmapLock.writeLock(cpu)
        defer { mmapLock.writeUnlock(cpu) }
        try applyLock(cpu, Page.floor(address), Page.ceiling(length &+ (address & Page.offsetMask)), [])
    }

    private func applyLock(_ cpu: CPU, _ start: UInt64, _ length: UInt64, _ lock: AreaFlags) throws(Errno) {
        let end = start &+ length
        guard end >= start else { throw .EINVAL }
        if end == start { return }
        var area = areas.find(start)
        guard !area.isNone, core.areas[area].start <= start else { throw .ENOMEM }
        var at = start
        while true {
            let next = Swift.min(core.areas[area].end, end)
            try applyLock(cpu, area, at, next, lock)
            at = next
            if at >= end { return }
            area = areas.find(at)
            // It begins below `at` where the area just changed has merged with the one behind it.
            guard !area.isNone, core.areas[area].start <= at else { throw .ENOMEM }
        }
    }

    /// Sets an area's lock flags over a range of it (mlock_fixup).
    private func applyLock(
        _ cpu: CPU, _ area: Handle<Area>, _ start: UInt64, _ end: UInt64, _ lock: AreaFlags
    ) throws(Errno) {
        let old = core.areas[area].flags
        let new = old.subtracting([.locked, .lockOnFault]).union(lock)
        if new == old || old.contains(.droppable) { return }
        let changed = try modifyFlags(cpu, area, start, end, to: new)
        let pages = (end - start) >> Page.shift
        guard new.contains(.locked) != old.contains(.locked) else { return }
        if new.contains(.locked) { numbers.lockedPages += pages } else { numbers.lockedPages -= pages }
        countLockedFolios(cpu, changed, start, end, more: new.contains(.locked))
    }

    /// mlockall (with MCL_CURRENT 1, MCL_FUTURE 2, MCL_ONFAULT 4) and munlockall (0). Takes the mmap lock itself.
    func lockAll(_ cpu: CPU, _ flags: UInt64) throws(Errno) {
        guard flags == 0 || mayLockAny else { throw .EPERM }
        mmapLock.writeLock(cpu)
        if flags & 1 != 0, !core.settings.hasCapabilities,
            numbers.totalPages > numbers.limits.lockedMemory.soft >> Page.shift
        {
            mmapLock.writeUnlock(cpu)
            throw .ENOMEM
        }
        var lock: AreaFlags = flags & 3 != 0 ? .locked : []
        if flags & 4 != 0 { lock.insert(.lockOnFault) }
        numbers.defaultFlags = numbers.defaultFlags.subtracting([.locked, .lockOnFault])
        if flags & 2 != 0 { numbers.defaultFlags.formUnion(lock) }
        if flags == 0 || flags & 1 != 0 {
            var at: UInt64 = 0
            while true {
                let cursor = areas.cursor(atOrAbove: at)
                if cursor.isNone { break }
                let area = areas.area(at: cursor)
                let record = core.areas[area]
                at = record.end
                try? applyLock(cpu, area, record.start, record.end, lock)
            }
        }
        mmapLock.writeUnlock(cpu)
        if flags & 1 != 0 { try? populate(cpu, 0, tables.format.userEnd, ignoresErrors: true) }
    }
}

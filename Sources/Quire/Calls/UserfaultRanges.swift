// Which ranges a userfaultfd serves: its context and its flags are attributes of areas. The call userfaultfd itself, its
// messages and what a fault does with them are not there yet; they will stand beside this file and use it.
// Linux: userfaultfd_register, userfaultfd_unregister, userfaultfd_release_all, userfaultfd_clear_vma, dup_userfaultfd,
// mremap_userfaultfd_prep.

/// One userfaultfd.
struct UserfaultContext: BitwiseCopyable {
    /// The address space that it was opened for.
    var space: UInt32
}

extension AddressSpace {
    /// Lets a userfaultfd serve the areas of [start, end), which are whole pages, in the modes that `flags` names. Areas
    /// that it serves in these modes already are passed over; a hole is not in the way. Throws EINVAL where there is
    /// none at all, or one that it cannot serve; EPERM, EBUSY, ENOMEM. Takes the mmap lock itself.
    func registerUserfault(
        _ cpu: CPU, _ context: Handle<UserfaultContext>, _ start: UInt64, _ end: UInt64, _ flags: AreaFlags
    ) throws(Errno) {
        guard !flags.isEmpty, AreaFlags.userfault.isSuperset(of: flags) else { throw .EINVAL }
        try checkRange(start, end)
        mmapLock.writeLock(cpu)
        defer { mmapLock.writeUnlock(cpu) }
        try eachServed(start, end) { _, area, _, _ throws(Errno) in
            guard canServe(area, flags) else { throw .EINVAL }
            guard area.flags.contains(.mayWrite) else { throw .EPERM }
            let other = core.extras(area.extras).userfault
            guard other.isNone || other == context else { throw .EBUSY }
        }
        try eachServed(start, end) { handle, area, from, to throws(Errno) in
            if core.extras(area.extras).userfault == context, area.flags.isSuperset(of: flags) { return }
            let new = area.flags.subtracting(.userfault).union(flags)
            _ = try modifyFlagsAndUserfault(cpu, handle, from, to, to: new, context: context)
        }
    }

    /// Takes [start, end) away from a userfaultfd. Throws EINVAL where another one serves a part of it; ENOMEM.
    func unregisterUserfault(
        _ cpu: CPU, _ context: Handle<UserfaultContext>, _ start: UInt64, _ end: UInt64
    ) throws(Errno) {
        try checkRange(start, end)
        mmapLock.writeLock(cpu)
        defer { mmapLock.writeUnlock(cpu) }
        try eachServed(start, end) { _, area, _, _ throws(Errno) in
            let other = core.extras(area.extras).userfault
            guard canServe(area, []), other.isNone || other == context else { throw .EINVAL }
        }
        try eachServed(start, end) { handle, area, from, to throws(Errno) in
            guard core.extras(area.extras).userfault == context else { return }
            let new = area.flags.subtracting(.userfault)
            _ = try modifyFlagsAndUserfault(cpu, handle, from, to, to: new, context: .none)
        }
    }

    /// The end of a userfaultfd: every area that it serves goes back, each by its own bounds, so that nothing is split
    /// and nothing can fail; where an area cannot merge for want of memory, it stays by itself.
    func releaseUserfault(_ cpu: CPU, _ context: Handle<UserfaultContext>) {
        mmapLock.writeLock(cpu)
        defer { mmapLock.writeUnlock(cpu) }
        var at: UInt64 = 0
        while true {
            let cursor = areas.cursor(atOrAbove: at)
            if cursor.isNone { break }
            let area = areas.area(at: cursor)
            let record = core.areas[area]
            at = record.end
            let served = core.extras(record.extras).userfault
            guard !record.flags.isDisjoint(with: .userfault), served == context || served.isNone else { continue }
            let new = record.flags.subtracting(.userfault)
            let changed = try? modifyFlagsAndUserfault(
                cpu, area, record.start, record.end, to: new, context: .none)
            if changed != nil { continue }
            // All that share the record are about to lose the userfaultfd.
            core.extrasPool[core.extrasPool.handle(at: record.extras)].userfault = .none
            startWrite(cpu, area)
            core.areas[area].flags = new
        }
        core.userfaults.free(cpu, context)
    }

    private func checkRange(_ start: UInt64, _ end: UInt64) throws(Errno) {
        guard start & Page.offsetMask == 0, end & Page.offsetMask == 0, start < end, end <= tables.format.userEnd,
            start >= core.settings.mmapMinAddress
        else { throw .EINVAL }
    }

    /// Visits the areas of a range as they are then. Throws EINVAL where there is none.
    private func eachServed(
        _ start: UInt64, _ end: UInt64,
        _ body: (Handle<Area>, Area, UInt64, UInt64) throws(Errno) -> Void
    ) throws(Errno) {
        var at = start
        var found = false
        while at < end {
            let handle = areas.find(at)
            guard !handle.isNone, core.areas[handle].start < end else { break }
            found = true
            let area = core.areas[handle]
            let to = Swift.min(area.end, end)
            try body(handle, area, Swift.max(area.start, at), to)
            at = to
        }
        if !found { throw .EINVAL }
    }

    /// Anonymous and shared memory can be served, a file's cannot; minor faults are those of shared memory.
    private func canServe(_ area: Area, _ flags: AreaFlags) -> Bool {
        area.kind == .shared || (area.isAnonymous && !flags.contains(.userfaultMinor))
    }
}

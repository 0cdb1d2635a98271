// The system calls on memory, as a program makes them: each takes the mmap lock as Linux does, does its work by the
// operations beside this file, and leaves nothing waiting. Addresses and lengths are bytes and raw numbers, since
// bad ones must be refused the way Linux refuses them.

extension Task {
    /// mmap. `recorded` is where a recording had the mapping: it is placed there. `name` marks a mapping that the kernel
    /// makes itself (`[vdso]`, `[stack]`): it merges with none of another name. O(log areas).
    @discardableResult
    public func mmap(
        _ address: UInt64 = 0, length: UInt64, protection: Protection, flags: MapFlags, fd: Int = -1,
        offset: UInt64 = 0,
        recorded: UInt64? = nil, name: String = ""
    ) throws(Errno) -> UInt64 {
        defer { machine.afterCall(cpu) }
        guard offset & Page.offsetMask == 0 else { throw .EINVAL }
        var request = MapRequest(
            address: address, length: length, protection: protection, flags: flags, offset: offset, recorded: recorded,
            name: machine.intern(name))
        if !flags.contains(.anonymous) {
            guard let descriptor = process.descriptors[fd] else { throw .EBADF }
            request.file = MappedFile(
                file: descriptor.file, canRead: descriptor.canRead, canWrite: descriptor.canWrite)
        }
        if name == "[vdso]" { request.file = MappedFile(file: try machine.vdso(cpu), canRead: true, canWrite: false) }
        space.mmapLock.writeLock(cpu)
        let result: (address: UInt64, populate: UInt64)
        do throws(Errno) {
            result = try space.map(cpu, request) { length throws(Errno) in
                try machine.makeFile(cpu, .memory, size: length, path: "/dev/zero (deleted)")
            }
        } catch {
            space.mmapLock.writeUnlock(cpu)
            throw error
        }
        space.mmapLock.writeUnlock(cpu)
        if result.populate > 0 { try? space.populate(cpu, result.address, result.address + result.populate) }
        return result.address
    }

    /// munmap. O(log areas + pages).
    public func munmap(_ address: UInt64, _ length: UInt64) throws(Errno) {
        defer { machine.afterCall(cpu) }
        space.mmapLock.writeLock(cpu)
        defer { space.mmapLock.writeUnlock(cpu) }
        try space.unmap(cpu, address, length)
    }

    /// mprotect. Stops at a hole, with what came before done.
    public func mprotect(_ address: UInt64, _ length: UInt64, _ protection: Protection) throws(Errno) {
        space.mmapLock.writeLock(cpu)
        defer { space.mmapLock.writeUnlock(cpu) }
        try space.protect(cpu, address, length, protection)
    }

    /// mremap. Returns the new address.
    @discardableResult
    public func mremap(
        _ old: UInt64, _ oldLength: UInt64, _ newLength: UInt64, _ flags: RemapFlags, _ target: UInt64 = 0,
        recorded: UInt64? = nil
    ) throws(Errno) -> UInt64 {
        defer { machine.afterCall(cpu) }
        space.mmapLock.writeLock(cpu)
        let result: (address: UInt64, populateFrom: UInt64, populateTo: UInt64)
        do throws(Errno) {
            result = try space.remap(cpu, old, oldLength, newLength, flags, target, recorded: recorded)
        } catch {
            space.mmapLock.writeUnlock(cpu)
            throw error
        }
        space.mmapLock.writeUnlock(cpu)
        if result.populateTo > result.populateFrom {
            try? space.populate(cpu, result.populateFrom, result.populateTo)
        }
        return result.address
    }

    /// brk: the heap's end after the call. 0, or an end that cannot be had, changes nothing.
    @discardableResult
    public func brk(_ end: UInt64) -> UInt64 {
        defer { machine.afterCall(cpu) }
        space.mmapLock.writeLock(cpu)
        let old = space.numbers.heapEnd
        let result = space.setHeapEnd(cpu, end)
        let locked = space.numbers.defaultFlags.contains(.locked)
        space.mmapLock.writeUnlock(cpu)
        if locked, result > old { try? space.populate(cpu, Page.floor(old), Page.ceiling(result)) }
        return result
    }

    /// madvise. `advice` is the raw number.
    public func madvise(_ address: UInt64, _ length: UInt64, _ advice: UInt64) throws(Errno) {
        defer { machine.afterCall(cpu) }
        try space.advise(cpu, address, length, advice) { machine.space($0) }
    }

    /// mlock.
    public func mlock(_ address: UInt64, _ length: UInt64) throws(Errno) {
        try space.lockRange(cpu, address, length, onFault: false)
    }

    /// mlock2: `flags` 1 is MLOCK_ONFAULT.
    public func mlock2(_ address: UInt64, _ length: UInt64, _ flags: UInt64) throws(Errno) {
        guard flags & ~1 == 0 else { throw .EINVAL }
        try space.lockRange(cpu, address, length, onFault: flags & 1 != 0)
    }

    /// munlock.
    public func munlock(_ address: UInt64, _ length: UInt64) throws(Errno) {
        try space.unlockRange(cpu, address, length)
    }

    /// mlockall: MCL_CURRENT 1, MCL_FUTURE 2, MCL_ONFAULT 4.
    public func mlockall(_ flags: UInt64) throws(Errno) {
        guard flags != 0, flags & ~7 == 0, flags != 4 else { throw .EINVAL }
        try space.lockAll(cpu, flags)
    }

    /// munlockall.
    public func munlockall() throws(Errno) { try space.lockAll(cpu, 0) }

    /// mincore: one byte a page.
    public func mincore(_ address: UInt64, _ length: UInt64) throws(Errno) -> [UInt8] {
        try space.residentMap(cpu, address, length)
    }

    /// msync: MS_ASYNC 1, MS_INVALIDATE 2, MS_SYNC 4. Checks the range; there is no device to write to.
    public func msync(_ address: UInt64, _ length: UInt64, _ flags: UInt64) throws(Errno) {
        guard flags & ~7 == 0, address & Page.offsetMask == 0, flags & 5 != 5 else { throw .EINVAL }
        let end = address &+ Page.ceiling(length)
        guard end >= address else { throw .ENOMEM }
        if end == address { return }
        space.mmapLock.readLock(cpu)
        defer { space.mmapLock.readUnlock(cpu) }
        var at = address
        var sawHole = false
        while at < end {
            let area = space.areas.find(at)
            guard !area.isNone, machine.core.areas[area].start < end else { throw .ENOMEM }
            if machine.core.areas[area].start > at { sawHole = true }
            if flags & 2 != 0, machine.core.areas[area].flags.contains(.locked) { throw .EBUSY }
            at = machine.core.areas[area].end
        }
        if sawHole { throw .ENOMEM }
    }

    /// prctl(PR_SET_THP_DISABLE, isDisabled, flags): gives huge pages up, or takes them back. Flag 2 keeps those that are
    /// asked for by advice (PR_THP_DISABLE_EXCEPT_ADVISED). Throws EINVAL for other flags.
    public func setHugePagesDisabled(_ isDisabled: Bool, flags: UInt64 = 0) throws(Errno) {
        guard flags & ~2 == 0, isDisabled || flags == 0 else { throw .EINVAL }
        space.mmapLock.writeLock(cpu)
        space.numbers.hugeDisabled = !isDisabled ? .no : flags == 0 ? .completely : .exceptAdvised
        space.mmapLock.writeUnlock(cpu)
    }

    /// prctl(PR_GET_THP_DISABLE): 0, 1, or 3 where pages that are asked for by advice remain.
    public var hugePagesDisabled: UInt64 {
        switch space.numbers.hugeDisabled {
        case .no: 0
        case .completely: 1
        case .exceptAdvised: 3
        }
    }

    /// PR_SET_VMA_ANON_NAME is not configured in the kernel that Quire follows: EINVAL.
    public func setAreaName(_ address: UInt64, _ length: UInt64, _ name: String?) throws(Errno) { throw .EINVAL }
}

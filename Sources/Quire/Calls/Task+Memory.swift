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
        defer { afterCall() }
        guard offset & Page.offsetMask == 0 else { throw .EINVAL }
        var request = MapRequest(
            address: address, length: length, protection: protection, flags: flags, offset: offset, recorded: recorded,
            name: name.isEmpty ? 0 : machine.intern(name))
        if !flags.contains(.anonymous) {
            let descriptor = try openDescriptor(fd)
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
        defer { afterCall() }
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
        defer { afterCall() }
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
        defer { afterCall() }
        space.mmapLock.writeLock(cpu)
        let old = space.numbers.heapEnd
        let result = space.setHeapEnd(cpu, end)
        let locked = space.numbers.defaultFlags.contains(.locked)
        space.mmapLock.writeUnlock(cpu)
        if locked, result > old { try? space.populate(cpu, Page.ceiling(old), Page.ceiling(result)) }
        return result
    }

    /// madvise. `advice` is the raw number, an int as the kernel sees it.
    public func madvise(_ address: UInt64, _ length: UInt64, _ advice: UInt64) throws(Errno) {
        defer { afterCall() }
        try space.advise(cpu, address, length, UInt64(UInt32(truncatingIfNeeded: advice))) { machine.space($0) }
    }

    /// mlock.
    public func mlock(_ address: UInt64, _ length: UInt64) throws(Errno) {
        try space.lockRange(cpu, address, length, onFault: false)
    }

    /// mlock2: `flags` 1 is MLOCK_ONFAULT.
    public func mlock2(_ address: UInt64, _ length: UInt64, _ flags: UInt64) throws(Errno) {
        let flags = UInt32(truncatingIfNeeded: flags)
        guard flags & ~1 == 0 else { throw .EINVAL }
        try space.lockRange(cpu, address, length, onFault: flags & 1 != 0)
    }

    /// munlock.
    public func munlock(_ address: UInt64, _ length: UInt64) throws(Errno) {
        try space.unlockRange(cpu, address, length)
    }

    /// mlockall: MCL_CURRENT 1, MCL_FUTURE 2, MCL_ONFAULT 4.
    public func mlockall(_ flags: UInt64) throws(Errno) {
        let flags = UInt32(truncatingIfNeeded: flags)
        guard flags != 0, flags & ~7 == 0, flags != 4 else { throw .EINVAL }
        try space.lockAll(cpu, UInt64(flags))
    }

    /// munlockall.
    public func munlockall() throws(Errno) { try space.lockAll(cpu, 0) }

    /// mincore into a vector that is nobody's: one byte a page.
    public func mincore(_ address: UInt64, _ length: UInt64) throws(Errno) -> [UInt8] {
        try space.checkResidence(address, length)
        var all: [UInt8] = []
        try eachResidentPart(address, length) { bytes, _ in all += bytes }
        return all
    }

    /// mincore into memory: what comes before a hole or a bad address is written.
    public func mincore(_ address: UInt64, _ length: UInt64, vector: UInt64) throws(Errno) {
        try space.checkResidence(address, length)
        let pages = Page.ceiling(length) >> Page.shift
        let userEnd = space.tables.format.userEnd
        guard vector <= userEnd, pages <= userEnd - vector else { throw .EFAULT }
        try eachResidentPart(address, length) { bytes, done throws(Errno) in
            for (place, byte) in bytes.enumerated() {
                guard storeByte(vector + done + UInt64(place), byte) == .done else { throw .EFAULT }
            }
        }
    }

    private func eachResidentPart(
        _ address: UInt64, _ length: UInt64, _ body: ([UInt8], UInt64) throws(Errno) -> Void
    ) throws(Errno) {
        let end = address + Page.ceiling(length)
        var at = address
        while at < end {
            let bytes = try space.residentPart(cpu, at, end)
            try body(bytes, (at - address) >> Page.shift)
            at += UInt64(bytes.count) << Page.shift
        }
    }

    /// msync: MS_ASYNC 1, MS_INVALIDATE 2, MS_SYNC 4, which writes shared pages of disk files back.
    public func msync(_ address: UInt64, _ length: UInt64, _ flags: UInt64) throws(Errno) {
        let flags = UInt32(truncatingIfNeeded: flags)
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
            let record = machine.core.area(area)
            if flags & 2 != 0, record.flags.contains(.locked) { throw .EBUSY }
            let from = Swift.max(at, record.start)
            at = Swift.min(record.end, end)
            if flags & 4 != 0, record.flags.contains(.shared), !record.file.isNone {
                let first = record.pageOffset(of: from)
                machine.core.writeBack(cpu, record.file, first, first + Page.ceiling(at - from) >> Page.shift) {
                    machine.space($0)
                }
            }
        }
        if sawHole { throw .ENOMEM }
    }

    /// prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME): names anonymous memory, nil takes the name away. At most 79 printable
    /// ASCII characters, none of them one of \ ` $ [ ]. EINVAL without the knob `machine.anon_vma_name`, as in a
    /// kernel built without it; EBADF for a file's area; ENOMEM, at the end, for a hole.
    public func setAreaName(_ address: UInt64, _ length: UInt64, _ name: String?) throws(Errno) {
        guard machine.core.settings.namesAreas else { throw .EINVAL }
        if let name {
            guard name.utf8.count < 80, name.utf8.allSatisfy(isAreaNameCharacter) else { throw .EINVAL }
        }
        try space.setName(cpu, address, length, machine.intern(name ?? "")) { file in
            // What maps shows of a file that has no name any more.
            let deleted = " (deleted)".utf8
            return machine.strings[Int(machine.core.files[file].path)].utf8.suffix(deleted.count).elementsEqual(deleted)
        }
    }

    /// mbind: where the pages of a range are to come from. `mode` is MPOL_* with its flags in the upper bits, `nodes`
    /// the first 64 nodes' bits, of which `maxNode` − 1 count; `flags` MPOL_MF_STRICT 1, MPOL_MF_MOVE 2,
    /// MPOL_MF_MOVE_ALL 4. There is one node, so no page ever moves.
    public func mbind(
        _ address: UInt64, _ length: UInt64, mode: UInt64, nodes: UInt64 = 0, maxNode: UInt64 = 65, flags: UInt64 = 0
    ) throws(Errno) {
        let request = try PolicyRequest(mode: mode, nodes: nodes, maxNode: maxNode)
        try space.bind(cpu, address, length, request, flags)
    }

    /// set_mempolicy: where the task's pages are to come from that no area's policy speaks of.
    public func setMempolicy(mode: UInt64, nodes: UInt64 = 0, maxNode: UInt64 = 65) throws(Errno) {
        policy = try PolicyRequest(mode: mode & 0xffff_ffff, nodes: nodes, maxNode: maxNode).policy()
    }
}

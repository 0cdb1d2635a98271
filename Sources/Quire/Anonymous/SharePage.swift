// Making a page one that may be shared, and then mapping the zero page in its place: what KSM does to a page whose contents it
// has found elsewhere (its own pages come with it). The entry is cleared and its translations go before pins are looked for, so that no write is under way
// and no pin is missed; only then is the contents final. Linux: write_protect_page, replace_page.

extension AddressSpace {
    /// Takes the right to write and the exclusivity from the small page at an address, so that its contents stay what they
    /// are until somebody copies it. Returns the entry as it is then. Throws EFAULT where no small
    /// anonymous page is mapped, EBUSY where it is pinned or somebody else refers to it: `held` references are the
    /// caller's. The mmap lock is held for read. O(1).
    func writeProtectAndShare(_ cpu: CPU, _ address: UInt64, held: UInt32 = 0) throws(Errno) -> Entry {
        try withPage(cpu, address) { table, index, seen, frame throws(Errno) in
            let mustChange =
                tables.format.isWritable(seen) || tables.format.isDirty(seen)
                || memory.has(cpu, frame, FrameFlags.anonExclusive)
            guard mustChange else { return seen }
            if cpu.lacks(.outBeforeSharing), hasOtherReferences(cpu, frame, held) { throw .EBUSY }
            let old = tables.takeOut(cpu, table, index)
            if !cpu.lacks(.flushBeforeSharing) { tables.flushRange(cpu, address, address + Page.size) }
            if !cpu.lacks(.outBeforeSharing), !cpu.lacks(.pinsBeforeSharing), hasOtherReferences(cpu, frame, held) {
                tables.update(cpu, table, index, old)
                throw .EBUSY
            }
            memory.flags(frame).clear(cpu, bits: FrameFlags.anonExclusive, .frameFlags)
            if tables.format.isDirty(old) { memory.flags(frame).set(cpu, bits: FrameFlags.dirty, .frameFlags) }
            let new = tables.format.cleaned(tables.format.writeProtected(old))
            tables.update(cpu, table, index, new)
            return new
        }
    }

    /// Whether others than mappings and the caller refer to a small page. A pin counts 1,024 references, and any other
    /// reference may be somebody who is about to write.
    private func hasOtherReferences(_ cpu: CPU, _ frame: FrameNumber, _ held: UInt32) -> Bool {
        memory.refcount(frame).load(cpu, .refcount) &- held != memory.mapcount(frame).load(cpu, .mapcount)
    }

    /// Maps the zero page in place of a page of zeroes, whose entry `writeProtectAndShare` has returned (KSM's
    /// `use_zero_pages`). False: the entry has changed meanwhile. Throws EFAULT. The mmap lock is held for read.
    func replaceByZeroPage(_ cpu: CPU, _ address: UInt64, _ expected: Entry) throws(Errno) -> Bool {
        let area = areas.find(address)
        guard !area.isNone, core.areas[area].start <= address else { throw .EFAULT }
        let flags = core.areas[area].flags
        return try withPage(cpu, address) { table, index, seen, frame throws(Errno) in
            guard tables.format.withoutAge(seen) == tables.format.withoutAge(expected) else { return false }
            let old = tables.takeOut(cpu, table, index)
            tables.flushRange(cpu, address, address + Page.size)
            // Somebody may have made it its own again since, to pin it.
            if memory.has(cpu, frame, FrameFlags.anonExclusive) || memory.mayBePinned(cpu, frame) {
                tables.update(cpu, table, index, old)
                return false
            }
            let entry = tables.format.leaf(
                core.zeroFrame, read: !flags.isDisjoint(with: .rights), write: false,
                execute: flags.contains(.execute))
            tables.update(cpu, table, index, entry)
            if flags.contains(.locked) { memory.countLocked(cpu, frame, more: false) }
            tables.counters.add(cpu, SpaceCounter.anonymous, -1)
            if flags.contains(.chargedByPage) { core.uncommit(cpu, pages: 1) }
            memory.removeMapping(cpu, frame, owner: number)
            memory.put(cpu, frame)
            return true
        }
    }

    /// Runs `body` on the entry that maps a small anonymous page, its table locked. Throws EFAULT where there is none.
    private func withPage<Result>(
        _ cpu: CPU, _ address: UInt64,
        _ body: (FrameNumber, Int, Entry, FrameNumber) throws(Errno) -> Result
    ) throws(Errno) -> Result {
        memory.rcu.enter(cpu)
        defer { memory.rcu.exit(cpu) }
        let position = tables.position(cpu, address)
        guard !position.table.isNone, tables.lockIfAttached(cpu, position, address) else { throw .EFAULT }
        defer { tables.pteLock(position.table).unlock(cpu) }
        let index = tables.format.index(address, level: 0)
        let seen = tables.load(cpu, position.table, index)
        guard tables.format.isPresent(seen) else { throw .EFAULT }
        let frame = tables.format.frame(seen)
        guard memory.kind(cpu, frame) == .anonymous, !memory.isPartOfLarge(cpu, frame) else { throw .EFAULT }
        return try body(position.table, index, seen, frame)
    }
}

// fork: the child gets a copy of every area and of every entry that a fault could not bring back. Writable private
// pages lose the right to write in both, and their exclusivity: the next write copies. Areas without an anon_vma
// are not walked at all. Linux: dup_mmap, copy_page_range, vma_needs_copy, copy_present_page.

extension AddressSpace {
    /// Copies this address space into an empty one. Both mmap locks are taken here. Throws ENOMEM; the child then
    /// holds what was copied so far and must be torn down.
    func copy(_ cpu: CPU, into child: AddressSpace) throws(Errno) {
        mmapLock.writeLock(cpu)
        child.mmapLock.writeLock(cpu)
        defer {
            child.mmapLock.writeUnlock(cpu)
            mmapLock.writeUnlock(cpu)
        }
        var numbers = self.numbers
        numbers.lockedPages = 0
        numbers.pinnedPages = 0
        numbers.totalPages = 0
        numbers.dataPages = 0
        numbers.stackPages = 0
        numbers.codePages = 0
        numbers.peakPages = 0
        numbers.peakResident = 0
        numbers.defaultFlags.subtract([.locked, .lockOnFault])
        child.numbers = numbers
        var copied = false
        var cursor = areas.first
        do throws(Errno) {
            while !cursor.isNone {
                let area = areas.area(at: cursor)
                if !core.areas[area].flags.contains(.dontCopy) {
                    copied = try copyArea(cpu, area, into: child) || copied
                }
                cursor = areas.next(cursor)
            }
        } catch {
            // Entries of this side may have lost the right to write before memory ran out.
            tables.flushRange(cpu, 0, tables.format.userEnd)
            throw error
        }
        if copied { tables.flushRange(cpu, 0, tables.format.userEnd) }
        child.noteResidentPeak()
    }

    /// Copies one area. True: entries of this side may have lost the right to write.
    private func copyArea(_ cpu: CPU, _ area: Handle<Area>, into child: AddressSpace) throws(Errno) -> Bool {
        let source = core.areas[area]
        if source.flags.contains(.account) { try core.commit(cpu, pages: source.pages) }
        var record = source
        record.flags.subtract([.locked, .lockOnFault])
        record.anonVMA = .none
        record.chain = 0
        record.space = child.number
        let wiped = source.flags.contains(.wipeOnFork)
        guard let made = core.areas.allocate(cpu, record) else {
            if source.flags.contains(.account) { core.uncommit(cpu, pages: source.pages) }
            throw .ENOMEM
        }
        guard wiped || core.forkAnonVMA(cpu, from: area, to: made), child.areas.insert(cpu, made) else {
            core.unlinkAll(cpu, made)
            core.areas.free(cpu, made)
            if source.flags.contains(.account) { core.uncommit(cpu, pages: source.pages) }
            throw .ENOMEM
        }
        if !record.file.isNone {
            core.hold(cpu, record.file)
            core.linkToFile(cpu, made)
        }
        child.account(record.flags, pages: Int64(record.pages))
        // Only anonymous pages and guards must be copied: everything else a fault brings back.
        guard !wiped, !source.anonVMA.isNone || source.flags.contains(.maybeGuard) else { return false }
        // Whoever pins a page without a lock meanwhile finds out and gives it back.
        forkSequence.beginWrite(cpu)
        defer { forkSequence.endWrite(cpu) }
        try copyEntries(cpu, area, into: child)
        return true
    }

    private func copyEntries(_ cpu: CPU, _ handle: Handle<Area>, into child: AddressSpace) throws(Errno) {
        let area = core.areas[handle]
        let span: UInt64 = 1 << tables.format.shift(ofLevel: 1)
        var address = area.start
        // A page for a copy of one that is pinned: it cannot be had under the tables' locks.
        var spare = FrameNumber.none
        defer { if !spare.isNone { memory.put(cpu, spare) } }
        while address < area.end {
            let next = Swift.min((address & ~(span - 1)) &+ span, area.end)
            memory.rcu.enter(cpu)
            defer { memory.rcu.exit(cpu) }
            if try copyLeaf(cpu, handle, address, into: child) {
                address = next
                continue
            }
            let from = tables.position(cpu, address)
            if !from.table.isNone {
                // The child's table is made even if nothing is copied into it, as Linux does.
                guard let to = child.tables.allocatingPosition(cpu, address) else { throw .ENOMEM }
                address = copyTable(cpu, area, from.table, into: child, to.table, address, next, &spare)
                if address < next {
                    spare = memory.allocate(cpu, .maySleep)
                    guard !spare.isNone else { throw .ENOMEM }
                    memory.initialize(
                        spare, .anonymous, flags: 0, references: 1, mappings: 0, mapping: 0, index: 0)
                }
            } else {
                address = try copyUpperTables(cpu, address, area.end, into: child)
            }
        }
    }

    /// Where there is no PTE table, the child gets the tables above it that this side has. Returns where the next table
    /// may be.
    private func copyUpperTables(
        _ cpu: CPU, _ address: UInt64, _ end: UInt64, into child: AddressSpace
    ) throws(Errno) -> UInt64 {
        let top = tables.format.levels - 1
        var level = 1
        while level < top, tables.table(cpu, address, level: level).isNone { level += 1 }
        if level < top {
            guard child.tables.allocatingTable(cpu, address, level: level) != nil else { throw .ENOMEM }
        }
        let span: UInt64 = 1 << tables.format.shift(ofLevel: level)
        let next = (address & ~(span - 1)) &+ span
        return next == 0 ? end : Swift.min(next, end)
    }

    /// Copies entries of one table; returns where it ended: before `end` where it needs a spare page and has none.
    private func copyTable(
        _ cpu: CPU, _ area: Area, _ source: FrameNumber, into child: AddressSpace, _ target: FrameNumber,
        _ start: UInt64, _ end: UInt64, _ spare: inout FrameNumber
    ) -> UInt64 {
        let format = tables.format
        child.tables.pteLock(target).lock(cpu)
        let nested = !tables.pteLock(source).isSame(as: child.tables.pteLock(target))
        defer {
            if nested { tables.pteLock(source).unlock(cpu) }
            child.tables.pteLock(target).unlock(cpu)
        }
        if nested { tables.pteLock(source).lock(cpu) }
        let mayBePinned = numbers.hasPinned
        var index = format.index(start, level: 0)
        for place in 0..<((end - start) >> Page.shift) {
            defer { index += 1 }
            let entry = tables.load(cpu, source, index)
            if entry.isNone { continue }
            if format.isPresent(entry) {
                if mayBePinned, isPinned(cpu, format.frame(entry)) {
                    if spare.isNone { return start + place << Page.shift }
                    copyPinned(cpu, area, format.frame(entry), into: child, target, index, spare)
                    spare = .none
                    continue
                }
                copyPresent(cpu, area, source, index, entry, into: child, target)
            } else if format.kind(entry) == .guardMarker {
                child.tables.install(cpu, target, index, entry)
            }
        }
        return end
    }

    private func copyPresent(
        _ cpu: CPU, _ area: Area, _ source: FrameNumber, _ index: Int, _ seen: Entry, into child: AddressSpace,
        _ target: FrameNumber
    ) {
        let format = tables.format
        let frame = format.frame(seen)
        var entry = seen
        if frame != core.zeroFrame {
            memory.addMapping(cpu, frame, owner: child.number)
            let flags = memory.folioFlags(cpu, frame)
            if flags & FrameFlags.kind == FrameKind.anonymous.rawValue {
                memory.flags(frame).clear(cpu, bits: FrameFlags.anonExclusive, .frameFlags)
                child.tables.counters.add(cpu, SpaceCounter.anonymous, 1)
            } else {
                let shared = flags & FrameFlags.swapBacked != 0
                child.tables.counters.add(cpu, shared ? SpaceCounter.shared : SpaceCounter.file, 1)
            }
        }
        if area.flags.isCopyOnWrite, format.isWritable(entry) {
            entry = format.writeProtected(tables.takeOut(cpu, source, index))
            tables.update(cpu, source, index, entry)
        }
        if area.flags.contains(.shared) { entry = format.cleaned(entry) }
        child.tables.install(cpu, target, index, format.old(entry))
    }
}

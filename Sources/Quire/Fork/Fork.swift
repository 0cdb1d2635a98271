// fork: records and tree nodes for the child's areas are had in bulk, where the caller may still sleep; then the child gets
// a copy of every area and of every entry that a fault could not bring back. Writable private pages lose the right to
// write in both, and their exclusivity: the next write copies. Areas without an anon_vma are not walked at all.
// Linux: dup_mmap, copy_page_range, vma_needs_copy, copy_present_page.

/// What a fork has in hand for the child's areas.
private struct CopiesOfAreas: BitwiseCopyable {
    var areas: PoolReserve<Area>
    var tree: AreaTreeBuilder
}

/// What copying the small folios of one table came to; counted once.
private struct SmallCopies {
    var installed = 0
    var protected = 0
    var anonymous: Int64 = 0
    var file: Int64 = 0
    var shared: Int64 = 0
}

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
        numbers.strandedLockedPages = 0
        numbers.forgetPins()
        numbers.totalPages = 0
        numbers.dataPages = 0
        numbers.stackPages = 0
        numbers.codePages = 0
        numbers.peakPages = 0
        numbers.peakResident = 0
        numbers.defaultFlags.subtract([.locked, .lockOnFault])
        child.numbers = numbers
        if enrolment.load(cpu, .counter) != 0 { child.enrol(cpu) }
        var copied = false
        var copies = try reserveCopies(cpu, into: child)
        defer {
            core.areas.giveBack(cpu, &copies.areas)
            copies.tree.finish(cpu)
        }
        var cursor = areas.first
        do throws(Errno) {
            while !cursor.isNone {
                let area = areas.area(at: cursor)
                if !core.areas[area].flags.contains(.dontCopy) {
                    copied = try copyArea(cpu, area, into: child, &copies) || copied
                }
                cursor = areas.next(cursor)
            }
        } catch {
            // Entries of this side may have lost the right to write before memory ran out.
            tables.flushSpace(cpu)
            throw error
        }
        if copied, !cpu.lacks(.flushAfterFork) { tables.flushSpace(cpu) }
        child.noteResidentPeak()
    }

    /// Gets hold of records and tree nodes for all areas, sleeping where it must. Throws ENOMEM before anything is
    /// copied.
    private func reserveCopies(_ cpu: CPU, into child: AddressSpace) throws(Errno) -> CopiesOfAreas {
        let context: AllocationContext = [.maySleep, .mayReclaim]
        var records = try core.reserve(cpu, core.areas, areas.count, context)
        do throws(Errno) {
            let nodes = try core.reserve(cpu, core.nodes, AreaTreeBuilder.nodes(for: areas.count), context)
            return CopiesOfAreas(areas: records, tree: AreaTreeBuilder(child.areas, nodes))
        } catch {
            core.areas.giveBack(cpu, &records)
            throw error
        }
    }

    /// Copies one area. True: entries of this side may have lost the right to write.
    private func copyArea(
        _ cpu: CPU, _ area: Handle<Area>, into child: AddressSpace, _ copies: inout CopiesOfAreas
    ) throws(Errno) -> Bool {
        startWrite(cpu, area)
        let source = core.areas[area]
        let charge = chargeOfCopy(cpu, source)
        if charge > 0 { try commit(cpu, pages: charge) }
        let copy: Handle<Area>
        do throws(Errno) {
            copy = try insertCopy(cpu, area, into: child, &copies)
        } catch {
            core.uncommit(cpu, pages: charge)
            throw error
        }
        // Only anonymous pages and guards must be copied: everything else a fault brings back.
        guard !source.flags.contains(.wipeOnFork), !source.anonVMA.isNone || source.guards != 0 else {
            return false
        }
        // Whoever pins a page without a lock meanwhile finds out and gives it back.
        forkSequence.beginWrite(cpu)
        defer { forkSequence.endWrite(cpu) }
        do throws(Errno) {
            try copyEntries(cpu, area, into: child, copy)
        } catch {
            // What has been copied gives its charge back when the child goes.
            if source.flags.contains(.chargedByPage) {
                core.uncommit(cpu, pages: charge - child.countAnonymous(cpu, source.start, source.end))
            }
            throw error
        }
        return true
    }

    /// What a child's copy of an area is charged.
    private func chargeOfCopy(_ cpu: CPU, _ area: Area) -> UInt64 {
        if area.flags.contains(.account) { return area.pages }
        guard area.flags.contains(.chargedByPage), !area.flags.contains(.wipeOnFork) else { return 0 }
        return countAnonymous(cpu, area.start, area.end)
    }

    /// Gives the child an area like this one: unlocked, without the userfaultfd, tied to this side's anon_vmas unless it
    /// is to be wiped.
    private func insertCopy(
        _ cpu: CPU, _ area: Handle<Area>, into child: AddressSpace, _ copies: inout CopiesOfAreas
    ) throws(Errno) -> Handle<Area> {
        var record = core.areas[area]
        record.flags.subtract([.locked, .lockOnFault])
        record.flags.subtract(.userfault)
        record.anonVMA = .none
        record.chain = 0
        record.space = child.number
        record.extras = try core.extrasOfCopy(cpu, record.extras)
        let made = core.areas.take(&copies.areas, record)
        core.closeFresh(cpu, made)
        guard record.flags.contains(.wipeOnFork) || core.forkAnonVMA(cpu, from: area, to: made) else {
            core.areas.free(cpu, made)
            core.releaseExtras(cpu, record.extras)
            throw .ENOMEM
        }
        copies.tree.append(made)
        if !record.file.isNone {
            core.hold(cpu, record.file)
            core.linkToFile(cpu, made)
        }
        child.attachArea(cpu, made)
        child.account(record.flags, pages: Int64(record.pages))
        return made
    }

    /// Copies the entries of an area; `copy` is the child's.
    private func copyEntries(
        _ cpu: CPU, _ handle: Handle<Area>, into child: AddressSpace, _ copy: Handle<Area>
    ) throws(Errno) {
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
                address = copyTable(cpu, area, from.table, into: child, copy, to.table, address, next, &spare)
                if address < next {
                    spare = memory.allocate(cpu, .maySleep)
                    guard !spare.isNone else { throw .ENOMEM }
                    memory.initialize(
                        cpu, spare, .anonymous, flags: 0, references: 1, mappings: 0, mapping: 0, index: 0)
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
        _ cpu: CPU, _ area: Area, _ source: FrameNumber, into child: AddressSpace, _ copy: Handle<Area>,
        _ target: FrameNumber, _ start: UInt64, _ end: UInt64, _ spare: inout FrameNumber
    ) -> UInt64 {
        let format = tables.format
        child.tables.pteLock(target).lock(cpu)
        let nested = !tables.pteLock(source).isSame(as: child.tables.pteLock(target))
        defer {
            if nested { tables.pteLock(source).unlock(cpu) }
            child.tables.pteLock(target).unlock(cpu)
        }
        if nested { tables.pteLock(source).lock(cpu) }
        var small = SmallCopies()
        defer { count(cpu, small, into: child, target) }
        let mayBePinned = hasPinned(cpu)
        var index = format.index(start, level: 0)
        let last = index + Int((end - start) >> Page.shift)
        while index < last {
            let entry = tables.load(cpu, source, index)
            if entry.isNone {
                index += 1
                continue
            }
            guard format.isPresent(entry) else {
                if format.kind(entry) == .guardMarker { child.tables.install(cpu, target, index, entry) }
                if format.isFrozen(entry) { copyFrozen(cpu, source, index, entry, into: child, target) }
                if format.isSwapped(entry) { copySwapped(cpu, source, index, entry, into: child, target) }
                index += 1
                continue
            }
            let frame = format.frame(entry)
            if mayBePinned, isPinned(cpu, frame) {
                if spare.isNone { return end - UInt64(last - index) << Page.shift }
                copyPinned(cpu, area, frame, into: child, copy, target, index, spare)
                spare = .none
                index += 1
            } else if memory.has(cpu, frame, FrameFlags.large) {
                // Of a folio with pins, each page is looked at.
                let isMixed = mayBePinned && memory.mayBePinned(cpu, memory.head(cpu, frame))
                let limit = isMixed ? 1 : last - index
                index += copyRun(cpu, area, source, index, entry, limit: limit, into: child, target)
            } else {
                copyPresent(cpu, area, source, index, entry, into: child, target, &small)
                index += 1
            }
        }
        return end
    }

    /// Copies the entry of a page that somebody has frozen: it thaws on both sides, shared. Whoever froze it passes this
    /// side before the child's.
    private func copyFrozen(
        _ cpu: CPU, _ source: FrameNumber, _ index: Int, _ seen: Entry, into child: AddressSpace, _ target: FrameNumber
    ) {
        let format = tables.format
        let entry = format.sharedInFrozen(seen)
        tables.update(cpu, source, index, entry)
        child.tables.install(cpu, target, index, entry)
        child.tables.counters.add(cpu, SpaceCounter.anonymous, 1)
    }

    /// Copies the entry of a page in swap: it comes back shared.
    private func copySwapped(
        _ cpu: CPU, _ source: FrameNumber, _ index: Int, _ seen: Entry, into child: AddressSpace, _ target: FrameNumber
    ) {
        let entry = tables.format.sharedInSwap(seen)
        tables.update(cpu, source, index, entry)
        child.tables.install(cpu, target, index, entry)
        child.tables.counters.add(cpu, SpaceCounter.swap, 1)
    }

    /// Copies an entry that maps a small folio.
    @inline(__always)
    private func copyPresent(
        _ cpu: CPU, _ area: Area, _ source: FrameNumber, _ index: Int, _ seen: Entry, into child: AddressSpace,
        _ target: FrameNumber, _ small: inout SmallCopies
    ) {
        let format = tables.format
        let frame = format.frame(seen)
        var entry = seen
        if frame != core.zeroFrame {
            memory.refcount(frame).add(cpu, 1, .refcount)
            memory.mapcount(frame).add(cpu, 1, .mapcount)
            let flags = memory.flags(frame).loadRelaxed(cpu, .frameFlags)
            if flags & FrameFlags.kind == FrameKind.anonymous.rawValue {
                memory.flags(frame).clear(cpu, bits: FrameFlags.anonExclusive, .frameFlags)
                small.anonymous += 1
            } else if flags & FrameFlags.swapBacked != 0 {
                small.shared += 1
            } else {
                small.file += 1
            }
        }
        if area.flags.isCopyOnWrite, format.isWritable(entry) {
            entry = tables.writeProtectSmall(cpu, source, index)
            small.protected += 1
        }
        if area.flags.contains(.shared) { entry = format.cleaned(entry) }
        child.tables.installSmall(cpu, target, index, format.old(entry))
        small.installed += 1
    }

    private func count(_ cpu: CPU, _ small: SmallCopies, into child: AddressSpace, _ target: FrameNumber) {
        child.tables.installed(cpu, target, small.installed)
        cpu.count(.pteWrites, UInt64(small.protected))
        let counters = child.tables.counters
        if small.anonymous > 0 { counters.add(cpu, SpaceCounter.anonymous, small.anonymous) }
        if small.file > 0 { counters.add(cpu, SpaceCounter.file, small.file) }
        if small.shared > 0 { counters.add(cpu, SpaceCounter.shared, small.shared) }
    }

    /// Copies entries that map page after page of a large folio with the same rights, and says how many: references and
    /// mappings are counted once, and contiguous blocks of this side are write-protected whole (copy_present_ptes).
    @inline(never)
    private func copyRun(
        _ cpu: CPU, _ area: Area, _ source: FrameNumber, _ index: Int, _ seen: Entry, limit: Int,
        into child: AddressSpace, _ target: FrameNumber
    ) -> Int {
        let format = tables.format
        let count = tables.run(cpu, source, index, seen, limit: limit, .rights)
        let frame = format.frame(seen)
        let head = memory.head(cpu, frame)
        memory.refcount(head).add(cpu, UInt32(count), .refcount)
        memory.mapPages(cpu, head, first: memory.pageNumber(frame, of: head), count: count, owner: child.number)
        if memory.kind(cpu, head) == .anonymous {
            for place in 0..<count {
                memory.flags(memory.page(frame, place)).clear(cpu, bits: FrameFlags.anonExclusive, .frameFlags)
            }
            child.tables.counters.add(cpu, SpaceCounter.anonymous, Int64(count))
        } else {
            let shared = memory.folioFlags(cpu, head) & FrameFlags.swapBacked != 0
            child.tables.counters.add(cpu, shared ? SpaceCounter.shared : SpaceCounter.file, Int64(count))
        }
        var entry = seen
        if area.flags.isCopyOnWrite, format.isWritable(entry) {
            entry = tables.writeProtectRun(cpu, source, index, count: count)
        }
        if area.flags.contains(.shared) { entry = format.cleaned(entry) }
        child.tables.installRun(cpu, target, index, count: count, format.old(entry))
        return count
    }
}

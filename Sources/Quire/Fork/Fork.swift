// fork: records and tree nodes for the child's areas are had in bulk, where the caller may still sleep; then the child gets
// a copy of every area and of every entry that a fault could not bring back. Writable private pages lose the right to
// write in both, and their exclusivity: the next write copies. Areas without an anon_vma are not walked at all.
// Linux: dup_mmap, copy_page_range, vma_needs_copy, copy_present_page.

/// What a fork has in hand for the child's areas.
private struct CopiesOfAreas: BitwiseCopyable {
    var areas: PoolReserve<Area>
    var tree: AreaTreeBuilder
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
            tables.flushRange(cpu, 0, tables.format.userEnd)
            throw error
        }
        if copied { tables.flushRange(cpu, 0, tables.format.userEnd) }
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
        let source = core.areas[area]
        let charge = chargeOfCopy(cpu, source)
        if charge > 0 { try commit(cpu, pages: charge) }
        do throws(Errno) {
            try insertCopy(cpu, area, into: child, &copies)
        } catch {
            core.uncommit(cpu, pages: charge)
            throw error
        }
        // Only anonymous pages and guards must be copied: everything else a fault brings back.
        guard !source.flags.contains(.wipeOnFork), !source.anonVMA.isNone || source.flags.contains(.maybeGuard) else {
            return false
        }
        do throws(Errno) {
            try copyEntries(cpu, source, into: child)
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
    ) throws(Errno) {
        var record = core.areas[area]
        record.flags.subtract([.locked, .lockOnFault])
        record.flags.subtract(.userfault)
        record.anonVMA = .none
        record.chain = 0
        record.space = child.number
        record.extras = try core.extrasOfCopy(cpu, record.extras)
        let made = core.areas.take(&copies.areas, record)
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
        child.account(record.flags, pages: Int64(record.pages))
    }

    private func copyEntries(_ cpu: CPU, _ area: Area, into child: AddressSpace) throws(Errno) {
        let span: UInt64 = 1 << tables.format.shift(ofLevel: 1)
        var address = area.start
        while address < area.end {
            let next = Swift.min((address & ~(span - 1)) &+ span, area.end)
            memory.rcu.enter(cpu)
            defer { memory.rcu.exit(cpu) }
            let from = tables.position(cpu, address)
            if !from.table.isNone {
                // The child's table is made even if nothing is copied into it, as Linux does.
                guard let to = child.tables.allocatingPosition(cpu, address) else { throw .ENOMEM }
                copyTable(cpu, area, from.table, into: child, to.table, address, next)
                address = next
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

    private func copyTable(
        _ cpu: CPU, _ area: Area, _ source: FrameNumber, into child: AddressSpace, _ target: FrameNumber,
        _ start: UInt64, _ end: UInt64
    ) {
        let format = tables.format
        child.tables.pteLock(target).lock(cpu)
        let nested = !tables.pteLock(source).isSame(as: child.tables.pteLock(target))
        if nested { tables.pteLock(source).lock(cpu) }
        var index = format.index(start, level: 0)
        for _ in 0..<((end - start) >> Page.shift) {
            defer { index += 1 }
            let entry = tables.load(cpu, source, index)
            if entry.isNone { continue }
            if format.isPresent(entry) {
                copyPresent(cpu, area, source, index, entry, into: child, target)
            } else if format.kind(entry) == .guardMarker {
                child.tables.install(cpu, target, index, entry)
            }
        }
        if nested { tables.pteLock(source).unlock(cpu) }
        child.tables.pteLock(target).unlock(cpu)
    }

    private func copyPresent(
        _ cpu: CPU, _ area: Area, _ source: FrameNumber, _ index: Int, _ seen: Entry, into child: AddressSpace,
        _ target: FrameNumber
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

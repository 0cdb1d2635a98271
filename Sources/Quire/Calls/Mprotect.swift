// mprotect: area by area, attributes first and entries after. A hole stops it where it is. An area that was never
// faulted and loses the right to write gives its commit charge back. Linux: do_mprotect_pkey, mprotect_fixup,
// change_protection, can_change_private_pte_writable.

extension AddressSpace {
    /// The system call. The mmap lock is held for write.
    func protect(_ cpu: CPU, _ start: UInt64, _ length: UInt64, _ protection: Protection) throws(Errno) {
        let grows = protection.intersection([.growsDown, .growsUp])
        guard grows != [.growsDown, .growsUp], start & Page.offsetMask == 0 else { throw .EINVAL }
        if length == 0 { return }
        let end = start &+ Page.ceiling(length)
        guard end > start else { throw .ENOMEM }
        guard protection.subtracting([.growsDown, .growsUp]).rawValue & ~0xf == 0 else { throw .EINVAL }
        var area = areas.find(start)
        guard !area.isNone else { throw .ENOMEM }
        var at = start
        var gather = Gather(cpu, tables)
        defer { gather.flushTranslations() }
        if grows.contains(.growsDown) {
            guard core.areas[area].start < end else { throw .ENOMEM }
            guard core.areas[area].flags.contains(.growsDown) else { throw .EINVAL }
            at = core.areas[area].start
        } else {
            guard core.areas[area].start <= start else { throw .ENOMEM }
            guard !grows.contains(.growsUp) else { throw .EINVAL }
        }
        while true {
            let old = core.areas[area]
            let flags = old.flags.subtracting(.rights).union(protection.areaFlags)
            guard flags.rawValue & ~(flags.rawValue >> 4) & 7 == 0 else { throw .EACCES }
            let next = Swift.min(old.end, end)
            area = try protectArea(cpu, &gather, area, at, next, flags)
            at = next
            if at >= end { return }
            area = areas.find(at)
            // It begins below `at` where the area just changed has merged with the one behind it.
            guard !area.isNone, core.areas[area].start <= at else { throw .ENOMEM }
        }
    }

    /// Changes the rights of [start, end) of one area (mprotect_fixup).
    private func protectArea(
        _ cpu: CPU, _ gather: inout Gather, _ area: Handle<Area>, _ start: UInt64, _ end: UInt64, _ wanted: AreaFlags
    ) throws(Errno) -> Handle<Area> {
        let old = core.areas[area]
        var flags = wanted
        if flags == old.flags { return area }
        let pages = (end - start) >> Page.shift
        var charged: UInt64 = 0
        var returned: UInt64 = 0
        if flags.contains(.write) {
            if !mayExpand(flags, pages: pages), mayExpand(old.flags, pages: pages) { throw .ENOMEM }
            if old.flags.isDisjoint(with: [.account, .write, .hugetlb, .shared, .noReserve]) {
                charged = pages - pagesCharged(cpu, old.flags, start, end)
                if charged > 0 { try commit(cpu, pages: charged) }
                flags.remove(.chargedByPage)
                flags.insert(.account)
            }
        } else if old.flags.contains(.account) {
            if mayUnaccount(old) {
                flags.remove(.account)
                if !old.anonVMA.isNone { flags.insert(.chargedByPage) }
                returned = pages - pagesCharged(cpu, flags, start, end)
            }
        }
        let changed: Handle<Area>
        do throws(Errno) {
            changed = try modifyFlags(cpu, area, start, end, to: flags)
        } catch {
            core.uncommit(cpu, pages: charged)
            throw error
        }
        changeEntries(cpu, &gather, changed, start, end)
        if returned > 0 {
            core.uncommit(cpu, pages: returned)
            cpu.count(.pagesUnaccounted, returned)
        }
        if old.flags.intersection([.write, .shared, .locked]) == .locked, flags.contains(.write) {
            _ = populateArea(cpu, changed, start, end)
        }
        account(old.flags, pages: -Int64(pages))
        account(flags, pages: Int64(pages))
        return changed
    }

    /// Whether an accounted area that loses the right to write may give its charge up: all of it where it never wrote, and
    /// with `unaccount=exact` what it never wrote. docs/accounting.md says why the two differ.
    private func mayUnaccount(_ area: Area) -> Bool {
        area.isAnonymous && area.anonVMA.isNone || core.settings.unaccountsExactly
    }

    /// The pages of [start, end) that are charged where an area with these flags cannot be written: its anonymous ones,
    /// or none.
    private func pagesCharged(_ cpu: CPU, _ flags: AreaFlags, _ start: UInt64, _ end: UInt64) -> UInt64 {
        flags.contains(.chargedByPage) ? countAnonymous(cpu, start, end) : 0
    }

    /// Anonymous pages mapped in a range of one area. O(pages) where there are tables.
    func countAnonymous(_ cpu: CPU, _ start: UInt64, _ end: UInt64) -> UInt64 {
        var total: UInt64 = 0
        var address = start
        while let present = tables.nextPMD(cpu, address, end) {
            address = Swift.min((present & ~(tables.hugeSize - 1)) &+ tables.hugeSize, end)
            guard let leaf = tables.leaf(cpu, present), !isHugeZero(cpu, leaf.entry) else { continue }
            total += (address - present) >> Page.shift
        }
        eachTable(cpu, start, end) { table, from, to in
            var left = tables.populated(table)
            let first = tables.format.index(from, level: 0)
            for index in first..<(first + Int((to - from) >> Page.shift)) where left > 0 {
                let entry = tables.load(cpu, table, index)
                if entry.isNone { continue }
                left -= 1
                guard tables.format.isPresent(entry) else { continue }
                let frame = tables.format.frame(entry)
                if frame != core.zeroFrame, memory.kind(cpu, frame) == .anonymous { total += 1 }
            }
        }
        return total
    }

    /// Gives the entries of [start, end) the rights of the area (change_protection).
    private func changeEntries(
        _ cpu: CPU, _ gather: inout Gather, _ area: Handle<Area>, _ start: UInt64, _ end: UInt64
    ) {
        let record = core.areas[area]
        protectLeaves(cpu, &gather, area, start, end)
        eachTable(cpu, start, end) { table, from, to in changeTable(cpu, &gather, table, record, from, to) }
    }

    private func changeTable(
        _ cpu: CPU, _ gather: inout Gather, _ table: FrameNumber, _ area: Area, _ start: UInt64, _ end: UInt64
    ) {
        let format = tables.format
        let first = format.index(start, level: 0)
        let stop = first + Int((end - start) >> Page.shift)
        var index = first
        while index < stop {
            let seen = tables.load(cpu, table, index)
            guard format.isPresent(seen) else {
                if format.isFrozen(seen) { tables.update(cpu, table, index, format.frozenForReading(seen)) }
                index += 1
                continue
            }
            // Pages of one folio that may all be written, or all not, are taken out as one: what was used or written of one
            // of them is so of all from now on (modify_prot_start_ptes).
            let isLarge = memory.isPartOfLarge(cpu, format.frame(seen))
            let count = isLarge ? tables.run(cpu, table, index, seen, limit: stop - index, .write) : 1
            let mayFold = tables.coversPlainBlock(cpu, table, index, count)
            let old = tables.takeOutRun(cpu, table, index, count: count)
            let from = start + UInt64(index - first) << Page.shift
            if mayFold {
                // What is written back may be a block from now on: its pages' own translations go before (break before make).
                tables.flushRange(cpu, from, from + UInt64(count) << Page.shift)
            }
            putBack(cpu, &gather, table, area, index, count, old, at: from)
            index += count
        }
    }

    /// Writes entries back with the area's rights: as one as far as their pages agree in whether they may become writable.
    /// The first of them translates `address`.
    private func putBack(
        _ cpu: CPU, _ gather: inout Gather, _ table: FrameNumber, _ area: Area, _ index: Int, _ count: Int,
        _ taken: Entry, at address: UInt64
    ) {
        let format = tables.format
        let readable = !area.flags.isDisjoint(with: .rights)
        var done = 0
        while done < count {
            let old = format.entry(taken, pagesOn: done)
            let writable = area.flags.contains(.write) && mayWriteAtOnce(cpu, area, format.frame(old))
            var part = count - done
            if part > 1, area.flags.contains(.write) {
                part = alike(cpu, area, format.frame(old), part, writable: writable)
            }
            var new = format.withRights(old, read: readable, execute: area.flags.contains(.execute))
            if writable { new = format.writable(new) }
            tables.updateRun(cpu, table, index + done, count: part, new)
            // What no walk could use is in no TLB.
            if new != old, format.isValidForHardware(old) {
                gather.cleared(
                    address + UInt64(done) << Page.shift, address + UInt64(done + part) << Page.shift)
            }
            done += part
        }
    }

    /// How many of `count` pages that follow each other, from the first on, agree in whether they may become writable.
    private func alike(_ cpu: CPU, _ area: Area, _ frame: FrameNumber, _ count: Int, writable: Bool) -> Int {
        var pages = 1
        while pages < count, mayWriteAtOnce(cpu, area, memory.page(frame, pages)) == writable { pages += 1 }
        return pages
    }

    /// Whether a page may become writable without a fault: it belongs to this mapping alone, or writes to it need no
    /// notice.
    private func mayWriteAtOnce(_ cpu: CPU, _ area: Area, _ frame: FrameNumber) -> Bool {
        if area.flags.contains(.shared) { return area.kind == .shared }
        return frame != core.zeroFrame && memory.kind(cpu, frame) == .anonymous
            && memory.has(cpu, frame, FrameFlags.anonExclusive)
    }
}

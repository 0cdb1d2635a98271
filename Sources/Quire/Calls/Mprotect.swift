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
        var charged = false
        if flags.contains(.write) {
            if !mayExpand(flags, pages: pages), mayExpand(old.flags, pages: pages) { throw .ENOMEM }
            if old.flags.isDisjoint(with: [.account, .write, .hugetlb, .shared, .noReserve]) {
                try core.commit(cpu, pages: pages)
                charged = true
                flags.insert(.account)
            }
        } else if old.flags.contains(.account), old.isAnonymous, old.anonVMA.isNone {
            flags.remove(.account)
        }
        var attributes = AreaAttributes(old)
        attributes.flags = flags
        let changed: Handle<Area>
        do throws(Errno) {
            changed = try changeAttributes(cpu, area, start, end, to: attributes)
        } catch {
            if charged { core.uncommit(cpu, pages: pages) }
            throw error
        }
        changeEntries(cpu, &gather, changed, start, end)
        if old.flags.contains(.account), !flags.contains(.account) { core.uncommit(cpu, pages: pages) }
        if old.flags.intersection([.write, .shared, .locked]) == .locked, flags.contains(.write) {
            _ = populateArea(cpu, changed, start, end)
        }
        account(old.flags, pages: -Int64(pages))
        account(flags, pages: Int64(pages))
        return changed
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
        let readable = !area.flags.isDisjoint(with: .rights)
        let first = format.index(start, level: 0)
        var index = first
        for _ in 0..<((end - start) >> Page.shift) {
            defer { index += 1 }
            let seen = tables.load(cpu, table, index)
            if seen.isNone || !format.isPresent(seen) { continue }
            let old = tables.takeOut(cpu, table, index)
            var new = format.withRights(old, read: readable, execute: area.flags.contains(.execute))
            if area.flags.contains(.write), mayWriteAtOnce(cpu, area, format.frame(old)) { new = format.writable(new) }
            tables.update(cpu, table, index, new)
            // What no walk could use is in no TLB.
            if new != old, format.isValidForHardware(old) {
                gather.cleared(start + UInt64(index - first) << Page.shift)
            }
        }
    }

    /// Whether a page may become writable without a fault: it belongs to this mapping alone, or writes to it need no
    /// notice.
    private func mayWriteAtOnce(_ cpu: CPU, _ area: Area, _ frame: FrameNumber) -> Bool {
        if area.flags.contains(.shared) { return area.kind == .shared }
        return frame != core.zeroFrame && memory.kind(cpu, frame) == .anonymous
            && memory.has(cpu, frame, FrameFlags.anonExclusive)
    }
}

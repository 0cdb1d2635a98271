// Unmapping and discarding: the two callers of the zap. `unmapRange` ends areas and frees the tables they leave;
// `discard` is MADV_DONTNEED. Linux: unmap_region, zap_page_range_single, vms_complete_munmap_vmas.

extension AddressSpace {
    /// Zaps one range of an area without unmapping it (zap_page_range_single).
    func discard(
        _ cpu: CPU, _ area: Handle<Area>, _ start: UInt64, _ end: UInt64, _ details: ZapDetails?
    ) {
        var gather = Gather(cpu, tables)
        discard(cpu, &gather, area, start, end, details)
        gather.finish()
    }

    /// The same as one of several steps of a gathering.
    func discard(
        _ cpu: CPU, _ gather: inout Gather, _ area: Handle<Area>, _ start: UInt64, _ end: UInt64,
        _ details: ZapDetails?
    ) {
        noteResidentPeak()
        zapArea(cpu, &gather, area, start, end, details)
        if core.settings.reclaim == .rfc, details?.reclaimTables == true {
            reclaimByScan(cpu, &gather, core.area(area), start, end)
        }
    }

    /// Unmaps [start, end), which begins and ends at borders of areas, `first` being the lowest of them: pages, tables,
    /// accounts, areas.
    func unmapRange(_ cpu: CPU, from first: AreaCursor, _ start: UInt64, _ end: UInt64) {
        noteResidentPeak()
        var gather = Gather(cpu, tables)
        var cursor = first
        while !cursor.isNone, areas.start(at: cursor) < end {
            let area = areas.area(at: cursor)
            startWrite(cpu, area)
            let record = core.areas[area]
            zapArea(cpu, &gather, area, record.start, record.end, nil)
            uncount(cpu, record)
            cursor = areas.next(cursor)
        }
        freeTables(cpu, &gather, start, end, between: areas.below(first), and: cursor)
        gather.finish()
        cursor = first
        while !cursor.isNone, areas.start(at: cursor) < end {
            let area = areas.area(at: cursor)
            cursor = areas.remove(cpu, at: cursor)
            freeRecord(cpu, area)
        }
    }

    /// Frees the tables under [start, end) that the areas directly below and above do not need.
    private func freeTables(
        _ cpu: CPU, _ gather: inout Gather, _ start: UInt64, _ end: UInt64, between below: AreaCursor,
        and above: AreaCursor
    ) {
        let floor = below.isNone ? 0 : areas.end(at: below)
        let ceiling = above.isNone ? 0 : areas.start(at: above)
        tables.freeRange(cpu, &gather, start, end, floor: floor, ceiling: ceiling)
    }

    /// Frees tables that were made for a range in which nothing was mapped after all.
    func freeUnusedTables(_ cpu: CPU, _ start: UInt64, _ end: UInt64) {
        var gather = Gather(cpu, tables)
        let above = areas.cursor(atOrAbove: start)
        freeTables(cpu, &gather, start, end, between: areas.below(above), and: above)
        gather.finish()
    }

    /// Takes an area out of the accounts.
    private func uncount(_ cpu: CPU, _ area: Area) {
        if area.flags.contains(.account) { core.uncommit(cpu, pages: area.pages) }
        if area.flags.contains(.locked) { numbers.lockedPages &-= area.pages }
        account(area.flags, pages: -Int64(area.pages))
    }

    /// Unmaps everything: the end of the address space (exit_mmap). The areas' accounts die with it, the commit
    /// charge does not.
    func unmapAll(_ cpu: CPU) {
        unmapRange(cpu, from: areas.first, 0, (tables.format.userEnd &+ Page.offsetMask) & ~Page.offsetMask)
        memory.freeAllDeferred(cpu)
        memory.freeExpired(cpu)
    }
}

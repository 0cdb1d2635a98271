// Faults of 2 MiB: the first touch of an aligned range that lies in one area, and a write to a leaf that may not be
// written. What cannot be had falls back to smaller sizes. Linux: do_huge_pmd_anonymous_page, do_huge_pmd_wp_page,
// do_huge_zero_wp_pmd.

extension AddressSpace {
    /// Serves a fault whose PMD entry is none with one of 2 MiB; nil: a smaller size must do.
    func hugeFault(_ cpu: CPU, _ context: FaultContext) -> FaultOutcome? {
        let area = core.area(context.area)
        // A driver that is asked falls back to small pages here.
        guard area.isAnonymous, allowedOrders(area, .fault).contains(.huge) else { return nil }
        guard let pmdTable = tables.allocatingTable(cpu, context.page, level: 1) else { return .outOfMemory }
        guard tables.load(cpu, pmdTable, tables.format.index(context.page, level: 1)).isNone else { return nil }
        guard fits(area, context.page, order: FolioOrder.huge) else { return nil }
        if let outcome = prepareAnonVMA(cpu, context) { return outcome }
        enrol(cpu, context.area, flags: area.flags)
        if context.access != .write, core.settings.useHugeZeroPage { return mapHugeZero(cpu, context, pmdTable) }
        return mapHuge(cpu, context, pmdTable)
    }

    private func mapHugeZero(_ cpu: CPU, _ context: FaultContext, _ pmdTable: FrameNumber) -> FaultOutcome? {
        let table = tables.allocateTable(cpu, level: 0)
        guard !table.isNone else { return .outOfMemory }
        guard holdHugeZero(cpu) else {
            tables.discard(cpu, table)
            cpu.count(.hugeFallbacks)
            return nil
        }
        let entry = hugeEntry(core.hugeZeroFrame(cpu), core.areas[context.area].flags, write: false, dirty: false)
        if installIfNone(cpu, context, pmdTable, entry, table) { cpu.count(.hugeZeroFaults) }
        return .done(major: false)
    }

    private func mapHuge(_ cpu: CPU, _ context: FaultContext, _ pmdTable: FrameNumber) -> FaultOutcome? {
        let head = newHugeFolio(cpu, context, zeroed: true)
        guard !head.isNone else { return nil }
        let table = tables.allocateTable(cpu, level: 0)
        guard !table.isNone else {
            memory.put(cpu, folio: head, count: 1)
            return .outOfMemory
        }
        let flags = core.areas[context.area].flags
        let entry = hugeEntry(head, flags, write: flags.contains(.write), dirty: true)
        memory.mapWhole(cpu, head, owner: number)
        // All that concerns the folio comes before others can find it, and free it.
        if flags.contains(.locked) { memory.countLocked(cpu, head, more: true) }
        core.watchUse(cpu, head)
        if installIfNone(cpu, context, pmdTable, entry, table) {
            tables.counters.add(cpu, SpaceCounter.anonymous, Int64(hugePages))
            countHugeFault(cpu)
        } else {
            memory.unmapWhole(cpu, head, owner: number)
            memory.put(cpu, folio: head, count: 1)
        }
        return .done(major: false)
    }

    /// Puts the leaf in if nobody was faster; else the table is freed.
    private func installIfNone(
        _ cpu: CPU, _ context: FaultContext, _ pmdTable: FrameNumber, _ entry: Entry, _ table: FrameNumber
    ) -> Bool {
        let lock = tables.pmdLock(pmdTable)
        lock.lock(cpu)
        let isFirst = tables.load(cpu, pmdTable, tables.format.index(context.page, level: 1)).isNone
        if isFirst {
            tables.counted(cpu, level: 0)
            installLeaf(cpu, pmdTable, context.page, entry, deposit: table)
        }
        lock.unlock(cpu)
        if !isFirst { tables.discard(cpu, table) }
        return isFirst
    }

    /// A folio of 2 MiB for the aligned range around an address; one reference, exclusive, no mapping yet. None, counted,
    /// where there is no block of that size.
    private func newHugeFolio(_ cpu: CPU, _ context: FaultContext, zeroed: Bool) -> FrameNumber {
        newAnonymousFolio(cpu, context, order: FolioOrder.huge, zeroed: zeroed)
    }

    // MARK: Present leaves

    /// Serves a fault on a leaf. Nil: the mapping was taken apart, and the page's own entry decides.
    func leafFault(_ cpu: CPU, _ context: FaultContext, _ position: LeafPosition) -> FaultOutcome? {
        let isUnsharing = context.access == .unshare
        guard isUnsharing || context.access == .write && !tables.format.isWritable(position.entry) else {
            return touchLeaf(cpu, context, position)
        }
        if let outcome = prepareAnonVMA(cpu, context) { return outcome }
        if isHugeZero(cpu, position.entry) {
            if !isUnsharing, let outcome = replaceHugeZero(cpu, context, position) { return outcome }
        } else if let outcome = reuseLeaf(cpu, context, position) {
            return outcome
        }
        splitLeaf(cpu, context.area, at: context.page)
        return nil
    }

    private func touchLeaf(_ cpu: CPU, _ context: FaultContext, _ position: LeafPosition) -> FaultOutcome {
        guard tables.lockLeaf(cpu, position) != nil else { return .retry }
        tables.changeLeaf(cpu, position) { entry in
            let used = tables.format.used(entry)
            return context.access == .write ? tables.format.dirtied(used) : used
        }
        tables.pmdLock(position.pmdTable).unlock(cpu)
        return .done(major: false)
    }

    /// Makes the leaf writable if nobody else has the folio.
    private func reuseLeaf(_ cpu: CPU, _ context: FaultContext, _ position: LeafPosition) -> FaultOutcome? {
        guard let entry = tables.lockLeaf(cpu, position) else { return .retry }
        defer { tables.pmdLock(position.pmdTable).unlock(cpu) }
        let head = tables.format.frame(entry)
        if !memory.has(cpu, head, FrameFlags.anonExclusive) {
            guard memory.refcount(head).load(cpu, .refcount) == 1 else { return nil }
            memory.setMapping(head, core.areas[context.area].anonVMA.index)
            memory.flags(head).set(cpu, bits: FrameFlags.anonExclusive, .frameFlags)
        }
        if context.access == .unshare { return .done(major: false) }
        let format = tables.format
        let mayWrite = core.areas[context.area].flags.contains(.write)
        tables.update(
            cpu, position.pmdTable, position.index,
            format.used(mayWrite ? format.dirtied(format.writable(entry)) : entry))
        cpu.count(.pagesReused, UInt64(hugePages))
        return .done(major: false)
    }

    /// A write to the huge zero page: a folio of 2 MiB in its place, if there is one.
    private func replaceHugeZero(_ cpu: CPU, _ context: FaultContext, _ position: LeafPosition) -> FaultOutcome? {
        let head = newHugeFolio(cpu, context, zeroed: true)
        guard !head.isNone else { return nil }
        guard tables.lockLeaf(cpu, position) != nil else {
            memory.put(cpu, folio: head, count: 1)
            return .retry
        }
        let flags = core.areas[context.area].flags
        let start = context.page & ~(tables.hugeSize - 1)
        _ = tables.invalidateLeaf(cpu, position)
        tables.flushLeaf(cpu, start)
        memory.mapWhole(cpu, head, owner: number)
        tables.update(
            cpu, position.pmdTable, position.index, hugeEntry(head, flags, write: flags.contains(.write), dirty: true))
        tables.counters.add(cpu, SpaceCounter.anonymous, Int64(hugePages))
        if flags.contains(.locked) { memory.countLocked(cpu, head, more: true) }
        core.watchUse(cpu, head)
        tables.pmdLock(position.pmdTable).unlock(cpu)
        countHugeFault(cpu)
        return .done(major: false)
    }

    private func countHugeFault(_ cpu: CPU) {
        cpu.count(.hugeFaults)
        cpu.count(.faultAlloc, order: FolioOrder.huge)
    }
}

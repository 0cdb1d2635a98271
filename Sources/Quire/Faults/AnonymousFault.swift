// The first touch of anonymous memory: a read maps the shared zero page, a write takes a zeroed folio that belongs to
// this mapping alone: the largest that the knobs allow, the area has room for and beside which nothing is mapped yet.
// 2 MiB by a PMD entry is HugeFault.swift's. Linux: do_anonymous_page, alloc_anon_folio, vmf_anon_prepare,
// folio_add_new_anon_rmap.

extension AddressSpace {
    /// Serves a fault on an entry that is none in an anonymous area.
    func anonymousFault(_ cpu: CPU, _ context: FaultContext, _ position: TablePosition) -> FaultOutcome {
        cpu.isExplored
            ? anonymousFaultExplored(cpu, context, position) : anonymousFaultInMode(cpu.unexplored, context, position)
    }

    @inline(never)
    private func anonymousFaultExplored(_ cpu: CPU, _ context: FaultContext, _ position: TablePosition) -> FaultOutcome
    {
        anonymousFaultInMode(cpu, context, position)
    }

    @_transparent
    private func anonymousFaultInMode(_ cpu: CPU, _ context: FaultContext, _ position: TablePosition) -> FaultOutcome {
        let flags = core.areas[context.area].flags
        guard context.access == .write else { return mapZeroPage(cpu, context, position, flags) }
        if let outcome = prepareAnonVMA(cpu, context) { return outcome }
        if let outcome = largeFault(cpu, context, position) { return outcome }
        let frame = newAnonymousFrame(cpu, context, zeroed: true)
        guard !frame.isNone else { return .outOfMemory }
        let lock = tables.pteLock(position.table)
        guard tables.lockIfAttached(cpu, position, context.page) else {
            memory.put(cpu, frame)
            return .retry
        }
        let index = tables.format.index(context.page, level: 0)
        guard cpu.lacks(.noneAfterLock) || tables.load(cpu, position.table, index).isNone else {
            lock.unlock(cpu)
            memory.put(cpu, frame)
            return .done(major: false)
        }
        tables.counters.add(cpu, SpaceCounter.anonymous, 1)
        enter(cpu, position, context.page, frame, flags, write: flags.contains(.write), dirty: true)
        lock.unlock(cpu)
        return .done(major: false)
    }

    /// Serves the fault with a folio of more than one page; nil: one page must do.
    @inline(__always)
    private func largeFault(_ cpu: CPU, _ context: FaultContext, _ position: TablePosition) -> FaultOutcome? {
        let orders = allowedOrders(context.area, .fault).subtracting(.huge)
        return orders.isEmpty ? nil : faultLarge(cpu, context, position, orders)
    }

    @inline(never)
    private func faultLarge(
        _ cpu: CPU, _ context: FaultContext, _ position: TablePosition, _ allowed: Orders
    ) -> FaultOutcome? {
        var orders = allowed
        let area = core.area(context.area)
        // The first whose entries are all none; smaller ones then are too.
        while let order = orders.largest {
            if fits(area, context.page, order: order), isNone(cpu, context, position, order) { break }
            orders.remove(Orders(order: order))
        }
        while let order = orders.largest {
            orders.remove(Orders(order: order))
            guard fits(area, context.page, order: order) else { continue }
            let head = newAnonymousFolio(cpu, context, order: order, zeroed: true)
            if !head.isNone { return mapLarge(cpu, context, position, head, order) }
        }
        return nil
    }

    private func isNone(_ cpu: CPU, _ context: FaultContext, _ position: TablePosition, _ order: Int) -> Bool {
        let first = tables.format.index(context.page, level: 0) & ~(1 << order - 1)
        for place in first..<(first + 1 << order) where !tables.load(cpu, position.table, place).isNone { return false }
        return true
    }

    private func mapLarge(
        _ cpu: CPU, _ context: FaultContext, _ position: TablePosition, _ head: FrameNumber, _ order: Int
    ) -> FaultOutcome {
        guard tables.lockIfAttached(cpu, position, context.page) else {
            memory.put(cpu, folio: head, count: 1)
            return .retry
        }
        guard cpu.lacks(.allNoneAfterLock) || isNone(cpu, context, position, order) else {
            tables.pteLock(position.table).unlock(cpu)
            memory.put(cpu, folio: head, count: 1)
            return .done(major: false)
        }
        let pages = 1 << order
        let flags = core.areas[context.area].flags
        let start = context.page & ~(Page.size << UInt64(order) &- 1)
        memory.refcount(head).add(cpu, UInt32(pages - 1), .refcount)
        memory.mapPages(cpu, head, first: 0, count: pages, owner: number)
        tables.counters.add(cpu, SpaceCounter.anonymous, Int64(pages))
        enterRun(cpu, position, start, head, pages, flags)
        tables.pteLock(position.table).unlock(cpu)
        cpu.count(.faultAlloc, order: order)
        return .done(major: false)
    }

    /// A folio for the aligned range around an address: one reference, no mapping yet, exclusive (of one that a leaf will
    /// map, the head speaks for all pages); nobody sees it yet. None, and counted, where there is no block of that size.
    func newAnonymousFolio(_ cpu: CPU, _ context: FaultContext, order: Int, zeroed: Bool) -> FrameNumber {
        let head = memory.allocateFolio(cpu, order: order, zeroed ? [.zeroed, .maySleep] : .maySleep)
        guard !head.isNone else {
            if order == FolioOrder.huge { cpu.count(.hugeFallbacks) }
            cpu.count(.faultFallback, order: order)
            return .none
        }
        cpu.count(.anonymous, order: order)
        let area = core.area(context.area)
        let start = context.page & ~(Page.size << UInt64(order) &- 1)
        memory.initializeFolio(
            cpu, head, order: order, .anonymous, flags: Self.swapBacked(area.flags) | FrameFlags.anonExclusive,
            pageFlags: order == FolioOrder.huge ? 0 : FrameFlags.anonExclusive, references: 1,
            mapping: area.anonVMA.index, index: area.pageOffset(of: start))
        return head
    }

    /// Pages that may be dropped have no swap behind them.
    @inline(__always) private static func swapBacked(_ flags: AreaFlags) -> UInt32 {
        flags.contains(.droppable) ? 0 : FrameFlags.swapBacked
    }

    private func mapZeroPage(
        _ cpu: CPU, _ context: FaultContext, _ position: TablePosition, _ flags: AreaFlags
    ) -> FaultOutcome {
        guard tables.lockIfAttached(cpu, position, context.page) else { return .retry }
        if tables.load(cpu, position.table, tables.format.index(context.page, level: 0)).isNone {
            enter(cpu, position, context.page, core.zeroFrame, flags, write: false, dirty: false)
        }
        tables.pteLock(position.table).unlock(cpu)
        return .done(major: false)
    }

    /// A frame for an anonymous page of the area: one reference, one mapping, exclusive; nobody sees it yet.
    @inline(__always)
    func newAnonymousFrame(_ cpu: CPU, _ context: FaultContext, zeroed: Bool) -> FrameNumber {
        let frame = memory.allocate(cpu, zeroed ? [.zeroed, .maySleep] : .maySleep)
        guard !frame.isNone else { return .none }
        let area = context.area
        let index = core.areas[area].pageOffset &+ ((context.page &- core.areas[area].start) >> Page.shift)
        let swapBacked = Self.swapBacked(core.areas[area].flags)
        memory.initialize(
            cpu, frame, .anonymous, flags: swapBacked | FrameFlags.anonExclusive, references: 1, mappings: 1,
            mapping: core.areas[area].anonVMA.index, index: index)
        return frame
    }
}

// The first touch of anonymous memory: a read maps the shared zero page, a write takes a zeroed frame that belongs
// to this mapping alone. Linux: do_anonymous_page, vmf_anon_prepare, folio_add_new_anon_rmap.

extension AddressSpace {
    /// Serves a fault on an entry that is none in an anonymous area.
    func anonymousFault(_ cpu: CPU, _ context: FaultContext, _ position: TablePosition) -> FaultOutcome {
        let flags = core.areas[context.area].flags
        guard context.access == .write else { return mapZeroPage(cpu, context, position, flags) }
        guard prepareAnonVMA(cpu, context.area) else { return .outOfMemory }
        let frame = newAnonymousFrame(cpu, context, zeroed: true)
        guard !frame.isNone else { return .outOfMemory }
        let lock = tables.pteLock(position.table)
        guard tables.lockIfAttached(cpu, position, context.page) else {
            memory.put(cpu, frame)
            return .retry
        }
        let index = tables.format.index(context.page, level: 0)
        guard tables.load(cpu, position.table, index).isNone else {
            lock.unlock(cpu)
            memory.put(cpu, frame)
            return .done(major: false)
        }
        tables.counters.add(cpu, SpaceCounter.anonymous, 1)
        enter(cpu, position, context.page, frame, flags, write: flags.contains(.write), dirty: true)
        lock.unlock(cpu)
        return .done(major: false)
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
        // Pages that may be dropped have no swap behind them.
        let swapBacked = core.areas[area].flags.contains(.droppable) ? 0 : FrameFlags.swapBacked
        memory.initialize(
            frame, .anonymous, flags: swapBacked | FrameFlags.anonExclusive, references: 1, mappings: 1,
            mapping: core.areas[area].anonVMA.index, index: index)
        return frame
    }
}

// A page fault from the top: lock the area, or take the mmap lock and find it, check the rights, make the tables, hand over
// to the kind of fault. One fault's way through the house is drawn in docs/architecture.md; neighbour: FaultLock.swift.
// Linux: do_user_addr_fault, handle_mm_fault, handle_pte_fault.

/// What is known about the fault while it is served.
struct FaultContext: BitwiseCopyable {
    let area: Handle<Area>
    /// The exact address, for the signal.
    let address: UInt64
    let access: Access
    /// What keeps the area as it is.
    var lock = FaultLock.mmap
    /// Whether that may be given up where the fault must sleep (FAULT_FLAG_ALLOW_RETRY).
    var mayDropLock = false
    /// False: it starts to read a page from its disk, but does not wait for it, nor for anything else (FAULT_FLAG_RETRY_NOWAIT).
    var mayWait = true
    /// The page's address.
    var page: UInt64 { Page.floor(address) }
}

extension AddressSpace {
    /// Serves a fault at an address.
    @inline(never)
    func fault(_ cpu: CPU, _ address: UInt64, _ access: Access) -> FaultOutcome {
        cpu.isExplored ? faultExplored(cpu, address, access) : faultInMode(cpu.unexplored, address, access)
    }

    @inline(never)
    private func faultExplored(_ cpu: CPU, _ address: UInt64, _ access: Access) -> FaultOutcome {
        faultInMode(cpu, address, access)
    }

    @_transparent
    private func faultInMode(_ cpu: CPU, _ address: UInt64, _ access: Access) -> FaultOutcome {
        cpu.count(.faults)
        cpu.note(.fault(address))
        guard address < tables.format.userEnd else {
            return tables.format.isCanonical(address)
                ? .signal(.mapError, address: address) : .signal(.notCanonical, address: 0)
        }
        var outcome = FaultOutcome.lockReleased
        if !cpu.isSequential { outcome = faultUnderAreaLock(cpu, address, access) }
        if case .lockReleased = outcome { outcome = faultUnderMmapLock(cpu, address, access) }
        countFault(cpu, outcome)
        return outcome
    }

    @_transparent
    private func faultUnderMmapLock(_ cpu: CPU, _ address: UInt64, _ access: Access) -> FaultOutcome {
        // The lock is given up once at most: a fault that has slept is served where it is.
        let outcome = faultUnderMmapLock(cpu, address, access, mayDropLock: true)
        guard case .lockReleased = outcome else { return outcome }
        return faultUnderMmapLock(cpu, address, access, mayDropLock: false)
    }

    @_transparent
    private func faultUnderMmapLock(
        _ cpu: CPU, _ address: UInt64, _ access: Access, mayDropLock: Bool
    ) -> FaultOutcome {
        mmapLock.readLock(cpu)
        var area = areas.find(address)
        if area.isNone || core.areas[area].start > address {
            mmapLock.readUnlock(cpu)
            guard let grown = growStack(cpu, to: address) else { return .signal(.mapError, address: address) }
            area = grown
        }
        var outcome = FaultOutcome.signal(.accessError, address: address)
        if permits(core.areas[area].flags, access) {
            outcome = serve(
                cpu, FaultContext(area: area, address: address, access: access, mayDropLock: mayDropLock))
            if case .lockReleased = outcome { return outcome }
        }
        mmapLock.readUnlock(cpu)
        return outcome
    }

    @inline(__always) func countFault(_ cpu: CPU, _ outcome: FaultOutcome) {
        if case .done(let major) = outcome {
            tables.counters.add(cpu, major ? SpaceCounter.majorFaults : SpaceCounter.minorFaults, 1)
        }
    }

    /// Whether an area's rights allow an access.
    func permits(_ flags: AreaFlags, _ access: Access) -> Bool {
        switch access {
        case .write: flags.contains(.write)
        case .execute: flags.contains(.execute)
        case .read, .unshare: !flags.isDisjoint(with: [.read, .write, .execute])
        }
    }

    /// Serves a fault in an area whose rights allow it; the lock that the context names is held, and still is afterwards
    /// unless the outcome says that it was released.
    @_transparent
    func serve(_ cpu: CPU, _ context: FaultContext) -> FaultOutcome {
        let outcome = serveOnce(cpu, context)
        guard outcome == .outOfMemory, core.shrinkSplitQueue(cpu) > 0 else { return outcome }
        return serveOnce(cpu, context)
    }

    private func serveOnce(_ cpu: CPU, _ context: FaultContext) -> FaultOutcome {
        cpu.isExplored ? serveExplored(cpu, context) : serveInMode(cpu.unexplored, context)
    }

    @inline(never)
    private func serveExplored(_ cpu: CPU, _ context: FaultContext) -> FaultOutcome { serveInMode(cpu, context) }

    @_transparent
    private func serveInMode(_ cpu: CPU, _ context: FaultContext) -> FaultOutcome {
        // Only the first write needs an anon_vma, and only private areas have anonymous pages.
        if !core.areas[context.area].isAnonymous, let outcome = faultBeyondEnd(cpu, context) { return outcome }
        // From the walk to the lock: a table that is reclaimed meanwhile must not be somebody else's frame by then.
        memory.rcu.enter(cpu)
        let outcome = serveByEntry(cpu, context)
        memory.rcu.exit(cpu)
        return outcome
    }

    /// Serves the fault by what the tables say of its page.
    @_transparent
    private func serveByEntry(_ cpu: CPU, _ context: FaultContext) -> FaultOutcome {
        var position = tables.position(cpu, context.page)
        if position.table.isNone {
            if let leaf = tables.leaf(at: position, context.page) {
                if let outcome = leafFault(cpu, context, leaf) { return outcome }
            } else if let outcome = hugeFault(cpu, context) {
                return outcome
            }
            guard let made = tables.allocatingPosition(cpu, context.page) else { return .outOfMemory }
            if made.table.isNone { return .retry }
            position = made
        }
        let entry = tables.load(cpu, position.table, tables.format.index(context.page, level: 0))
        if entry.isNone {
            return core.areas[context.area].isAnonymous
                ? anonymousFault(cpu, context, position) : fileFault(cpu, context, position)
        }
        if tables.format.isPresent(entry) { return protectionFault(cpu, context, position, entry) }
        switch tables.format.kind(entry) {
        case .guardMarker: return .signal(.mapError, address: context.address)
        case .poison: return .signal(.busHardwareError, address: context.address)
        case .migrationRead, .migrationWrite, .swap:
            // Whoever splits, moves or unmaps the folio is about to put it back (migration_entry_wait).
            if !context.mayWait { return .blocked }
            memory.word(position.table, tables.format.index(context.page, level: 0)).pause(cpu, .entry)
            return .retry
        default: return .retry
        }
    }

    /// Enters a page that is new in this table: the entry, the counts. The table's lock is held and the entry none.
    @inline(__always)
    func enter(
        _ cpu: CPU, _ position: TablePosition, _ page: UInt64, _ frame: FrameNumber, _ flags: AreaFlags,
        write: Bool, dirty: Bool
    ) {
        var entry = tables.format.leaf(
            frame, read: !flags.isDisjoint(with: [.read, .write, .execute]), write: write,
            execute: flags.contains(.execute))
        if dirty { entry = tables.format.dirtied(entry) }
        if flags.contains(.locked), frame != core.zeroFrame, !memory.isPartOfLarge(cpu, frame) {
            memory.countLocked(cpu, frame, more: true)
        }
        tables.install(cpu, position.table, tables.format.index(page, level: 0), entry)
    }

    /// Enters all pages of a new large folio from `page` on, written and writable by the area's rights, at once.
    func enterRun(
        _ cpu: CPU, _ position: TablePosition, _ page: UInt64, _ head: FrameNumber, _ pages: Int, _ flags: AreaFlags
    ) {
        let format = tables.format
        let entry = format.leaf(
            head, read: !flags.isDisjoint(with: .rights), write: flags.contains(.write),
            execute: flags.contains(.execute))
        if flags.contains(.locked) { memory.countLocked(cpu, head, more: true) }
        tables.installRun(
            cpu, position.table, format.index(page, level: 0), count: pages, format.dirtied(entry))
    }
}

// Zapping: taking the pages of a range out of the tables. One step handles a run of entries within one PTE table
// under its lock; `zapTable` always finishes its span, giving the lock up where somebody waits or the gather is full.
//
//     lock pte → run of entries out → RSS update → [fast reclaim: try pmd] → forced flush → unlock pte → free pages
//              ↑_________________________ not finished ______________________________________________|
//     finished and nothing skipped: free the table (fast) or look again under both locks (slow)
//
// Linux: unmap_page_range, zap_pmd_range, zap_pte_range, zap_present_ptes, zap_nonpresent_ptes.

/// What one step under the lock does and came to; the counts go to the address space's counters once.
private struct ZapStep {
    /// Private copies go too.
    let zapsCows: Bool
    /// Whether the area is locked: its frames then count one locked area less.
    let isLocked: Bool
    /// Whether a use of a page tells that it will be used again.
    let hasRecency: Bool
    /// Whether each anonymous page takes a page's charge along.
    let isChargedByPage: Bool
    /// Entries taken out, and of these the ones that map no anonymous page.
    var entries = 0
    var others = 0
    var file: Int64 = 0
    var shared: Int64 = 0
    /// The first of them and the one after the last.
    var from = Int.max
    var to = 0
    var skipped = false
    var mustFlush = false

    init(_ flags: AreaFlags, zapsCows: Bool) {
        self.zapsCows = zapsCows
        isLocked = flags.contains(.locked)
        hasRecency = flags.isDisjoint(with: [.sequentialRead, .randomRead])
        isChargedByPage = flags.contains(.chargedByPage)
    }

    /// Notes that present entries were taken out.
    @inline(__always) mutating func took(_ index: Int, count: Int = 1) {
        entries &+= count
        from = Swift.min(from, index)
        to = index &+ count
    }
}

extension AddressSpace {
    /// Zaps [start, end) of one area, span by span.
    func zapArea(
        _ cpu: CPU, _ gather: inout Gather, _ area: Handle<Area>, _ start: UInt64, _ end: UInt64, _ details: ZapDetails?
    ) {
        let format = tables.format
        // Private copies that stay are what they were (a hole in the file). Afterwards: a pin that was taken without a lock
        // before the entry went was noted before that, and is found now.
        defer { if ZapDetails.zapsCows(details) { discardPins(cpu, start, end) } }
        var address = start
        while address < end {
            guard let present = tables.nextPMD(cpu, address, end) else { return }
            address = present
            let span: UInt64 = 1 << format.shift(ofLevel: 1)
            let next = Swift.min((address & ~(span - 1)) &+ span, end)
            if !zapLeaf(cpu, &gather, area, address, next) {
                zapTable(cpu, &gather, area, address, next, details)
            }
            address = next
        }
    }

    /// Zaps [start, end), which lies within one PTE table, to its end, and reclaims the table if it may.
    private func zapTable(
        _ cpu: CPU, _ gather: inout Gather, _ area: Handle<Area>, _ start: UInt64, _ end: UInt64, _ details: ZapDetails?
    ) {
        memory.rcu.enter(cpu)
        defer { memory.rcu.exit(cpu) }
        var canReclaim = ZapDetails.reclaims(details, start, end, core.settings.reclaim)
        var detached = false
        var address = start
        var position = TablePosition.none
        repeat {
            position = tables.position(cpu, address)
            guard !position.table.isNone, tables.lockIfAttached(cpu, position, address) else { return }
            let step = zapEntries(cpu, &gather, area, position.table, &address, end, details)
            if step.skipped { canReclaim = false }
            // The count is exact under the lock: where the lock was given up on the way, a fault may have come in behind.
            let isEmpty = tables.populated(position.table) == 0 || cpu.lacks(.countUnderLock)
            if let tlbs = core.tlbs, tlbs.hooks.contains(.zap), !cpu.lacks(.flushInZap) { gather.flushTranslations() }
            if canReclaim && address == end && isEmpty {
                detached = detachFast(cpu, position, start)
            }
            if step.mustFlush { gather.flushTranslations() }
            tables.pteLock(position.table).unlock(cpu)
            if step.mustFlush {
                gather.flush()
                cpu.mightReschedule(memory.rcu)
            }
        } while address < end
        guard canReclaim else {
            if core.settings.reclaim == .sync, details?.reclaimTables == true { cpu.count(.reclaimSkipped) }
            return
        }
        if detached {
            cpu.count(.tablesFreedFast)
            freeDetached(cpu, &gather, position.table, start)
        } else {
            reclaimSlowly(cpu, &gather, position, start)
        }
    }

    /// Takes entries out from `address` on, until `end`, a full gather, or a reschedule; moves `address` along.
    private func zapEntries(
        _ cpu: CPU, _ gather: inout Gather, _ area: Handle<Area>, _ table: FrameNumber, _ address: inout UInt64,
        _ end: UInt64, _ details: ZapDetails?
    ) -> ZapStep {
        cpu.isExplored
            ? zapEntriesInMode(cpu, &gather, area, table, &address, end, details)
            : zapEntriesInMode(cpu.unexplored, &gather, area, table, &address, end, details)
    }

    @_transparent
    private func zapEntriesInMode(
        _ cpu: CPU, _ gather: inout Gather, _ area: Handle<Area>, _ table: FrameNumber, _ address: inout UInt64,
        _ end: UInt64, _ details: ZapDetails?
    ) -> ZapStep {
        let format = tables.format
        var step = ZapStep(core.areas[area].flags, zapsCows: ZapDetails.zapsCows(details))
        let mayReschedule = core.settings.rescheduleAfter != 0
        let first = format.index(address, level: 0)
        let stop = first &+ Int((end - address) >> Page.shift)
        let populated = tables.populated(table)
        var left = populated
        var index = first
        while index < stop, left > 0, !step.mustFlush {
            // The word: whether it is there and what it maps is the same for a contiguous block's.
            let entry = tables.word(cpu, table, index)
            if entry.isNone {
                index &+= 1
                continue
            }
            if mayReschedule, cpu.countdownReschedule(core) { break }
            if step.entries > 0, cpu.happens(.reschedules) { break }
            var run = 1
            if format.isPresent(entry) {
                let frame = format.frame(entry)
                let flags = memory.flags(frame).loadRelaxed(cpu, .frameFlags)
                if flags & FrameFlags.large == 0 {
                    zapPresent(cpu, &gather, table, index, frame, flags, &step)
                } else {
                    run = zapRun(cpu, &gather, table, index, frame, limit: stop - index, &step)
                }
            } else {
                zapNonPresent(cpu, area, table, index, entry, details, &step)
            }
            left &-= run
            index &+= run
        }
        cpu.count(.entriesScanned, UInt64(populated - left))
        if step.from < step.to {
            gather.cleared(address &+ at(step.from, first), address &+ at(step.to, first))
        }
        // Nothing is left in the table: the rest of the run is none.
        address = left == 0 && !step.mustFlush ? end : address &+ at(index, first)
        tables.removed(cpu, table, step.entries)
        let anonymous = step.entries - step.others
        if anonymous != 0 {
            tables.counters.add(cpu, SpaceCounter.anonymous, -Int64(anonymous))
            if step.isChargedByPage { core.uncommit(cpu, pages: UInt64(anonymous)) }
        }
        if step.file != 0 { tables.counters.add(cpu, SpaceCounter.file, -step.file) }
        if step.shared != 0 { tables.counters.add(cpu, SpaceCounter.shared, -step.shared) }
        return step
    }

    /// The bytes between two entries.
    private func at(_ index: Int, _ first: Int) -> UInt64 { UInt64(index - first) << Page.shift }

    /// Takes a present entry out that maps a small folio.
    @inline(__always)
    private func zapPresent(
        _ cpu: CPU, _ gather: inout Gather, _ table: FrameNumber, _ index: Int, _ frame: FrameNumber, _ flags: UInt32,
        _ step: inout ZapStep
    ) {
        let isAnonymous = flags & FrameFlags.kind == FrameKind.anonymous.rawValue
        if isAnonymous, !step.zapsCows {
            step.skipped = true
            return
        }
        let old = tables.takeOutSmall(cpu, table, index)
        step.took(index)
        if !isAnonymous {
            step.others &+= 1
            if frame == core.zeroFrame { return }
            noteFileState(cpu, frame, old, hasRecency: step.hasRecency)
            if flags & FrameFlags.swapBacked != 0 { step.shared += 1 } else { step.file += 1 }
        }
        if step.isLocked { memory.countLocked(cpu, frame, more: false) }
        memory.mapcount(frame).subtract(cpu, 1, .mapcount)
        if gather.add(frame) { step.mustFlush = true }
    }

    /// Takes present entries out that map page after page of a large folio, and says how many (zap_present_folio_ptes).
    @inline(never)
    private func zapRun(
        _ cpu: CPU, _ gather: inout Gather, _ table: FrameNumber, _ index: Int, _ frame: FrameNumber, limit: Int,
        _ step: inout ZapStep
    ) -> Int {
        let count = tables.run(cpu, table, index, tables.load(cpu, table, index), limit: limit, .pages)
        let head = memory.head(cpu, frame)
        let flags = memory.folioFlags(cpu, head)
        let isAnonymous = flags & FrameFlags.kind == FrameKind.anonymous.rawValue
        if isAnonymous, !step.zapsCows {
            step.skipped = true
            return count
        }
        let old = tables.takeOutRun(cpu, table, index, count: count)
        step.took(index, count: count)
        if !isAnonymous {
            step.others += count
            noteFileState(cpu, head, old, hasRecency: step.hasRecency)
            if flags & FrameFlags.swapBacked != 0 { step.shared += Int64(count) } else { step.file += Int64(count) }
        }
        if step.isLocked { memory.countLocked(cpu, head, more: false) }
        memory.unmapPages(cpu, head, first: memory.pageNumber(frame, of: head), count: count, owner: number)
        if gather.add(folio: head, count: count) { step.mustFlush = true }
        return count
    }

    /// Passes what the entry knows of a file page on to the page: written, used. Uses that the program has said to be
    /// no sign of others are not (vma_has_recency).
    private func noteFileState(_ cpu: CPU, _ frame: FrameNumber, _ entry: Entry, hasRecency: Bool) {
        if tables.format.isDirty(entry) { memory.flags(frame).set(cpu, bits: FrameFlags.dirty, .frameFlags) }
        if hasRecency, tables.format.isAccessed(entry) { memory.markAccessed(cpu, frame) }
    }

    /// Takes an entry out that is not present, unless it must survive: a guard survives all but unmapping.
    private func zapNonPresent(
        _ cpu: CPU, _ area: Handle<Area>, _ table: FrameNumber, _ index: Int, _ entry: Entry, _ details: ZapDetails?,
        _ step: inout ZapStep
    ) {
        switch tables.format.kind(entry) {
        case .guardMarker where details != nil, .uffdMarker where details != nil:
            step.skipped = true
        case .migrationRead, .migrationWrite:
            // Still counted as resident; whoever froze the page finds the entry gone.
            tables.clear(cpu, table, index)
            step.entries += 1
        case let kind:
            tables.clear(cpu, table, index)
            step.entries += 1
            step.others += 1
            if kind == .swap { tables.counters.add(cpu, SpaceCounter.swap, -1) }
        }
    }
}

extension CPU {
    /// A point at which a long operation lets others run: it leaves its read-side section for a moment.
    func mightReschedule(_ rcu: RCU) {
        rcu.exit(self)
        rcu.enter(self)
    }

    /// Counts the test knob `rescheduleAfter` down; true when it says that somebody waits.
    func countdownReschedule(_ core: MachineCore) -> Bool {
        core.settings.rescheduleAfter -= 1
        return core.settings.rescheduleAfter == 0
    }
}

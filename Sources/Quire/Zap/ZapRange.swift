// Zapping: taking the pages of a range out of the tables. One step handles a run of entries within one PTE table
// under its lock; `zapTable` always finishes its span, giving the lock up where somebody waits or the gather is full.
//
//     lock pte → run of entries out → RSS update → [fast reclaim: try pmd] → forced flush → unlock pte → free pages
//              ↑_________________________ not finished ______________________________________________|
//     finished and nothing skipped: free the table (fast) or look again under both locks (slow)
//
// Linux: unmap_page_range, zap_pmd_range, zap_pte_range, zap_present_ptes, zap_nonpresent_ptes.

/// Counts of what one step took out, written to the address space's counters once.
private struct ZapCounts {
    var entries = 0
    var anonymous: Int64 = 0
    var file: Int64 = 0
    var shared: Int64 = 0
    /// Whether the area is locked: its frames then count one locked area less.
    let isLocked: Bool

    init(isLocked: Bool) { self.isLocked = isLocked }
}

extension AddressSpace {
    /// Zaps [start, end) of one area, span by span.
    func zapArea(
        _ cpu: CPU, _ gather: inout Gather, _ area: Handle<Area>, _ start: UInt64, _ end: UInt64, _ details: ZapDetails?
    ) {
        let format = tables.format
        discardPins(start, end)
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
            if canReclaim && address == end && tables.populated(position.table) == 0 {
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

    /// What one step under the lock came to.
    private struct Step {
        var skipped = false
        var mustFlush = false
    }

    /// Takes entries out from `address` on, until `end`, a full gather, or a reschedule; moves `address` along.
    private func zapEntries(
        _ cpu: CPU, _ gather: inout Gather, _ area: Handle<Area>, _ table: FrameNumber, _ address: inout UInt64,
        _ end: UInt64, _ details: ZapDetails?
    ) -> Step {
        let format = tables.format
        var step = Step()
        var counts = ZapCounts(isLocked: core.areas[area].flags.contains(.locked))
        let mayReschedule = core.settings.rescheduleAfter != 0
        let zapsCows = ZapDetails.zapsCows(details)
        var scanned = 0
        let first = format.index(address, level: 0)
        let count = Int((end - address) >> Page.shift)
        var place = 0
        var left = tables.populated(table)
        while place < count {
            // Nothing is left in the table: the rest of the run is none.
            if left == 0 {
                place = count
                break
            }
            let entry = tables.load(cpu, table, first + place)
            if entry.isNone {
                place += 1
                continue
            }
            if mayReschedule, cpu.countdownReschedule(core) { break }
            let at = address + UInt64(place) << Page.shift
            let index = first + place
            var run = 1
            if !format.isPresent(entry) {
                zapNonPresent(cpu, area, table, index, entry, details, &counts, &step)
            } else {
                let frame = format.frame(entry)
                let flags = memory.flags(frame).loadRelaxed(cpu, .frameFlags)
                if flags & FrameFlags.large == 0 {
                    zapPresent(cpu, &gather, table, index, frame, flags, at, zapsCows, &counts, &step)
                } else {
                    run = tables.run(cpu, table, index, entry, limit: count - place, .pages)
                    zapRun(cpu, &gather, table, index, run, frame, at, zapsCows, &counts, &step)
                }
            }
            left -= run
            place += run
            scanned += run
            if step.mustFlush { break }
        }
        cpu.count(.entriesScanned, UInt64(scanned))
        address += UInt64(place) << Page.shift
        tables.removed(cpu, table, counts.entries)
        if counts.anonymous != 0 { tables.counters.add(cpu, SpaceCounter.anonymous, -counts.anonymous) }
        if counts.file != 0 { tables.counters.add(cpu, SpaceCounter.file, -counts.file) }
        if counts.shared != 0 { tables.counters.add(cpu, SpaceCounter.shared, -counts.shared) }
        return step
    }

    /// Takes a present entry out that maps a small folio.
    @inline(__always)
    private func zapPresent(
        _ cpu: CPU, _ gather: inout Gather, _ table: FrameNumber, _ index: Int, _ frame: FrameNumber, _ flags: UInt32,
        _ address: UInt64, _ zapsCows: Bool, _ counts: inout ZapCounts, _ step: inout Step
    ) {
        if frame == core.zeroFrame {
            _ = tables.takeOut(cpu, table, index)
            counts.entries += 1
            gather.cleared(address)
            return
        }
        let isAnonymous = flags & FrameFlags.kind == FrameKind.anonymous.rawValue
        if isAnonymous && !zapsCows {
            step.skipped = true
            return
        }
        let old = tables.takeOut(cpu, table, index)
        counts.entries += 1
        gather.cleared(address)
        if isAnonymous {
            counts.anonymous += 1
        } else {
            noteFileState(cpu, frame, old)
            if flags & FrameFlags.swapBacked != 0 { counts.shared += 1 } else { counts.file += 1 }
        }
        if counts.isLocked { memory.countLocked(cpu, frame, more: false) }
        memory.mapcount(frame).subtract(cpu, 1, .mapcount)
        if gather.add(frame) { step.mustFlush = true }
    }

    /// Takes `count` present entries out that map page after page of a large folio (zap_present_folio_ptes).
    @inline(never)
    private func zapRun(
        _ cpu: CPU, _ gather: inout Gather, _ table: FrameNumber, _ index: Int, _ count: Int, _ frame: FrameNumber,
        _ address: UInt64, _ zapsCows: Bool, _ counts: inout ZapCounts, _ step: inout Step
    ) {
        let head = memory.head(cpu, frame)
        let flags = memory.folioFlags(cpu, head)
        let isAnonymous = flags & FrameFlags.kind == FrameKind.anonymous.rawValue
        if isAnonymous && !zapsCows {
            step.skipped = true
            return
        }
        let old = tables.takeOutRun(cpu, table, index, count: count)
        counts.entries += count
        gather.cleared(address, address + UInt64(count) << Page.shift)
        if isAnonymous {
            counts.anonymous += Int64(count)
        } else {
            noteFileState(cpu, head, old)
            if flags & FrameFlags.swapBacked != 0 { counts.shared += Int64(count) } else { counts.file += Int64(count) }
        }
        if counts.isLocked { for _ in 0..<count { memory.countLocked(cpu, head, more: false) } }
        memory.unmapPages(cpu, head, first: memory.pageNumber(frame, of: head), count: count, owner: number)
        if gather.add(folio: head, count: count) { step.mustFlush = true }
    }

    /// Passes what the entry knows of a file page on to the page: written, used.
    private func noteFileState(_ cpu: CPU, _ frame: FrameNumber, _ entry: Entry) {
        var bits: UInt32 = 0
        if tables.format.isDirty(entry) { bits |= FrameFlags.dirty }
        if tables.format.isAccessed(entry) { bits |= FrameFlags.referenced }
        if bits != 0 { memory.flags(frame).set(cpu, bits: bits, .frameFlags) }
    }

    /// Takes an entry out that is not present, unless it must survive: a guard survives all but unmapping.
    private func zapNonPresent(
        _ cpu: CPU, _ area: Handle<Area>, _ table: FrameNumber, _ index: Int, _ entry: Entry, _ details: ZapDetails?,
        _ counts: inout ZapCounts, _ step: inout Step
    ) {
        switch tables.format.kind(entry) {
        case .guardMarker where details != nil, .uffdMarker where details != nil:
            step.skipped = true
        default:
            tables.clear(cpu, table, index)
            counts.entries += 1
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

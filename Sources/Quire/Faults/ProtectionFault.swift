// A fault on a present entry: a write to a page that is mapped without the right to write. A page that belongs to
// this mapping alone is reused, everything else is copied; a shared file page is made writable.
// Linux: do_wp_page, wp_can_reuse_anon_folio, wp_page_copy, wp_page_reuse, do_numa_page's place.

extension AddressSpace {
    /// Serves a fault on a present entry.
    func protectionFault(
        _ cpu: CPU, _ context: FaultContext, _ position: TablePosition, _ seen: Entry
    ) -> FaultOutcome {
        let index = tables.format.index(context.page, level: 0)
        let isUnsharing = context.access == .unshare
        guard isUnsharing || context.access == .write && !tables.format.isWritable(seen) else {
            // Another CPU was faster, or only the accessed flag was missing.
            return touchEntry(cpu, context, position, index, seen)
        }
        let frame = tables.format.frame(seen)
        if core.areas[context.area].flags.contains(.shared) {
            return isUnsharing ? .done(major: false) : allowWrite(cpu, context, position, index, seen)
        }
        if let outcome = prepareAnonVMA(cpu, context) { return outcome }
        if frame != core.zeroFrame, memory.kind(cpu, frame) == .anonymous,
            let reused = reuse(cpu, context, position, index, seen)
        {
            return reused
        }
        return copyPage(cpu, context, position, index, seen)
    }

    /// Sets accessed (and dirty, for a write) under the lock.
    private func touchEntry(
        _ cpu: CPU, _ context: FaultContext, _ position: TablePosition, _ index: Int, _ seen: Entry
    ) -> FaultOutcome {
        guard tables.lockIfAttached(cpu, position, context.page) else { return .retry }
        let entry = tables.load(cpu, position.table, index)
        if entry == seen {
            var wanted = tables.format.used(entry)
            if context.access == .write { wanted = tables.format.dirtied(wanted) }
            tables.addAge(cpu, position.table, index, of: wanted)
        }
        tables.pteLock(position.table).unlock(cpu)
        return .done(major: false)
    }

    /// A shared mapping's first write to a page.
    private func allowWrite(
        _ cpu: CPU, _ context: FaultContext, _ position: TablePosition, _ index: Int, _ seen: Entry
    ) -> FaultOutcome {
        // The file is told of the first write (page_mkwrite).
        if let outcome = askFile(cpu, context) { return outcome }
        guard tables.lockIfAttached(cpu, position, context.page) else { return .retry }
        if tables.load(cpu, position.table, index) == seen {
            tables.update(cpu, position.table, index, tables.format.dirtied(tables.format.writable(seen)))
            memory.flags(tables.format.frame(seen)).set(cpu, bits: FrameFlags.dirty, .frameFlags)
        }
        tables.pteLock(position.table).unlock(cpu)
        return .done(major: false)
    }

    /// Makes the entry writable if the page belongs to this mapping alone: it is marked so, or nobody else refers to
    /// it, and then it is marked. Nil: it must be copied.
    private func reuse(
        _ cpu: CPU, _ context: FaultContext, _ position: TablePosition, _ index: Int, _ seen: Entry
    ) -> FaultOutcome? {
        let frame = tables.format.frame(seen)
        let tooEarly = cpu.lacks(.scanUnderLock) ? canReuseSeen(cpu, frame, position.table, index) : nil
        guard tables.lockIfAttached(cpu, position, context.page) else { return .retry }
        defer { tables.pteLock(position.table).unlock(cpu) }
        guard cpu.lacks(.sameBeforeReuse) || tables.load(cpu, position.table, index) == seen else {
            return .done(major: false)
        }
        let isMarked = memory.has(cpu, frame, FrameFlags.anonExclusive)
        if !isMarked {
            let head = memory.head(cpu, frame)
            guard tooEarly ?? canReuse(cpu, head, frame, position.table, index) else { return nil }
            // A small folio is this area's from now on; other areas of this space may map pages of a large one.
            if !memory.isLarge(cpu, head) { memory.setMapping(head, core.areas[context.area].anonVMA.index) }
            memory.flags(frame).set(cpu, bits: FrameFlags.anonExclusive, .frameFlags)
        }
        if context.access == .unshare { return .done(major: false) }
        // A debugger may have written by force where the area does not let the program: the entry stays as it is.
        let mayWrite = core.areas[context.area].flags.contains(.write)
        let entry = tables.format.used(mayWrite ? tables.format.dirtied(tables.format.writable(seen)) : seen)
        tables.update(cpu, position.table, index, entry)
        cpu.count(.pagesReused)
        if core.settings.writesRanges, mayWrite, memory.isPartOfLarge(cpu, frame) {
            reuseAround(cpu, context, position.table, index, frame, isProven: !isMarked)
        }
        return .done(major: false)
    }

    /// Gives this mapping a page of its own in place of the one it has (the zero page, a file's, a shared one).
    private func copyPage(
        _ cpu: CPU, _ context: FaultContext, _ position: TablePosition, _ index: Int, _ seen: Entry
    ) -> FaultOutcome {
        let old = tables.format.frame(seen)
        let isZero = old == core.zeroFrame
        // While it is copied nobody frees it, and nobody takes it for another mapping's alone.
        let head = memory.head(cpu, old)
        let isHeld = !isZero && !cpu.lacks(.heldWhileCopied)
        if isHeld { guard hold(cpu, context, position, index, seen, head) else { return .retry } }
        defer { if isHeld { memory.put(cpu, folio: head, count: 1) } }
        if core.settings.writesRanges, context.access == .write,
            let outcome = copyRange(cpu, context, position, index, seen)
        {
            return outcome
        }
        let copy = newAnonymousFrame(cpu, context, zeroed: isZero)
        guard !copy.isNone else { return .outOfMemory }
        if !isZero { memory.copy(cpu, from: old, to: copy) }
        guard tables.lockIfAttached(cpu, position, context.page) else {
            memory.put(cpu, copy)
            return .retry
        }
        guard cpu.lacks(.sameAfterCopy) || tables.load(cpu, position.table, index) == seen else {
            tables.pteLock(position.table).unlock(cpu)
            memory.put(cpu, copy)
            return .done(major: false)
        }
        // Somebody has found out meanwhile that it is this mapping's alone, and may have pinned it.
        if !isZero, !cpu.lacks(.exclusiveAfterCopy), memory.has(cpu, old, FrameFlags.anonExclusive) {
            tables.pteLock(position.table).unlock(cpu)
            memory.put(cpu, copy)
            return .retry
        }
        replacePage(cpu, context, position, index, old, with: copy)
        tables.pteLock(position.table).unlock(cpu)
        if !isZero { memory.put(cpu, old) }
        return .done(major: false)
    }

    /// Takes a reference to a folio that is mapped still as it was seen. False: it is not, or has become this mapping's alone.
    private func hold(
        _ cpu: CPU, _ context: FaultContext, _ position: TablePosition, _ index: Int, _ seen: Entry,
        _ head: FrameNumber
    ) -> Bool {
        guard tables.lockIfAttached(cpu, position, context.page) else { return false }
        defer { tables.pteLock(position.table).unlock(cpu) }
        guard tables.load(cpu, position.table, index) == seen, head == memory.head(cpu, tables.format.frame(seen)),
            !memory.has(cpu, tables.format.frame(seen), FrameFlags.anonExclusive)
        else { return false }
        memory.refcount(head).add(cpu, 1, .refcount)
        return true
    }

    /// The old page's entry goes, the TLBs are flushed, and only then comes the new one (ptep_clear_flush): two
    /// translations of one address must never be cached at once.
    private func replacePage(
        _ cpu: CPU, _ context: FaultContext, _ position: TablePosition, _ index: Int, _ old: FrameNumber,
        with copy: FrameNumber
    ) {
        let taken = tables.takeOut(cpu, position.table, index)
        tables.removed(cpu, position.table, 1)
        if !cpu.lacks(.flushBeforeReplacing) { tables.flushRange(cpu, context.page, context.page + Page.size) }
        let flags = core.areas[context.area].flags
        if old != core.zeroFrame {
            switch memory.kind(cpu, old) {
            case .anonymous: tables.counters.add(cpu, SpaceCounter.anonymous, -1)
            default:
                let shared = memory.folioFlags(cpu, old) & FrameFlags.swapBacked != 0
                tables.counters.add(cpu, shared ? SpaceCounter.shared : SpaceCounter.file, -1)
                if tables.format.isDirty(taken) { memory.flags(old).set(cpu, bits: FrameFlags.dirty, .frameFlags) }
            }
            if flags.contains(.locked) { memory.countLocked(cpu, old, more: false) }
            memory.removeMapping(cpu, old, owner: number)
        }
        tables.counters.add(cpu, SpaceCounter.anonymous, 1)
        let isWritten = context.access == .write
        enter(
            cpu, position, context.page, copy, flags, write: isWritten && flags.contains(.write), dirty: isWritten)
    }
}

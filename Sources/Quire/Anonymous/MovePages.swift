// Moving pages from one place of an address space to another by their entries, without a copy: what UFFDIO_MOVE does to
// tables. A page that others may have, or that is pinned, does not go: the move must not be seen by anybody else. The
// order is that of every taking out: the entry is cleared, translations go, and then pins are looked for.
// Linux: move_pages, validate_move_areas, move_pages_pte, move_present_ptes, move_pages_huge_pmd.

extension AddressSpace {
    /// Moves [source, source + length) to `target`, page by page, and returns the bytes moved: fewer where something stopped
    /// it later on. With `allowsHoles` a source page that is not there counts as moved. Throws what stopped the first page:
    /// EINVAL for areas that are no match, ENOENT for a hole, EEXIST where something is mapped already, EBUSY for a page
    /// that is shared or pinned, ENOMEM. Takes the mmap lock itself. O(pages).
    func movePages(
        _ cpu: CPU, to target: UInt64, from source: UInt64, length: UInt64, allowsHoles: Bool = false
    ) throws(Errno) -> UInt64 {
        guard (source | target | length) & Page.offsetMask == 0, length > 0 else { throw .EINVAL }
        mmapLock.readLock(cpu)
        defer { mmapLock.readUnlock(cpu) }
        let (from, to) = try areasOfMove(cpu, source, target, length)
        var moved: UInt64 = 0
        while moved < length {
            do throws(Errno) {
                try movePage(cpu, from, source + moved, to, target + moved, allowsHoles: allowsHoles)
            } catch {
                if moved == 0 { throw error }
                break
            }
            moved += Page.size
        }
        return moved
    }

    /// The two areas, each of which must hold its range: private anonymous memory of the same rights (validate_move_areas).
    private func areasOfMove(
        _ cpu: CPU, _ source: UInt64, _ target: UInt64, _ length: UInt64
    ) throws(Errno) -> (Handle<Area>, Handle<Area>) {
        func holder(of start: UInt64) throws(Errno) -> Handle<Area> {
            let area = areas.find(start)
            guard !area.isNone, core.areas[area].start <= start, length <= core.areas[area].end - start else {
                throw .EINVAL
            }
            return area
        }
        let (from, to) = (try holder(of: source), try holder(of: target))
        let (one, other) = (core.area(from), core.area(to))
        let compared: AreaFlags = [.read, .write, .execute, .locked]
        guard one.isAnonymous, other.isAnonymous, one.flags.contains(.write),
            one.flags.intersection(compared) == other.flags.intersection(compared)
        else { throw .EINVAL }
        guard prepareAnonVMA(cpu, to) else { throw .ENOMEM }
        return (from, to)
    }

    private func movePage(
        _ cpu: CPU, _ from: Handle<Area>, _ source: UInt64, _ to: Handle<Area>, _ target: UInt64, allowsHoles: Bool
    ) throws(Errno) {
        if tables.leaf(cpu, source) != nil { splitLeaf(cpu, from, at: source) }
        while true {
            switch try lookAt(cpu, source, allowsHoles: allowsHoles) {
            case .hole: return
            case .zeroPage: if try moveZeroPage(cpu, source, to, target) { return }
            case .part(let head):
                // One page of a large folio: it must be a folio of its own first.
                guard core.trySplitAndPut(cpu, head) else { throw .EBUSY }
            case .page(let frame):
                defer { memory.put(cpu, frame) }
                if try move(cpu, frame, source, to, target) { return }
            }
        }
    }

    private enum Source {
        case hole, zeroPage
        /// A page of a large folio, and a small one: with a reference.
        case part(FrameNumber), page(FrameNumber)
    }

    /// What is at the source, by a look under its lock.
    private func lookAt(_ cpu: CPU, _ source: UInt64, allowsHoles: Bool) throws(Errno) -> Source {
        memory.rcu.enter(cpu)
        defer { memory.rcu.exit(cpu) }
        let position = tables.position(cpu, source)
        var seen = Entry.none
        var isLocked = false
        if !position.table.isNone, tables.lockIfAttached(cpu, position, source) {
            isLocked = true
            seen = tables.load(cpu, position.table, tables.format.index(source, level: 0))
        }
        defer { if isLocked { tables.pteLock(position.table).unlock(cpu) } }
        if seen.isNone {
            guard allowsHoles else { throw .ENOENT }
            return .hole
        }
        guard tables.format.isPresent(seen) else { throw tables.format.isFrozen(seen) ? .EAGAIN : .EFAULT }
        let frame = tables.format.frame(seen)
        if frame == core.zeroFrame { return .zeroPage }
        let head = memory.head(cpu, frame)
        guard isExclusive(cpu, frame), !memory.mayBePinned(cpu, head) else { throw .EBUSY }
        memory.refcount(head).add(cpu, 1, .refcount)
        return memory.isLarge(cpu, head) ? .part(head) : .page(frame)
    }

    /// Moves a small folio, to which the caller has a reference. False: the source is no longer what it was.
    private func move(
        _ cpu: CPU, _ frame: FrameNumber, _ source: UInt64, _ to: Handle<Area>, _ target: UInt64
    ) throws(Errno) -> Bool {
        let folioLock = memory.folioLock(frame)
        folioLock.lock(cpu)
        defer { folioLock.unlock(cpu) }
        // Whoever walks from the folio to its mappings must find it at one of the two places.
        guard let anonVMA = core.lockAnonVMA(cpu, of: frame) else { return false }
        defer { core.lock(of: anonVMA).writeUnlock(cpu) }
        return try withEntries(cpu, source, target) { from, fromIndex, into, intoIndex throws(Errno) in
            let seen = tables.load(cpu, from, fromIndex)
            guard tables.format.isPresent(seen), tables.format.frame(seen) == frame else { return false }
            guard memory.has(cpu, frame, FrameFlags.anonExclusive) else { throw .EBUSY }
            let old = tables.takeOut(cpu, from, fromIndex)
            tables.flushRange(cpu, source, source + Page.size)
            // One mapping, our reference, and no pin that came without a lock.
            guard cpu.lacks(.countBeforeMoving) || memory.refcount(frame).load(cpu, .refcount) == 2 else {
                tables.update(cpu, from, fromIndex, old)
                throw .EBUSY
            }
            tables.removed(cpu, from, 1)
            let area = core.area(to)
            memory.setMapping(frame, area.anonVMA.index)
            memory.setIndex(frame, area.pageOffset(of: target))
            let entry = tables.format.leaf(
                frame, read: true, write: area.flags.contains(.write), execute: area.flags.contains(.execute))
            tables.install(cpu, into, intoIndex, tables.format.dirtied(entry))
            return true
        }
    }

    /// The target gets the zero page, the source is none.
    private func moveZeroPage(
        _ cpu: CPU, _ source: UInt64, _ to: Handle<Area>, _ target: UInt64
    ) throws(Errno) -> Bool {
        try withEntries(cpu, source, target) { from, fromIndex, into, intoIndex throws(Errno) in
            let seen = tables.load(cpu, from, fromIndex)
            guard tables.format.isPresent(seen), tables.format.frame(seen) == core.zeroFrame else { return false }
            _ = tables.takeOut(cpu, from, fromIndex)
            tables.flushRange(cpu, source, source + Page.size)
            tables.removed(cpu, from, 1)
            let flags = core.areas[to].flags
            let entry = tables.format.leaf(core.zeroFrame, read: true, write: false, execute: flags.contains(.execute))
            tables.install(cpu, into, intoIndex, entry)
            return true
        }
    }

    /// Runs `body` with both tables locked, the one of the lower address first, and the target's entry none. Throws EEXIST
    /// where it is not, ENOMEM. False: a table went away meanwhile.
    private func withEntries(
        _ cpu: CPU, _ source: UInt64, _ target: UInt64,
        _ body: (FrameNumber, Int, FrameNumber, Int) throws(Errno) -> Bool
    ) throws(Errno) -> Bool {
        memory.rcu.enter(cpu)
        defer { memory.rcu.exit(cpu) }
        guard let into = tables.allocatingPosition(cpu, target) else { throw .ENOMEM }
        guard !into.table.isNone else { throw .EEXIST }
        let from = tables.position(cpu, source)
        guard !from.table.isNone else { return false }
        let isSame = tables.pteLock(from.table).isSame(as: tables.pteLock(into.table))
        let (first, second) = source < target ? (from, into) : (into, from)
        let (firstAddress, secondAddress) = source < target ? (source, target) : (target, source)
        guard lockForMove(cpu, first, firstAddress, isTarget: firstAddress == target) else { return false }
        defer { tables.pteLock(first.table).unlock(cpu) }
        if !isSame {
            guard lockForMove(cpu, second, secondAddress, isTarget: secondAddress == target) else { return false }
        }
        defer { if !isSame { tables.pteLock(second.table).unlock(cpu) } }
        let intoIndex = tables.format.index(target, level: 0)
        guard tables.load(cpu, into.table, intoIndex).isNone else { throw .EEXIST }
        return try body(from.table, tables.format.index(source, level: 0), into.table, intoIndex)
    }

    private func lockForMove(_ cpu: CPU, _ position: TablePosition, _ address: UInt64, isTarget: Bool) -> Bool {
        if isTarget, cpu.lacks(.attachedTarget) {
            tables.pteLock(position.table).lock(cpu)
            return true
        }
        return tables.lockIfAttached(cpu, position, address)
    }
}

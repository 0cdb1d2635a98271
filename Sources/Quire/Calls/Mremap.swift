// mremap: shrink, grow in place, or move. A move copies the area (merging it at its new place), moves entries or
// whole PTE tables, and unmaps the old range. Linux 6.18: check_mremap_params, remap_move, move_vma,
// move_page_tables.

/// The arguments of one mremap, lengths rounded up to pages.
private struct RemapRequest: BitwiseCopyable {
    var old: UInt64
    var oldLength: UInt64
    var newLength: UInt64
    var flags: RemapFlags
    var target: UInt64
    var recorded: UInt64?
}

extension AddressSpace {
    /// The system call. The mmap lock is held for write. Returns the new address and the range to populate (a locked
    /// area that grew). `recorded` is where a recording had the result.
    func remap(
        _ cpu: CPU, _ old: UInt64, _ oldLength: UInt64, _ newLength: UInt64, _ flags: RemapFlags, _ target: UInt64,
        recorded: UInt64?
    ) throws(Errno) -> (address: UInt64, populateFrom: UInt64, populateTo: UInt64) {
        var request = RemapRequest(
            old: old, oldLength: Page.ceiling(oldLength), newLength: Page.ceiling(newLength), flags: flags,
            target: target, recorded: recorded)
        try check(request)
        if isMoveOnly(request) { return (try moveAreas(cpu, request), 0, 0) }
        var area = areas.find(old)
        guard !area.isNone, core.areas[area].start <= old else { throw .EFAULT }
        let moves = !request.flags.isDisjoint(with: [.fixed, .dontUnmap])
        // A call that neither moves nor grows does not look how far the area reaches.
        if moves || request.newLength > request.oldLength { try checkGrowth(area, request) }
        if request.flags.contains(.fixed) {
            try unmap(cpu, request.target, request.newLength)
        }
        if request.newLength < request.oldLength {
            let less = request.oldLength - request.newLength
            try unmap(cpu, old + request.newLength, less)
            request.oldLength = request.newLength
            area = areas.find(old)
            if moves, !area.isNone, core.areas[area].flags.contains(.account) {
                // A move asks for the difference in length even where it shrinks. Linux charges it, too, and never takes
                // it back: Committed_AS is off for good. Here it is only asked.
                guard core.mayCommit(cpu, pages: less >> Page.shift, mapped: numbers.totalPages) else { throw .ENOMEM }
            }
        }
        if !moves, request.newLength == request.oldLength { return (old, 0, 0) }
        area = areas.find(old)
        guard !area.isNone, core.areas[area].start <= old else { throw .EFAULT }
        let stays = request.recorded.map { Page.floor($0) == old } ?? true
        if !moves, stays {
            if try growInPlace(cpu, area, request) {
                let locked = core.areas[areas.find(old)].flags.contains(.locked)
                return (old, locked ? old + request.oldLength : 0, locked ? old + request.newLength : 0)
            }
            guard request.flags.contains(.mayMove), request.recorded == nil else { throw .ENOMEM }
        }
        let address = try chooseTarget(cpu, request)
        area = areas.find(old)
        let locked = core.areas[area].flags.contains(.locked)
        try move(cpu, area, request, to: address)
        let grew = locked && request.newLength > request.oldLength
        return (address, grew ? address + request.oldLength : 0, grew ? address + request.newLength : 0)
    }

    private func check(_ request: RemapRequest) throws(Errno) {
        let flags = request.flags
        guard flags.rawValue & ~7 == 0, request.old & Page.offsetMask == 0, request.newLength != 0 else {
            throw .EINVAL
        }
        guard !flags.contains(.fixed) || flags.contains(.mayMove) else { throw .EINVAL }
        if flags.contains(.dontUnmap) {
            guard flags.contains(.mayMove), request.oldLength == request.newLength else { throw .EINVAL }
        }
        let userEnd = tables.format.userEnd
        guard request.newLength <= userEnd else { throw .EINVAL }
        // Without MREMAP_FIXED the target is a hint, and still must be a place that could be had.
        guard !flags.isDisjoint(with: [.fixed, .dontUnmap]) else { return }
        guard request.target & Page.offsetMask == 0, request.target <= userEnd - request.newLength else {
            throw .EINVAL
        }
        let overlaps =
            request.old &+ request.oldLength > request.target
            && request.target + request.newLength > request.old
        guard !overlaps else { throw .EINVAL }
        guard areas.count + 2 < core.settings.maxMapCount - 3 else { throw .ENOMEM }
    }

    /// A move to a given place without a change of size, which may be of several areas at once (vrm_move_only).
    private func isMoveOnly(_ request: RemapRequest) -> Bool {
        request.flags.contains(.fixed) && request.oldLength == request.newLength
    }

    private func checkGrowth(_ area: Handle<Area>, _ request: RemapRequest) throws(Errno) {
        let record = core.areas[area]
        if request.oldLength == 0 {
            guard !record.flags.isDisjoint(with: [.shared, .mayShare]) else { throw .EINVAL }
        }
        // Of a range that shrinks, only what is kept must lie in the area.
        guard Swift.min(request.oldLength, request.newLength) <= record.end - request.old else { throw .EFAULT }
        if request.newLength <= request.oldLength { return }
        guard !record.flags.contains(.dontExpand) else { throw .EFAULT }
        let offset = record.pageOffset(of: request.old)
        guard offset &+ (request.newLength >> Page.shift) >= offset else { throw .EINVAL }
        let more = (request.newLength - request.oldLength) >> Page.shift
        if record.flags.contains(.locked), !mayLock(pages: more) { throw .EAGAIN }
        guard mayExpand(record.flags, pages: more) else { throw .ENOMEM }
    }

    /// Grows the area at its end if nothing is in the way; false if something is.
    private func growInPlace(_ cpu: CPU, _ area: Handle<Area>, _ request: RemapRequest) throws(Errno) -> Bool {
        let record = core.areas[area]
        let end = request.old + request.newLength
        guard record.end == request.old + request.oldLength, end <= tables.format.userEnd else { return false }
        let above = areas.after(area)
        // A stack's guard gap keeps no area from growing into it (vma_expandable).
        if !above.isNone, core.areas[above].start < end { return false }
        let pages = (end - record.end) >> Page.shift
        if record.flags.contains(.account) { try commit(cpu, pages: pages) }
        let proposal = Proposal(
            start: record.end, end: end, pageOffset: record.pageOffset(of: record.end),
            attributes: AreaAttributes(record), anonVMA: record.anonVMA)
        do throws(Errno) {
            try mergeGrowth(cpu, area, proposal)
        } catch {
            if record.flags.contains(.account) { core.uncommit(cpu, pages: pages) }
            throw error
        }
        account(record.flags, pages: Int64(pages))
        if record.flags.contains(.locked) { numbers.lockedPages += pages }
        return true
    }

    private func chooseTarget(_ cpu: CPU, _ request: RemapRequest) throws(Errno) -> UInt64 {
        if request.flags.contains(.fixed) { return request.target }
        if let recorded = request.recorded {
            let place = Page.floor(recorded)
            let userEnd = tables.format.userEnd
            guard request.newLength <= userEnd, place <= userEnd - request.newLength,
                place >= request.old + request.oldLength || place + request.newLength <= request.old
            else { throw .ENOMEM }
            // What the recording does not show to be gone may lie there.
            try makeHole(cpu, place, place + request.newLength)
            return place
        }
        let area = areas.find(request.old)
        return try unmappedArea(
            request.flags.contains(.dontUnmap) ? Page.floor(request.target) : 0, request.newLength, fixed: false,
            alignsHuge: core.areas[area].file.isNone)
    }

    /// Moves [old, old + oldLength) of one area, grown to `newLength` (move_vma).
    private func move(
        _ cpu: CPU, _ area: Handle<Area>, _ request: RemapRequest, to target: UInt64
    ) throws(Errno) {
        let keeps = request.flags.contains(.dontUnmap)
        startWrite(cpu, area)
        let record = core.areas[area]
        guard areas.count < core.settings.maxMapCount - 3 else { throw .ENOMEM }
        let newPages = request.newLength >> Page.shift
        if keeps { guard mayExpand(record.flags, pages: newPages) else { throw .ENOMEM } }
        if record.flags.contains(.account) {
            // The old range's charge moves along; nobody is asked for more than what is new.
            let moved = keeps ? 0 : request.oldLength >> Page.shift
            try commit(cpu, pages: newPages - moved)
            core.recommit(cpu, pages: moved)
        }
        let copy: Handle<Area>
        do throws(Errno) {
            guard makeTargetTables(cpu, from: request.old, to: target, length: request.oldLength) else {
                throw .ENOMEM
            }
            copy = try copyArea(cpu, area, request, to: target)
        } catch {
            freeUnusedTables(cpu, target, target + request.newLength)
            if record.flags.contains(.account) { core.uncommit(cpu, pages: newPages) }
            throw error
        }
        // The old area may be gone: where the new one merged with what lies around it.
        if cpu.lacks(.mmapLockOfMove) { mmapLock.downgrade(cpu) }
        moveTables(cpu, copy, from: request.old, to: target, length: request.oldLength)
        if cpu.lacks(.mmapLockOfMove) {
            mmapLock.readUnlock(cpu)
            mmapLock.writeLock(cpu)
        }
        account(core.areas[copy].flags, pages: Int64(newPages))
        if record.flags.contains(.locked) { numbers.lockedPages += newPages }
        if keeps {
            finishKeeping(cpu, request)
        } else if request.oldLength > 0 {
            // Where the old area cannot be split, it stays mapped, empty; the move has happened (as in Linux).
            try? unmap(cpu, request.old, request.oldLength)
        }
    }

    /// MREMAP_DONTUNMAP: the old range stays mapped, empty and unlocked. Linux forgets to take what was locked off VmLck
    /// then, and so does this.
    private func finishKeeping(_ cpu: CPU, _ request: RemapRequest) {
        let area = areas.find(request.old)
        startWrite(cpu, area)
        let record = core.areas[area]
        if record.flags.contains(.locked) { numbers.strandedLockedPages += record.pages }
        core.areas[area].flags.subtract([.locked, .lockOnFault])
        if record.start == request.old, record.end == request.old + request.oldLength {
            core.unlinkAll(cpu, area)
        }
    }

    /// An area for the target range with the source's attributes, merged with its neighbours there (copy_vma). A
    /// userfaultfd does not come along: it is lost with the area that the range has merged into, all of it.
    private func copyArea(
        _ cpu: CPU, _ area: Handle<Area>, _ request: RemapRequest, to target: UInt64
    ) throws(Errno) -> Handle<Area> {
        let record = core.areas[area]
        var copy = record
        copy.start = target
        copy.end = target + request.newLength
        copy.pageOffset = record.pageOffset(of: request.old)
        if record.isAnonymous, record.anonVMA.isNone { copy.pageOffset = target >> Page.shift }
        let extras = try core.extrasOfCopy(cpu, record.extras)
        defer { core.releaseExtras(cpu, extras) }
        let proposal = Proposal(
            start: copy.start, end: copy.end, pageOffset: copy.pageOffset, attributes: AreaAttributes(record),
            anonVMA: record.anonVMA, source: area)
        // What cannot merge for want of memory may still be had as an area of its own.
        let place = areas.cursor(atOrAbove: target)
        var made = (try? mergeNew(cpu, proposal, below: place)) ?? .none
        if made.isNone { made = try insertArea(cpu, copy, .below(place), tiedLike: area) }
        if !record.flags.isDisjoint(with: .userfault) {
            core.areas[made].flags.subtract(.userfault)
            let before = core.areas[made].extras
            core.holdExtras(extras)
            core.areas[made].extras = extras
            core.releaseExtras(cpu, before)
        }
        return made
    }

    /// Moves every area of the range to the target, holes included but for one at the start (remap_move).
    private func moveAreas(_ cpu: CPU, _ request: RemapRequest) throws(Errno) -> UInt64 {
        let end = request.old &+ request.oldLength
        var at = request.old
        var moved: UInt64?
        while at < end {
            let area = areas.find(at)
            guard !area.isNone, core.areas[area].start < end else { break }
            guard moved != nil || core.areas[area].start <= at else { throw .EFAULT }
            var one = request
            one.old = Swift.max(at, core.areas[area].start)
            one.oldLength = Swift.min(core.areas[area].end, end) - one.old
            one.newLength = one.oldLength
            one.target = request.target + (one.old - request.old)
            let next = one.old + one.oldLength
            try unmap(cpu, one.target, one.newLength)
            try move(cpu, areas.find(one.old), one, to: one.target)
            if moved == nil { moved = one.target }
            at = next
        }
        guard let moved else { throw .EFAULT }
        return moved
    }
}

// madvise: what a program knows about its memory. Advice that is a flag changes attributes; the rest acts on pages.
// A hole makes it ENOMEM after everything else in the range was done. Linux: madvise_walk_vmas,
// madvise_vma_behavior, madvise_dontneed_free, madvise_guard_install.

extension AddressSpace {
    /// The system call. Takes the mmap lock itself.
    /// `spaces` finds an address space by its number, for pages that others map too.
    func advise(
        _ cpu: CPU, _ start: UInt64, _ length: UInt64, _ number: UInt64, spaces: (UInt32) -> AddressSpace?
    ) throws(Errno) {
        guard let advice = Advice(rawValue: number) else { throw .EINVAL }
        guard start & Page.offsetMask == 0 else { throw .EINVAL }
        let end = try adviceEnd(start, length)
        if end == start { return }
        switch advice {
        case .populateRead, .populateWrite:
            try populateForAdvice(cpu, start, end, advice == .populateWrite ? .write : .read)
        case .dontNeed, .dontNeedLocked, .free, .cold, .pageOut, .willNeed, .guardInstall, .guardRemove, .remove,
            .collapse:
            mmapLock.readLock(cpu)
            defer { mmapLock.readUnlock(cpu) }
            // One flush, at the end, for what all the areas' pages need (madvise_init_tlb).
            var gather = Gather(cpu, tables)
            do throws(Errno) {
                try eachArea(start, end) { area, from, to throws(Errno) in
                    try act(cpu, &gather, advice, area, from, to, spaces)
                }
            } catch {
                gather.finish()
                throw error
            }
            gather.finish()
        default:
            mmapLock.writeLock(cpu)
            defer { mmapLock.writeUnlock(cpu) }
            try eachArea(start, end) { area, from, to throws(Errno) in try setAdvice(cpu, advice, area, from, to) }
        }
    }

    /// The end of a range of whole pages. Throws EINVAL where it lies beyond what a number can say.
    func adviceEnd(_ start: UInt64, _ length: UInt64) throws(Errno) -> UInt64 {
        let bytes = Page.ceiling(length)
        let end = start &+ bytes
        guard bytes != 0 || length == 0, end >= start else { throw .EINVAL }
        return end
    }

    /// Visits the areas of a range; a hole is passed over and remembered as ENOMEM.
    func eachArea(
        _ start: UInt64, _ end: UInt64, _ body: (Handle<Area>, UInt64, UInt64) throws(Errno) -> Void
    ) throws(Errno) {
        var at = start
        var sawHole = false
        while at < end {
            let area = areas.find(at)
            guard !area.isNone, core.areas[area].start < end else { throw .ENOMEM }
            let from = Swift.max(at, core.areas[area].start)
            if from > at { sawHole = true }
            let to = Swift.min(core.areas[area].end, end)
            try body(area, from, to)
            at = to
        }
        if sawHole { throw .ENOMEM }
    }

    /// Advice that is a flag of the area.
    private func setAdvice(
        _ cpu: CPU, _ advice: Advice, _ area: Handle<Area>, _ start: UInt64, _ end: UInt64
    ) throws(Errno) {
        let record = core.areas[area]
        var flags = record.flags
        switch advice {
        case .normal: flags.subtract([.randomRead, .sequentialRead])
        case .sequential: flags = flags.subtracting(.randomRead).union(.sequentialRead)
        case .random: flags = flags.subtracting(.sequentialRead).union(.randomRead)
        case .dontFork: flags.insert(.dontCopy)
        case .doFork: flags.remove(.dontCopy)
        case .wipeOnFork:
            guard record.isAnonymous, !flags.contains(.shared) else { throw .EINVAL }
            flags.insert(.wipeOnFork)
        case .keepOnFork:
            guard !flags.contains(.droppable) else { throw .EINVAL }
            flags.remove(.wipeOnFork)
        case .dontDump: flags.insert(.dontDump)
        case .doDump:
            guard flags.isDisjoint(with: [.dontExpand, .droppable]) else { throw .EINVAL }
            flags.remove(.dontDump)
        case .hugePage:
            flags = flags.subtracting(.noHugePage).union(.hugePage)
            enrol(cpu, area, flags: flags)
        case .noHugePage: flags = flags.subtracting(.hugePage).union(.noHugePage)
        case .mergeable: if flags.isKSMCompatible { flags.insert(.mergeable) }
        case .unmergeable: flags.remove(.mergeable)
        default: throw .EINVAL
        }
        if flags == record.flags { return }
        // A split or merge that cannot be had now may be had later.
        do throws(Errno) { _ = try modifyFlags(cpu, area, start, end, to: flags) } catch { throw .EAGAIN }
    }

    /// Advice that acts on pages. The mmap lock is held for read.
    private func act(
        _ cpu: CPU, _ gather: inout Gather, _ advice: Advice, _ area: Handle<Area>, _ start: UInt64, _ end: UInt64,
        _ spaces: (UInt32) -> AddressSpace?
    ) throws(Errno) {
        let record = core.area(area)
        switch advice {
        case .dontNeed, .dontNeedLocked:
            guard advice == .dontNeedLocked || !record.flags.contains(.locked) else { throw .EINVAL }
            discard(cpu, &gather, area, start, end, ZapDetails(evenCows: true, reclaimTables: true))
        case .free:
            guard record.isAnonymous, !record.flags.contains(.locked) else { throw .EINVAL }
            noteResidentPeak()
            adviseFolios(cpu, &gather, area, start, end, .free)
        case .guardInstall:
            try installGuards(cpu, area, start, end)
        case .guardRemove:
            guard isGuardable(record) else { throw .EINVAL }
            removeGuards(cpu, start, end)
        case .cold, .pageOut:
            guard !record.flags.contains(.locked) else { throw .EINVAL }
            let goes: UseAdvice = record.flags.contains(.droppable) ? .drop : .pageOut
            adviseFolios(cpu, &gather, area, start, end, advice == .cold ? .cold : goes)
            gather.flushTranslations()
        case .remove:
            guard !record.flags.contains(.locked), !record.file.isNone else { throw .EINVAL }
            guard record.flags.contains([.mayShare, .mayWrite]) else { throw .EACCES }
            guard core.files[record.file].kind != .recorded else { throw .EOPNOTSUPP }
            let first = record.pageOffset(of: start) << Page.shift
            try core.punchHole(cpu, record.file, first, first + (end - start), spaces)
        case .willNeed where !record.file.isNone && core.files[record.file].kind == .disk:
            let first = record.pageOffset(of: start)
            core.readAll(cpu, record.file, first, first + (end - start) >> Page.shift)
        case .collapse:
            try collapseForAdvice(cpu, area, start, end)
        default:
            return
        }
    }

    private func populateForAdvice(
        _ cpu: CPU, _ start: UInt64, _ end: UInt64, _ access: Access
    ) throws(Errno) {
        mmapLock.readLock(cpu)
        defer { mmapLock.readUnlock(cpu) }
        var at = start
        while at < end {
            let area = areas.find(at)
            guard !area.isNone, core.areas[area].start <= at else { throw .ENOMEM }
            let record = core.area(area)
            // A program may read what it may write; populating asks for the right itself (check_vma_flags).
            guard record.flags.contains(access == .write ? .write : .read) else { throw .EINVAL }
            let to = Swift.min(record.end, end)
            if let stopped = faultIn(cpu, area, at, to, access) {
                throw stopped == .outOfMemory ? .ENOMEM : .EFAULT
            }
            at = to
        }
    }
}

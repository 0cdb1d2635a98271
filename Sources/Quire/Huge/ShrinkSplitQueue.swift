// Memory is short: folios of which some pages are mapped no longer are split, and those pages are free; so are folios of
// 2 MiB that hold mostly zeroes, where a knob says so. A fault that finds no memory does this and tries again; dropping
// caches does it too, and lets the huge zero page go if nobody maps it.
// Linux: deferred_split_scan, shrink_huge_zero_folio_scan; the shrinkers that drop_slab calls.

extension MachineCore {
    /// Splits what waits to be split; how many folios that were. Those that somebody else refers to wait on. O(their pages).
    @discardableResult
    func shrinkSplitQueue(_ cpu: CPU) -> Int {
        var split = 0
        var kept = FrameNumber.none
        while true {
            let head = memory.takeFromSplitQueue(cpu)
            if head.isNone { break }
            let isPartlyMapped = memory.has(cpu, head, FrameFlags.partlyMapped)
            let isWanted = isPartlyMapped || isUnderused(cpu, head)
            let lock = memory.folioLock(head)
            let isLocked = isWanted && lock.tryLock(cpu)
            let isSplit = isLocked && splitFolio(cpu, head) == .done
            if isLocked { lock.unlock(cpu) }
            if isSplit { split += 1 }
            if isSplit, !isPartlyMapped { cpu.count(.underusedSplits) }
            if isSplit || !isPartlyMapped {
                // One that is well used does not wait again.
                memory.put(cpu, head)
            } else {
                memory.setNext(head, kept)
                kept = head
            }
        }
        while !kept.isNone {
            let head = kept
            kept = memory.next(head)
            memory.waitInSplitQueue(cpu, head)
            memory.put(cpu, folio: head, count: 1)
        }
        return split
    }

    /// A folio of 2 MiB that was just mapped waits, to be looked at when memory is short.
    func watchUse(_ cpu: CPU, _ head: FrameNumber) {
        if settings.huge.shrinkUnderused { memory.waitInSplitQueue(cpu, head) }
    }

    /// Whether more pages of a folio hold nothing but zeroes than khugepaged would make of none (thp_underused).
    private func isUnderused(_ cpu: CPU, _ head: FrameNumber) -> Bool {
        let most = Int(settings.huge.khugepaged.maxNone)
        let pages = 1 << FolioOrder.huge
        guard most < pages - 1, !memory.has(cpu, head, FrameFlags.locked) else { return false }
        var zero = 0
        for number in 0..<pages where memory.isZero(cpu, memory.page(head, number)) { zero += 1 }
        return zero > most
    }
}

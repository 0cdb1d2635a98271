// Large anonymous folios of which only some pages are still mapped: they wait in a list, and when memory is short their
// unmapped pages are had by splitting them. Part of the unsafe floor, since the list's head lies in the zone's state.
// Linux: deferred_split_folio, deferred_split_scan, split_queue_lock.

extension PhysicalMemory {
    private var splitQueueLock: SpinLock {
        unsafe SpinLock(Word32(at: UnsafeMutableRawPointer(zone) - 32), .splitQueue)
    }

    /// How many folios wait.
    var splitQueueLength: Int { unsafe Int(zone.pointee.splitQueueLength) }

    /// The first folio that waits; the others follow by `next`.
    var firstInSplitQueue: FrameNumber { unsafe FrameNumber(zone.pointee.splitQueue) }

    /// Puts a partly mapped anonymous folio into the list, once.
    func joinSplitQueue(_ cpu: CPU, _ head: FrameNumber) {
        guard kind(cpu, head) == .anonymous, !has(cpu, head, FrameFlags.partlyMapped) else { return }
        splitQueueLock.lock(cpu)
        defer { splitQueueLock.unlock(cpu) }
        guard flags(head).set(cpu, bits: FrameFlags.partlyMapped, .frameFlags) & FrameFlags.partlyMapped == 0 else {
            return
        }
        let order = order(cpu, head)
        if order == FolioOrder.huge { cpu.count(.splitsDeferred) }
        cpu.count(.splitDeferred, order: order)
        cpu.count(.partlyMapped, order: order)
        let first = firstInSplitQueue
        setNext(head, first)
        setPrevious(head, .none)
        if !first.isNone { setPrevious(first, head) }
        unsafe zone.pointee.splitQueue = head.rawValue
        unsafe zone.pointee.splitQueueLength += 1
    }

    /// Takes a folio out of the list, if it is in it.
    func leaveSplitQueue(_ cpu: CPU, _ head: FrameNumber) {
        guard has(cpu, head, FrameFlags.partlyMapped) else { return }
        cpu.count(.partlyMapped, order: order(cpu, head), -1)
        splitQueueLock.lock(cpu)
        let (before, after) = (previous(head), next(head))
        if before.isNone {
            unsafe zone.pointee.splitQueue = after.rawValue
        } else {
            setNext(before, after)
        }
        if !after.isNone { setPrevious(after, before) }
        unsafe zone.pointee.splitQueueLength -= 1
        flags(head).clear(cpu, bits: FrameFlags.partlyMapped, .frameFlags)
        splitQueueLock.unlock(cpu)
    }
}

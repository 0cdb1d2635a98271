// Large anonymous folios of which only some pages are still mapped: they wait in a list, and when memory is short their
// unmapped pages are had by splitting them. Part of the unsafe floor, since the list's head lies in the zone's state.
// Linux: deferred_split_folio, deferred_split_scan, split_queue_lock.

extension PhysicalMemory {
    /// The first folio that waits, and how many do: behind the allocator's state, of which they are no part, since their lock is
    /// another one.
    private var splitQueue: UnsafeMutablePointer<UInt32> {
        unsafe (UnsafeMutableRawPointer(zone) + 512).assumingMemoryBound(to: UInt32.self)
    }

    private var splitQueueLock: SpinLock {
        unsafe SpinLock(Word32(at: UnsafeMutableRawPointer(zone) - 32), .splitQueue)
    }

    /// How many folios wait.
    var splitQueueLength: Int { unsafe Int(splitQueue[1]) }

    /// The first folio that waits; the others follow by `next`.
    var firstInSplitQueue: FrameNumber { unsafe FrameNumber(splitQueue[0]) }

    /// Notes that an anonymous folio is partly mapped from now on, and lets it wait.
    func joinSplitQueue(_ cpu: CPU, _ head: FrameNumber) {
        guard kind(cpu, head) == .anonymous, !has(cpu, head, FrameFlags.partlyMapped) else { return }
        let bit = FrameFlags.partlyMapped
        guard flags(head).set(cpu, bits: bit, .frameFlags) & bit == 0 else { return }
        let order = order(cpu, head)
        if order == FolioOrder.huge { cpu.count(.splitsDeferred) }
        cpu.count(.splitDeferred, order: order)
        cpu.count(.partlyMapped, order: order)
        waitInSplitQueue(cpu, head)
    }

    /// Puts a folio into the list, once.
    func waitInSplitQueue(_ cpu: CPU, _ head: FrameNumber) {
        splitQueueLock.lock(cpu)
        defer { splitQueueLock.unlock(cpu) }
        let bit = FrameFlags.splitQueued
        guard flags(head).set(cpu, bits: bit, .frameFlags) & bit == 0 else { return }
        let first = firstInSplitQueue
        setNext(head, first)
        setPrevious(head, .none)
        if !first.isNone { setPrevious(first, head) }
        unsafe splitQueue[0] = head.rawValue
        unsafe splitQueue[1] += 1
    }

    /// The folio is whole no longer, or free: it does not wait any more.
    func leaveSplitQueue(_ cpu: CPU, _ head: FrameNumber) {
        guard has(cpu, head, FrameFlags.partlyMapped | FrameFlags.splitQueued) else { return }
        splitQueueLock.lock(cpu)
        if has(cpu, head, FrameFlags.splitQueued) { removeFromSplitQueue(cpu, head) }
        splitQueueLock.unlock(cpu)
        let bit = FrameFlags.partlyMapped
        guard flags(head).clear(cpu, bits: bit, .frameFlags) & bit != 0 else { return }
        cpu.count(.partlyMapped, order: order(cpu, head), -1)
    }

    /// Takes the first folio out of the list, with a reference to it; none of an empty list. One that is just being freed
    /// is passed over.
    func takeFromSplitQueue(_ cpu: CPU) -> FrameNumber {
        splitQueueLock.lock(cpu)
        defer { splitQueueLock.unlock(cpu) }
        while !firstInSplitQueue.isNone {
            let head = firstInSplitQueue
            removeFromSplitQueue(cpu, head)
            if tryGet(cpu, head) { return head }
        }
        return .none
    }

    /// Takes a reference unless there is none left (folio_try_get).
    func tryGet(_ cpu: CPU, _ head: FrameNumber) -> Bool {
        while true {
            let seen = refcount(head).load(cpu, .refcount)
            if seen == 0 { return false }
            if refcount(head).replace(cpu, seen, with: seen + 1, .refcount) { return true }
        }
    }

    private func removeFromSplitQueue(_ cpu: CPU, _ head: FrameNumber) {
        let (before, after) = (previous(head), next(head))
        if before.isNone {
            unsafe splitQueue[0] = after.rawValue
        } else {
            setNext(before, after)
        }
        if !after.isNone { setPrevious(after, before) }
        unsafe splitQueue[1] -= 1
        flags(head).clear(cpu, bits: FrameFlags.splitQueued, .frameFlags)
    }
}

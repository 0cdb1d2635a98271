// Records in bulk: as many as somebody will need, taken out of a pool at once and used one by one without its lock. What
// cannot be had is known before anything has begun, and where the caller may sleep it can be waited for.
// Linux: kmem_cache_alloc_bulk, mas_expected_entries.

import Synchronization

/// Free records that were taken out of a pool for one caller; each is linked to the next by its first word.
struct PoolReserve<Record>: BitwiseCopyable {
    fileprivate(set) var count = 0
    fileprivate var first: UInt32 = 0

    init() {}
}

extension Pool {
    /// Takes `count` records out of the pool; nil, with nothing taken, where it has not so many (or is told to fail).
    /// They count as in use. O(count).
    func reserve(_ cpu: CPU, _ count: Int) -> PoolReserve<Record>? {
        var reserve = PoolReserve<Record>()
        if count == 0 { return reserve }
        lock.lock(cpu)
        defer { lock.unlock(cpu) }
        if unsafe head[4] != 0, mustFail(count) { return nil }
        guard count <= Int(capacity) - 1 - used else { return nil }
        for _ in 0..<count {
            var index = unsafe head[1]
            if index != 0 {
                unsafe head[1] = link(index)
            } else {
                index = takeFrontier()
            }
            setLink(index, reserve.first)
            reserve.first = index
        }
        reserve.count = count
        countUsed(count)
        return reserve
    }

    /// Uses one of the records, set to `value`. There is one left.
    @inline(__always) func take(_ reserve: inout PoolReserve<Record>, _ value: Record) -> Handle<Record> {
        precondition(reserve.count > 0, "a reserve is used up")
        let index = reserve.first
        reserve.first = link(index)
        reserve.count -= 1
        initialize(index, value)
        return unsafe Handle(index: index, generation: generations[Int(index)])
    }

    /// Gives back what was not used.
    func giveBack(_ cpu: CPU, _ reserve: inout PoolReserve<Record>) {
        guard reserve.count > 0 else { return }
        var last = reserve.first
        for _ in 1..<reserve.count { last = link(last) }
        lock.lock(cpu)
        setLink(last, unsafe head[1])
        unsafe head[1] = reserve.first
        countUsed(-Int(reserve.count))
        lock.unlock(cpu)
        reserve = PoolReserve()
    }

    @inline(__always) private func link(_ index: UInt32) -> UInt32 {
        unsafe UnsafeRawPointer(records + Int(index)).loadUnaligned(as: UInt32.self)
    }

    @inline(__always) func setLink(_ index: UInt32, _ next: UInt32) {
        // As an atomic: whoever reads records without a lock may still be looking at this one.
        unsafe Word32(at: UnsafeMutableRawPointer(records + Int(index))).cell.pointee.store(next, ordering: .relaxed)
    }
}

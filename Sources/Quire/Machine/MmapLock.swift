// The mmap lock with the count by which writers mark areas: odd while it is held for write, so that each holder for write has
// a number of its own and all marks end when it gives the lock up. Neighbour: Areas/AreaLock.swift.
// Linux: mmap_lock and mm_lock_seq of mm_struct, mmap_write_lock, mmap_write_unlock.

/// A handle on the mmap lock of an address space.
struct MmapLock: BitwiseCopyable {
    private let semaphore: RWSemaphore
    private let count: Word32

    init(_ lock: Word32, count: Word32) {
        semaphore = RWSemaphore(lock, .mmapLock)
        self.count = count
    }

    @inline(__always) func readLock(_ cpu: CPU) {
        semaphore.readLock(cpu)
        cpu.count(.mmapLocks)
    }

    @inline(__always) func tryReadLock(_ cpu: CPU) -> Bool {
        guard semaphore.tryReadLock(cpu) else { return false }
        cpu.count(.mmapLocks)
        return true
    }

    /// As `readLock`, for a report, which is no part of what it tells and does not count.
    func readLockForReport(_ cpu: CPU) { semaphore.readLock(cpu) }

    @inline(__always) func readUnlock(_ cpu: CPU) { semaphore.readUnlock(cpu) }

    @inline(__always) func writeLock(_ cpu: CPU) {
        semaphore.writeLock(cpu)
        cpu.count(.mmapLocks)
        if !cpu.isSequential { count.add(cpu, 1, .sequence) }
    }

    @inline(__always) func writeUnlock(_ cpu: CPU) {
        if !cpu.isSequential { count.add(cpu, 1, .sequence) }
        semaphore.writeUnlock(cpu)
    }

    /// Turns the write lock into a read lock; no other writer gets in between.
    func downgrade(_ cpu: CPU) {
        if !cpu.isSequential { count.add(cpu, 1, .sequence) }
        semaphore.downgrade(cpu)
    }

    /// The count, for somebody who holds an area's lock.
    @inline(__always) func sequence(_ cpu: CPU) -> UInt32 { count.load(cpu, .sequence) }

    /// The count, for whoever holds the lock for write.
    @inline(__always) var ownSequence: UInt32 { count.own }

    /// Whether anybody holds it for write, and whether anybody holds it: for assertions.
    var isWriteLocked: Bool { semaphore.isWriteLocked }
    var isLocked: Bool { semaphore.isLocked }
}

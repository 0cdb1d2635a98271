// Shared words in raw memory, read and written through atomics. In a sequential machine the read-modify-write
// operations are a load and a store; everything else is the same code. Callers above the floor hold `Word32` and
// `Word64` values and need no unsafe code. No stand-alone fences: orderings stand at the operations.

import Synchronization

/// A 64-bit word that several CPUs may use at once: a page-table entry, a counter.
@safe struct Word64: BitwiseCopyable, @unchecked Sendable {
    let cell: UnsafeMutablePointer<Atomic<UInt64>>

    @inline(__always) init(at address: UnsafeMutableRawPointer) {
        unsafe cell = address.assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    /// Waits a moment for another CPU to change the word.
    func pause(_ cpu: CPU, _ name: SyncName) { unsafe cpu.spinOnce(cell, name, turn: 0) }

    @inline(__always) func load(_ cpu: CPU, _ name: SyncName) -> UInt64 {
        if cpu.isExplored, let own = unsafe announceLoad(cpu, cell, size: 8, .acquire, name) { return own }
        return unsafe cell.pointee.load(ordering: .acquiring)
    }

    @inline(__always) func loadRelaxed(_ cpu: CPU, _ name: SyncName) -> UInt64 {
        if cpu.isExplored, let own = unsafe announceLoad(cpu, cell, size: 8, .relaxed, name) { return own }
        return unsafe cell.pointee.load(ordering: .relaxed)
    }

    @inline(__always) func store(_ cpu: CPU, _ value: UInt64, _ name: SyncName) {
        if cpu.isExplored, unsafe announceStore(cpu, cell, value, size: 8, .release, name) { return }
        unsafe cell.pointee.store(value, ordering: .releasing)
    }

    @inline(__always) func storeRelaxed(_ cpu: CPU, _ value: UInt64, _ name: SyncName) {
        if cpu.isExplored, unsafe announceStore(cpu, cell, value, size: 8, .relaxed, name) { return }
        unsafe cell.pointee.store(value, ordering: .relaxed)
    }

    /// Replaces the value and returns the old one.
    @inline(__always) func exchange(_ cpu: CPU, _ value: UInt64, _ name: SyncName) -> UInt64 {
        if cpu.isSequential {
            let old = unsafe cell.pointee.load(ordering: .relaxed)
            unsafe cell.pointee.store(value, ordering: .relaxed)
            return old
        }
        if cpu.lacks(.exchangeOfEntries), name == .entry {
            let old = load(cpu, name)
            store(cpu, value, name)
            return old
        }
        unsafe schedulePoint(cpu, .readModifyWrite, cell, .acquireRelease, name)
        return unsafe cell.pointee.exchange(value, ordering: .acquiringAndReleasing)
    }

    /// Adds and returns the new value; wraps.
    @discardableResult
    @inline(__always) func add(_ cpu: CPU, _ amount: UInt64, _ name: SyncName) -> UInt64 {
        if cpu.isSequential {
            let new = unsafe cell.pointee.load(ordering: .relaxed) &+ amount
            unsafe cell.pointee.store(new, ordering: .relaxed)
            return new
        }
        unsafe schedulePoint(cpu, .readModifyWrite, cell, .acquireRelease, name)
        return unsafe cell.pointee.wrappingAdd(amount, ordering: .acquiringAndReleasing).newValue
    }

    /// Stores `new` if the word still has the value `old`; says whether it did.
    @inline(__always) func replace(_ cpu: CPU, _ old: UInt64, with new: UInt64, _ name: SyncName) -> Bool {
        if cpu.isSequential {
            guard unsafe cell.pointee.load(ordering: .relaxed) == old else { return false }
            unsafe cell.pointee.store(new, ordering: .relaxed)
            return true
        }
        unsafe schedulePoint(cpu, .readModifyWrite, cell, .acquireRelease, name)
        return unsafe cell.pointee.compareExchange(
            expected: old, desired: new, successOrdering: .acquiringAndReleasing, failureOrdering: .acquiring
        ).exchanged
    }

    /// Raises the value to at least another: a statistic, of which others' changes at the same moment may be lost. No schedule
    /// point.
    @inline(__always) func noteMost(_ value: UInt64) {
        if unsafe value > cell.pointee.load(ordering: .relaxed) {
            unsafe cell.pointee.store(value, ordering: .relaxed)
        }
    }

    /// Sets bits and returns the old value.
    @discardableResult
    @inline(__always) func set(_ cpu: CPU, bits: UInt64, _ name: SyncName) -> UInt64 {
        if cpu.isSequential {
            let old = unsafe cell.pointee.load(ordering: .relaxed)
            unsafe cell.pointee.store(old | bits, ordering: .relaxed)
            return old
        }
        unsafe schedulePoint(cpu, .readModifyWrite, cell, .acquireRelease, name)
        return unsafe cell.pointee.bitwiseOr(bits, ordering: .acquiringAndReleasing).oldValue
    }
}

/// A 32-bit word that several CPUs may use at once: a lock, a reference count, a frame's flags.
@safe struct Word32: BitwiseCopyable, @unchecked Sendable {
    let cell: UnsafeMutablePointer<Atomic<UInt32>>

    @inline(__always) init(at address: UnsafeMutableRawPointer) {
        unsafe cell = address.assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    @inline(__always) func load(_ cpu: CPU, _ name: SyncName) -> UInt32 {
        if cpu.isExplored, let own = unsafe announceLoad(cpu, cell, size: 4, .acquire, name) {
            return UInt32(truncatingIfNeeded: own)
        }
        return unsafe cell.pointee.load(ordering: .acquiring)
    }

    @inline(__always) func loadRelaxed(_ cpu: CPU, _ name: SyncName) -> UInt32 {
        if cpu.isExplored, let own = unsafe announceLoad(cpu, cell, size: 4, .relaxed, name) {
            return UInt32(truncatingIfNeeded: own)
        }
        return unsafe cell.pointee.load(ordering: .relaxed)
    }

    /// The value, for the one CPU that may change it now: no schedule point.
    @inline(__always) var own: UInt32 { unsafe cell.pointee.load(ordering: .relaxed) }

    @inline(__always) func store(_ cpu: CPU, _ value: UInt32, _ name: SyncName) {
        if cpu.isExplored, unsafe announceStore(cpu, cell, UInt64(value), size: 4, .release, name) { return }
        unsafe cell.pointee.store(value, ordering: .releasing)
    }

    /// Announces an operation on the word of a sleeping lock where the explorer wants to see these.
    @inline(__always) func pointIfOpened(_ cpu: CPU, _ name: SyncName, _ kind: EventKind) {
        if cpu.opens(name) { unsafe schedulePoint(cpu, kind, cell, .acquireRelease, name) }
    }

    /// Reads a word that nobody else looks at yet: no schedule point, but the CPU's own store is seen.
    @inline(__always) func loadUnseen(_ cpu: CPU) -> UInt32 {
        if cpu.isExplored, let own = unsafe loadBuffered(cpu, cell, size: 4) { return UInt32(truncatingIfNeeded: own) }
        return unsafe cell.pointee.load(ordering: .relaxed)
    }

    /// Writes a word that nobody else looks at yet: no schedule point, but in the order of the CPU's stores.
    @inline(__always) func storeUnseen(_ cpu: CPU, _ value: UInt32, _ name: SyncName) {
        if cpu.isExplored, unsafe bufferStore(cpu, cell, UInt64(value), size: 4, name) { return }
        unsafe cell.pointee.store(value, ordering: .relaxed)
    }

    @inline(__always) func storeRelaxed(_ cpu: CPU, _ value: UInt32, _ name: SyncName) {
        if cpu.isExplored, unsafe announceStore(cpu, cell, UInt64(value), size: 4, .relaxed, name) { return }
        unsafe cell.pointee.store(value, ordering: .relaxed)
    }

    /// Adds and returns the new value; wraps.
    @discardableResult
    @inline(__always) func add(_ cpu: CPU, _ amount: UInt32, _ name: SyncName) -> UInt32 {
        if cpu.isSequential {
            let new = unsafe cell.pointee.load(ordering: .relaxed) &+ amount
            unsafe cell.pointee.store(new, ordering: .relaxed)
            return new
        }
        unsafe schedulePoint(cpu, .readModifyWrite, cell, .acquireRelease, name)
        return unsafe cell.pointee.wrappingAdd(amount, ordering: .acquiringAndReleasing).newValue
    }

    /// Subtracts and returns the new value; wraps.
    @discardableResult
    @inline(__always) func subtract(_ cpu: CPU, _ amount: UInt32, _ name: SyncName) -> UInt32 {
        add(cpu, 0 &- amount, name)
    }

    /// Stores `new` if the word still has the value `old`; says whether it did.
    @inline(__always) func replace(_ cpu: CPU, _ old: UInt32, with new: UInt32, _ name: SyncName) -> Bool {
        if cpu.isSequential {
            guard unsafe cell.pointee.load(ordering: .relaxed) == old else { return false }
            unsafe cell.pointee.store(new, ordering: .relaxed)
            return true
        }
        unsafe schedulePoint(cpu, .readModifyWrite, cell, .acquireRelease, name)
        return unsafe cell.pointee.compareExchange(
            expected: old, desired: new, successOrdering: .acquiringAndReleasing, failureOrdering: .acquiring
        ).exchanged
    }

    /// Sets bits and returns the old value.
    @discardableResult
    @inline(__always) func set(_ cpu: CPU, bits: UInt32, _ name: SyncName) -> UInt32 {
        if cpu.isSequential {
            let old = unsafe cell.pointee.load(ordering: .relaxed)
            unsafe cell.pointee.store(old | bits, ordering: .relaxed)
            return old
        }
        unsafe schedulePoint(cpu, .readModifyWrite, cell, .acquireRelease, name)
        return unsafe cell.pointee.bitwiseOr(bits, ordering: .acquiringAndReleasing).oldValue
    }

    /// Clears bits and returns the old value.
    @discardableResult
    @inline(__always) func clear(_ cpu: CPU, bits: UInt32, _ name: SyncName) -> UInt32 {
        if cpu.isSequential {
            let old = unsafe cell.pointee.load(ordering: .relaxed)
            unsafe cell.pointee.store(old & ~bits, ordering: .relaxed)
            return old
        }
        unsafe schedulePoint(cpu, .readModifyWrite, cell, .acquireRelease, name)
        return unsafe cell.pointee.bitwiseAnd(~bits, ordering: .acquiringAndReleasing).oldValue
    }
}

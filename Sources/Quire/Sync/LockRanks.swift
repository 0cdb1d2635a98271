// The lock checks of debug builds: which locks a CPU holds, that a blocking acquisition keeps the order of
// docs/locking.md, that only the holder unlocks, and that nothing sleeps while it spins. In release builds these
// functions are empty. The kernel's counterpart: lockdep and might_sleep().

extension CPU {
    /// Notes that the lock at `object` was taken; traps where a blocking acquisition breaks the order.
    @inline(__always)
    func acquired(_ object: UnsafeRawPointer, _ name: SyncName, blocking: Bool) {
        #if DEBUG
            noteAcquired(UInt64(UInt(bitPattern: object)), name, blocking: blocking)
        #endif
    }

    /// Notes that the lock at `object` was given up; traps where this CPU does not hold it.
    @inline(__always)
    func released(_ object: UnsafeRawPointer, _ name: SyncName) {
        #if DEBUG
            noteReleased(UInt64(UInt(bitPattern: object)), name)
        #endif
    }

    /// Says that the caller may sleep here: traps in debug builds where it holds a spin lock.
    @inline(__always)
    func mightSleep() {
        #if DEBUG
            unsafe precondition(state.pointee.spinDepth == 0, "sleeps while it holds a spin lock")
        #endif
    }

    #if DEBUG
        private func noteAcquired(_ address: UInt64, _ name: SyncName, blocking: Bool) {
            let count = unsafe Int(state.pointee.heldCount)
            precondition(count < 24, "more than 24 locks held")
            if blocking {
                for slot in 0..<count {
                    let other = unsafe SyncName(rawValue: UInt8(state.pointee.held[slot] >> 56))!
                    let inOrder = other.rank < name.rank || (other == name && name.nests)
                    require(inOrder, "lock order: \(name.label) taken while \(other.label) is held")
                }
            }
            unsafe state.pointee.held[count] = address & (1 << 56 - 1) | UInt64(name.rawValue) << 56
            unsafe state.pointee.heldCount += 1
            if name.spins { unsafe state.pointee.spinDepth += 1 }
        }

        private func noteReleased(_ address: UInt64, _ name: SyncName) {
            let count = unsafe Int(state.pointee.heldCount)
            let wanted = address & (1 << 56 - 1) | UInt64(name.rawValue) << 56
            for slot in (0..<count).reversed() where unsafe state.pointee.held[slot] == wanted {
                for next in slot..<(count - 1) {
                    unsafe state.pointee.held[next] = unsafe state.pointee.held[next + 1]
                }
                unsafe state.pointee.heldCount -= 1
                if name.spins { unsafe state.pointee.spinDepth -= 1 }
                return
            }
            preconditionFailure("\(name.label) is unlocked by a CPU that does not hold it")
        }
    #endif
}

extension SyncName {
    /// Whether the class is a spin lock: its holder must not sleep.
    var spins: Bool {
        switch self {
        case .pageTable, .pmd, .pte, .folioMap, .splitQueue, .zone, .pins, .pool, .pageCache: true
        default: false
        }
    }
}

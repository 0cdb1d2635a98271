// What keeps a fault's area as it is: the area's own lock or the mmap lock, and how the fault gives up the one it holds. Most
// faults need no more than their area's lock (Areas/AreaLock.swift); what cannot be done under it gives it up and starts over
// under the mmap lock: docs/vma-locks.md has the list. Linux: FAULT_FLAG_VMA_LOCK, release_fault_lock, vmf_anon_prepare,
// vmf_can_call_fault, lock_folio_maybe_drop_mmap.

/// The lock that a fault holds.
enum FaultLock: UInt8, BitwiseCopyable {
    /// The mmap lock, for read or, where a call populates what it changes, for write.
    case mmap
    /// The lock of the fault's area, for read.
    case area
}

extension AddressSpace {
    /// Serves a fault without the mmap lock; `.lockReleased`, with nothing held, where it takes that.
    @inline(never)
    func faultUnderAreaLock(_ cpu: CPU, _ address: UInt64, _ access: Access) -> FaultOutcome {
        cpu.isExplored
            ? faultUnderAreaLockInMode(cpu, address, access)
            : faultUnderAreaLockInMode(cpu.unexplored, address, access)
    }

    @_transparent
    private func faultUnderAreaLockInMode(_ cpu: CPU, _ address: UInt64, _ access: Access) -> FaultOutcome {
        let area = lockArea(cpu, address)
        if area.isNone { return .lockReleased }
        let flags = core.areas[area].flags
        let context = FaultContext(area: area, address: address, access: access, lock: .area, mayDropLock: true)
        var outcome = FaultOutcome.signal(.accessError, address: address)
        if permits(flags, access) {
            // Whoever serves the area wants to find it as it is.
            outcome = flags.isDisjoint(with: .userfault) ? serve(cpu, context) : releaseLock(cpu, context)
        }
        if case .lockReleased = outcome {
            cpu.count(.areaLockRetries)
            return outcome
        }
        unlockArea(cpu, area)
        cpu.count(.areaLockSuccesses)
        return outcome
    }

    /// Gives up the lock that the fault holds, whichever it is (release_fault_lock).
    func releaseLock(_ cpu: CPU, _ context: FaultContext) -> FaultOutcome {
        switch cpu.lacks(.dropOfLockHeld) ? .mmap : context.lock {
        case .area: unlockArea(cpu, context.area)
        case .mmap: mmapLock.readUnlock(cpu)
        }
        return .lockReleased
    }

    /// Gives the fault's area an anon_vma if it has none yet. Nil: it has one now. Under the area's lock that is not done: the
    /// neighbours are looked at for one to share, and may be changing (vmf_anon_prepare). Only the first copy pays.
    @inline(__always)
    func prepareAnonVMA(_ cpu: CPU, _ context: FaultContext) -> FaultOutcome? {
        core.hasAnonVMA(context.area) ? nil : makeAnonVMA(cpu, context)
    }

    @inline(never)
    private func makeAnonVMA(_ cpu: CPU, _ context: FaultContext) -> FaultOutcome? {
        if context.lock == .area, !cpu.lacks(.retryForAnonVMA) { return releaseLock(cpu, context) }
        return prepareAnonVMA(cpu, context.area) ? nil : .outOfMemory
    }

    /// Nil: the fault may ask the file for a page. Under the area's lock only a file is asked that maps pages around a fault
    /// by itself: all of those end in the same code, which needs no more; what another's handler needs nobody knows
    /// (vmf_can_call_fault).
    @inline(__always)
    func askFile(_ cpu: CPU, _ context: FaultContext) -> FaultOutcome? {
        guard context.lock == .area, !core.files[core.areas[context.area].file].kind.mapsAround else { return nil }
        return releaseLock(cpu, context)
    }
}

// The lock of an area, for a fault without the mmap lock. The fault finds the area without any lock, takes the area's lock for
// read if it is free, and looks whether that is still the area it came for. Whoever changes areas holds the mmap lock for
// write and marks each area that it changes: it waits for the faults in it and notes the count that the mmap lock has for as
// long as it is held; an area with the present count is a writer's. The mark ends by itself, with the mmap lock.
//
//     word beside the record          fault (reader)                       writer, mmap lock held for write
//     lock   readers, or closed       try to take it for read              take it for write: the readers leave
//     mark   count of mmap_lock       mark = count? then it is a writer's  mark := count; give the lock up
//
// A record that is in no tree has its lock closed, so that a look-up that comes to it late gets nothing. The words lie beside
// the records and outlive them: docs/vma-locks.md. Linux: lock_vma_under_rcu, vma_start_read, vma_start_write, vma_end_write_all.

extension MachineCore {
    /// The lock of the area at a place of the pool, whoever's that is by now.
    @inline(__always) func areaLock(at place: UInt32) -> RWSemaphore {
        RWSemaphore(areas.sideWord(at: place, 0), .vmaLock)
    }

    /// What a writer notes in the area at a place: the count of the mmap lock (vm_lock_seq).
    @inline(__always) fileprivate func areaMark(at place: UInt32) -> Word32 { areas.sideWord(at: place, 1) }

    /// Closes the lock of an area that is about to be made: late look-ups come to a record at any time.
    @inline(__always) func closeFresh(_ cpu: CPU, _ area: Handle<Area>) {
        guard !cpu.isSequential else { return }
        let lock = areaLock(at: area.index)
        if !lock.isWriteLocked { lock.close(cpu) }
    }

    /// Closes the lock of an area that has left the tree: waits for the faults in it (vma_mark_detached).
    @inline(__always) func detachArea(_ cpu: CPU, _ area: Handle<Area>) {
        if !cpu.isSequential, !cpu.lacks(.closeDetached) { areaLock(at: area.index).close(cpu) }
    }
}

extension AddressSpace {
    // MARK: Faults

    /// Finds and locks the area of an address for a fault, without the mmap lock; none where the fault must take that.
    @inline(never)
    func lockArea(_ cpu: CPU, _ address: UInt64) -> Handle<Area> {
        cpu.isExplored ? lockAreaInMode(cpu, address) : lockAreaInMode(cpu.unexplored, address)
    }

    @_transparent
    private func lockAreaInMode(_ cpu: CPU, _ address: UInt64) -> Handle<Area> {
        // Twice: a miss says that something changed just now, and a writer may go on for long.
        for _ in 0..<2 {
            if let place = areas.lookUp(cpu, address) {
                if place == 0 { break }
                switch startRead(cpu, place, address) {
                case .locked(let area): return area
                case .aborted:
                    cpu.count(.areaLockAborts)
                    return .none
                case .missed: break
                }
            }
            cpu.count(.areaLockMisses)
        }
        cpu.count(.areaLockAborts)
        return .none
    }

    private enum ReadStart {
        case locked(Handle<Area>)
        /// A writer has it, or it is not where the address is.
        case aborted
        /// The record is another space's by now.
        case missed
    }

    @_transparent private func startRead(_ cpu: CPU, _ place: UInt32, _ address: UInt64) -> ReadStart {
        let lock = core.areaLock(at: place)
        guard lock.tryReadLock(cpu) else { return .aborted }
        // From here on nobody frees the record; what it says is looked at now.
        let area = core.areas.handle(at: place)
        guard core.areas[area].space == number || cpu.lacks(.secondLookAtArea) else {
            lock.readUnlock(cpu)
            return .missed
        }
        // Read after the lock: a writer that came first has marked it before it gave the lock up.
        let mark = core.areaMark(at: place).loadRelaxed(cpu, .sequence)
        let now = mmapLock.sequence(cpu)
        let isWritten = now & 1 == 1 && mark == now && !cpu.lacks(.lookAtMark)
        // Only now: before, a writer may be changing it.
        guard !isWritten, core.areas[area].contains(address) || cpu.lacks(.secondLookAtArea) else {
            lock.readUnlock(cpu)
            return .aborted
        }
        return .locked(area)
    }

    /// Gives an area's lock up (vma_end_read).
    @inline(__always) func unlockArea(_ cpu: CPU, _ area: Handle<Area>) {
        core.areaLock(at: area.index).readUnlock(cpu)
    }

    // MARK: Writers

    /// Marks an area as a writer's until the mmap lock is given up, which is held for write: waits for the faults in it
    /// (vma_start_write).
    @inline(__always) func startWrite(_ cpu: CPU, _ area: Handle<Area>) {
        if !cpu.isSequential { mark(cpu, area) }
    }

    @inline(never) private func mark(_ cpu: CPU, _ area: Handle<Area>) {
        let mark = core.areaMark(at: area.index)
        let now = mmapLock.ownSequence
        if mark.own == now || cpu.lacks(.markByWriter) { return }
        attachArea(cpu, area)
        guard !cpu.lacks(.waitForFaults) else { return mark.storeRelaxed(cpu, now, .sequence) }
        let lock = core.areaLock(at: area.index)
        lock.writeLock(cpu)
        mark.storeRelaxed(cpu, now, .sequence)
        lock.writeUnlock(cpu)
    }

    /// Opens the lock of an area that is complete and in the tree now; it stays a writer's until the mmap lock is given up
    /// (vma_mark_attached). A sequential machine has locks for nobody and leaves closed what it finds so: the first writer
    /// of a machine that is explored afterwards makes up for that.
    @inline(__always) func attachArea(_ cpu: CPU, _ area: Handle<Area>) {
        guard !cpu.isSequential else { return }
        let lock = core.areaLock(at: area.index)
        guard lock.isWriteLocked else { return }
        core.areaMark(at: area.index).storeRelaxed(cpu, mmapLock.ownSequence, .sequence)
        lock.open(cpu)
    }
}

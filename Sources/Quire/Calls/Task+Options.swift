// prctl as far as it bears on all memory of a process: KSM for all of it, huge pages for none. The options pass to
// children and survive execve. Linux: ksm_enable_merge_any, prctl_set_thp_disable.

extension Task {
    /// PR_SET_MEMORY_MERGE: every area that may is mergeable, now and when it is made; or none is any more. Says nothing
    /// about areas where it does not change. Throws EINVAL where further arguments are not 0.
    public func setMemoryMerge(_ enable: UInt64, _ rest: [UInt64]) throws(Errno) {
        guard rest.allSatisfy({ $0 == 0 }) else { throw .EINVAL }
        space.mmapLock.writeLock(cpu)
        defer { space.mmapLock.writeUnlock(cpu) }
        guard space.numbers.mergesAll != (enable != 0) else { return }
        space.numbers.mergesAll = enable != 0
        var cursor = space.areas.first
        while !cursor.isNone {
            let area = space.areas.area(at: cursor)
            space.startWrite(cpu, area)
            if enable == 0 {
                space.core.areas[area].flags.remove(.mergeable)
            } else if space.core.areas[area].flags.isKSMCompatible {
                space.core.areas[area].flags.insert(.mergeable)
            }
            cursor = space.areas.next(cursor)
        }
    }

    /// PR_GET_MEMORY_MERGE.
    public func memoryMerge(_ rest: [UInt64]) throws(Errno) -> UInt64 {
        guard rest.allSatisfy({ $0 == 0 }) else { throw .EINVAL }
        return space.numbers.mergesAll ? 1 : 0
    }

    /// PR_SET_THP_DISABLE. `flags` 2 is PR_THP_DISABLE_EXCEPT_ADVISED.
    public func setHugePagesDisabled(_ disable: UInt64, flags: UInt64, _ rest: [UInt64]) throws(Errno) {
        guard rest.allSatisfy({ $0 == 0 }), flags == 0 || (flags == 2 && disable != 0) else { throw .EINVAL }
        space.mmapLock.writeLock(cpu)
        space.numbers.hugeDisabled = disable == 0 ? .no : flags == 0 ? .completely : .exceptAdvised
        space.mmapLock.writeUnlock(cpu)
    }

    /// PR_GET_THP_DISABLE: 0, 1, or 3 where areas that ask for huge pages get them.
    public func hugePagesDisabled(_ rest: [UInt64]) throws(Errno) -> UInt64 {
        guard rest.allSatisfy({ $0 == 0 }) else { throw .EINVAL }
        switch space.numbers.hugeDisabled {
        case .no: return 0
        case .completely: return 1
        case .exceptAdvised: return 3
        }
    }
}

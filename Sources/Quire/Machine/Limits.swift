// Resource limits of a process: address space, data, stack, locked memory. They stand with the numbers of its address
// space; a vfork child, which borrows one, shares its parent's. Linux: struct rlimit, do_prlimit, can_do_mlock,
// mlock_future_ok.

/// What can be limited, with Linux's numbers.
public enum Resource: UInt32, BitwiseCopyable, Sendable, CaseIterable {
    /// Private writable memory that is no stack (RLIMIT_DATA).
    case data = 2
    /// Each stack that grows (RLIMIT_STACK).
    case stack = 3
    /// Memory locked by mlock and its kin, without CAP_IPC_LOCK (RLIMIT_MEMLOCK).
    case lockedMemory = 8
    /// All that is mapped (RLIMIT_AS).
    case addressSpace = 9
}

/// A limit in bytes; all ones is none (RLIM_INFINITY).
public struct ResourceLimit: Hashable, BitwiseCopyable, Sendable {
    /// What holds, and up to where the process itself may raise it.
    public var soft: UInt64, hard: UInt64

    public init(soft: UInt64 = .max, hard: UInt64 = .max) {
        self.soft = soft
        self.hard = hard
    }
}

/// The limits of a process; Linux's defaults.
struct Limits: BitwiseCopyable {
    var addressSpace = ResourceLimit()
    var data = ResourceLimit()
    var stack = ResourceLimit(soft: 8 << 20)
    var lockedMemory = ResourceLimit(soft: 8 << 20, hard: 8 << 20)

    subscript(_ resource: Resource) -> ResourceLimit {
        get {
            switch resource {
            case .data: data
            case .stack: stack
            case .lockedMemory: lockedMemory
            case .addressSpace: addressSpace
            }
        }
        set {
            switch resource {
            case .data: data = newValue
            case .stack: stack = newValue
            case .lockedMemory: lockedMemory = newValue
            case .addressSpace: addressSpace = newValue
            }
        }
    }
}

extension Task {
    /// prlimit64 on the calling process: returns the limit there was and sets another, if there is one. EINVAL for a
    /// soft limit above the hard one, EPERM for a hard one that rises without CAP_SYS_RESOURCE.
    @discardableResult
    public func prlimit(_ resource: Resource, _ new: ResourceLimit? = nil) throws(Errno) -> ResourceLimit {
        space.mmapLock.writeLock(cpu)
        defer { space.mmapLock.writeUnlock(cpu) }
        let old = space.numbers.limits[resource]
        guard let new else { return old }
        guard new.soft <= new.hard else { throw .EINVAL }
        guard new.hard <= old.hard || machine.core.settings.hasCapabilities else { throw .EPERM }
        space.numbers.limits[resource] = new
        return old
    }
}

extension AddressSpace {
    /// Whether the process may lock memory at all (can_do_mlock).
    var mayLockAny: Bool { core.settings.hasCapabilities || numbers.limits.lockedMemory.soft != 0 }

    /// Whether `pages` more may be locked (mlock_future_ok).
    func mayLock(pages: UInt64) -> Bool {
        core.settings.hasCapabilities
            || numbers.lockedPages &+ pages <= numbers.limits.lockedMemory.soft >> Page.shift
    }
}

// What a fault comes to, and what an access asks for. A fault takes an address space, the exact address and the
// access, and is re-entrant: `retry` and `blocked` let a task be suspended in the middle. Linux: vm_fault_t, siginfo.

/// What a program does to memory.
public enum Access: UInt8, BitwiseCopyable, Sendable {
    case read, write, execute
    /// Nobody's access: a page is to be pinned for reading and must first belong to this mapping alone
    /// (FAULT_FLAG_UNSHARE).
    case unshare
}

/// Why a fault could not be served: the signal's code.
public enum SignalCode: UInt8, BitwiseCopyable, Sendable {
    /// SIGSEGV: nothing is mapped there.
    case mapError
    /// SIGSEGV: the rights do not allow it.
    case accessError
    /// SIGSEGV: not an address; the processor does not tell which (a general protection fault).
    case notCanonical
    /// SIGBUS: beyond the end of the file.
    case busAddressError
    /// SIGBUS: a page that was lost.
    case busHardwareError

    /// The name of the code, as strace prints it.
    public var name: String {
        switch self {
        case .mapError: "SEGV_MAPERR"
        case .accessError: "SEGV_ACCERR"
        case .notCanonical: "SI_KERNEL"
        case .busAddressError: "BUS_ADRERR"
        case .busHardwareError: "BUS_MCEERR_AR"
        }
    }

    /// The signal's name.
    public var signal: String {
        switch self {
        case .mapError, .accessError, .notCanonical: "SIGSEGV"
        case .busAddressError, .busHardwareError: "SIGBUS"
        }
    }
}

/// What a fault came to.
public enum FaultOutcome: BitwiseCopyable, Sendable, Equatable {
    /// The access can be tried again and will pass; `major` where it had to wait for a device.
    case done(major: Bool)
    /// Something changed under it: start over.
    case retry
    /// Inside the core: the fault has given up the lock it held, its area's or the mmap lock, and starts over under the mmap
    /// lock (VM_FAULT_RETRY).
    case lockReleased
    /// Somebody else must act first (a userfaultfd handler, a disk where the fault may not wait); the task sleeps.
    case blocked
    /// For good: a signal at the exact address.
    case signal(SignalCode, address: UInt64)
    /// No memory: the task is killed.
    case outOfMemory
}

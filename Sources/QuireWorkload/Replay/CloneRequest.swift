// What fork, vfork, clone and clone3 ask for, read from a line for the model and for the live kernel alike, and what Linux
// refuses of it. Linux: kernel_clone_args, clone3_args_valid, the checks at the head of copy_process.

/// The bits of clone's flags that matter here.
enum CloneFlags {
    static let memory: UInt64 = 0x100
    static let fileSystem: UInt64 = 0x200
    static let signalHandlers: UInt64 = 0x800
    static let vfork: UInt64 = 0x4000
    static let parent: UInt64 = 0x8000
    static let thread: UInt64 = 0x10000
    static let newNamespace: UInt64 = 0x20000
    static let parentSetsID: UInt64 = 0x100000
    static let childClearsID: UInt64 = 0x200000
    static let detached: UInt64 = 0x400000
    static let childSetsID: UInt64 = 0x100_0000
    static let newTime: UInt64 = 0x80
    static let newUser: UInt64 = 0x1000_0000
    static let clearsHandlers: UInt64 = 1 << 32
    static let intoGroup: UInt64 = 1 << 33
}

/// The arguments of a call that makes a process.
public struct CloneRequest: Sendable {
    /// The flags without the signal in their low byte.
    public private(set) var flags: UInt64 = 0
    /// The signal that tells the parent of the end: SIGCHLD, or wait4 asks for `__WCLONE`.
    public private(set) var exitSignal: UInt64 = 17
    /// The child's stack; 0 is the caller's.
    public private(set) var stack: UInt64 = 0
    public private(set) var stackSize: UInt64 = 0
    /// The size that clone3 is told; nil for the other calls.
    public private(set) var size: UInt64?

    /// The size of clone3's structure as this kernel has it.
    public static let structureSize: UInt64 = 88

    /// Reads a line.
    public init(_ s: Statement, names: inout Names) {
        func number(_ name: String, _ names: inout Names) -> UInt64? { names.intern(name).flatMap(s.integer(named:)) }
        switch s.call {
        case .vfork: flags = CloneFlags.memory | CloneFlags.vfork
        case .clone:
            let given = (number("flags", &names) ?? s.integer(0) ?? 0) & 0xFFFF_FFFF
            (flags, exitSignal) = (given & ~0xFF, given & 0xFF)
            stack = number("child_stack", &names) ?? 0
        case .clone3:
            size = s.integer(1) ?? Self.structureSize
            guard case .structure(let range) = s[0].value else { return }
            func member(_ name: String, _ names: inout Names) -> UInt64 {
                names.intern(name).flatMap { s.field($0, of: range) } ?? 0
            }
            flags = member("flags", &names)
            exitSignal = member("exit_signal", &names)
            stack = member("stack", &names)
            stackSize = member("stack_size", &names)
        default: break
        }
    }

    /// Whether the child shares the caller's memory.
    public var sharesMemory: Bool { flags & CloneFlags.memory != 0 }
    /// Whether it is a thread of the caller's process.
    public var makesThread: Bool { flags & CloneFlags.thread != 0 }
    /// Whether the caller waits until the child has gone or has memory of its own.
    public var suspendsCaller: Bool { flags & CloneFlags.vfork != 0 }

    /// What Linux answers, EINVAL (22) or E2BIG (7), where it refuses; nil where it does not.
    public var refusal: Int32? {
        if let size {
            if size < 64 { return 22 }
            if size > 4096 { return 7 }
            // A signal in the flags has no place there, but for the bit that is CLONE_NEWTIME.
            let known = 0xFFFF_FFFF | CloneFlags.clearsHandlers | CloneFlags.intoGroup
            guard flags & ~known == 0, flags & (CloneFlags.detached | 0x7F) == 0, exitSignal <= 64 else { return 22 }
            if has(CloneFlags.signalHandlers | CloneFlags.clearsHandlers) { return 22 }
            if flags & (CloneFlags.thread | CloneFlags.parent) != 0, exitSignal != 0 { return 22 }
            if (stack == 0) != (stackSize == 0) { return 22 }
        }
        if has(CloneFlags.newNamespace | CloneFlags.fileSystem) { return 22 }
        if has(CloneFlags.newUser | CloneFlags.fileSystem) { return 22 }
        if makesThread, flags & CloneFlags.signalHandlers == 0 { return 22 }
        if flags & CloneFlags.signalHandlers != 0, !sharesMemory { return 22 }
        return nil
    }

    private func has(_ bits: UInt64) -> Bool { flags & bits == bits }

    /// Flags that only say where the child's number is written: neither side follows them.
    private static let aside =
        CloneFlags.parentSetsID | CloneFlags.childSetsID | CloneFlags.childClearsID | CloneFlags.detached

    /// Whether the live runner can have such a child: a copy, or one that borrows the caller's memory.
    public var isPlain: Bool {
        let rest = flags & ~(Self.aside | CloneFlags.fileSystem)
        return stack == 0 && (rest == 0 || rest == CloneFlags.memory | CloneFlags.vfork)
    }

    /// The flags as the kernel gets them: as they are where it shall refuse them.
    public var kernelFlags: UInt64 { refusal == nil ? flags & ~Self.aside : flags }
}

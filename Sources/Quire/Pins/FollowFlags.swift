// What a caller of get_user_pages asks for, and which flags each entry point takes. The upper ones are the memory
// manager's own: whoever passes one from outside is refused. Linux: FOLL_*, is_valid_gup_args, INTERNAL_GUP_FLAGS.

/// `gup_flags`, with Linux's values.
public struct FollowFlags: OptionSet, Hashable, BitwiseCopyable, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    /// The pages will be written (FOLL_WRITE).
    public static let write = FollowFlags(rawValue: 0x1)
    /// Take a reference only: the page may be replaced in the page tables (FOLL_GET).
    public static let get = FollowFlags(rawValue: 0x2)
    /// Holes and the zero page are errors (FOLL_DUMP).
    public static let dump = FollowFlags(rawValue: 0x4)
    /// As a debugger does: rights of the mapping that it could be given suffice (FOLL_FORCE).
    public static let force = FollowFlags(rawValue: 0x8)
    /// Stop rather than wait for a device; nothing pinned is then no error (FOLL_NOWAIT).
    public static let noWait = FollowFlags(rawValue: 0x10)
    /// Fault nothing in (FOLL_NOFAULT).
    public static let noFault = FollowFlags(rawValue: 0x20)
    /// A page lost to a hardware error is EHWPOISON in place of EFAULT (FOLL_HWPOISON).
    public static let hardwarePoison = FollowFlags(rawValue: 0x40)
    /// Only anonymous areas (FOLL_ANON).
    public static let anonymous = FollowFlags(rawValue: 0x80)
    /// Held for a time that only user space knows (FOLL_LONGTERM); needs `pin`.
    public static let longTerm = FollowFlags(rawValue: 0x100)
    /// Take PMD mappings apart on the way (FOLL_SPLIT_PMD).
    public static let splitLeaves = FollowFlags(rawValue: 0x200)
    /// Memory of a PCI device too, of which there is none here; never for long (FOLL_PCI_P2PDMA).
    public static let peerToPeer = FollowFlags(rawValue: 0x400)
    /// Signals end the call, not only deadly ones; nothing waits so long here (FOLL_INTERRUPTIBLE).
    public static let interruptible = FollowFlags(rawValue: 0x800)
    /// NUMA hinting faults are taken, of which there are none here (FOLL_HONOR_NUMA_FAULT).
    public static let honoursNUMAFaults = FollowFlags(rawValue: 0x1000)
    /// Mark the page as used (FOLL_TOUCH).
    public static let touch = FollowFlags(rawValue: 0x1_0000)
    /// A second try after the lock was dropped (FOLL_TRIED).
    public static let tried = FollowFlags(rawValue: 0x2_0000)
    /// Another process's memory (FOLL_REMOTE).
    public static let remote = FollowFlags(rawValue: 0x4_0000)
    /// The data will be accessed: the page stays what is mapped there (FOLL_PIN).
    public static let pin = FollowFlags(rawValue: 0x8_0000)
    /// No fallback to the slow way (FOLL_FAST_ONLY).
    public static let fastOnly = FollowFlags(rawValue: 0x10_0000)
    /// The lock may be dropped on the way (FOLL_UNLOCKABLE).
    public static let unlockable = FollowFlags(rawValue: 0x20_0000)
    /// MADV_POPULATE's rules for rights (FOLL_MADV_POPULATE).
    public static let populate = FollowFlags(rawValue: 0x40_0000)

    /// What a caller from outside may pass; the rest each entry point adds as it stands for it (INTERNAL_GUP_FLAGS), or is
    /// no flag at all.
    static let outside: FollowFlags = [
        .write, .get, .dump, .force, .noWait, .noFault, .hardwarePoison, .anonymous, .longTerm, .splitLeaves,
        .peerToPeer, .interruptible, .honoursNUMAFaults, .pin,
    ]

    /// Names as a workload writes them.
    public static let names: [(name: String, flag: FollowFlags)] = [
        ("FOLL_WRITE", .write), ("FOLL_GET", .get), ("FOLL_DUMP", .dump), ("FOLL_FORCE", .force),
        ("FOLL_NOWAIT", .noWait), ("FOLL_NOFAULT", .noFault), ("FOLL_ANON", .anonymous), ("FOLL_LONGTERM", .longTerm),
        ("FOLL_SPLIT_PMD", .splitLeaves), ("FOLL_HWPOISON", .hardwarePoison), ("FOLL_PCI_P2PDMA", .peerToPeer),
        ("FOLL_INTERRUPTIBLE", .interruptible), ("FOLL_HONOR_NUMA_FAULT", .honoursNUMAFaults), ("FOLL_TOUCH", .touch),
        ("FOLL_PIN", .pin),
    ]
}

/// The public ways to get at a program's pages.
public enum FollowEntry: CaseIterable, Sendable {
    /// get_user_pages: references.
    case get
    /// get_user_pages_fast.
    case getFast
    /// get_user_pages_remote.
    case getRemote
    /// get_user_pages_unlocked: takes the lock itself.
    case getUnlocked
    /// pin_user_pages: pins, and does not mark pages as used, as all others do.
    case pin
    /// pin_user_pages_fast.
    case pinFast
    /// pin_user_pages_remote.
    case pinRemote
    /// pin_user_pages_unlocked.
    case pinUnlocked

    /// What the entry stands for. The fast ones add `touch` where they go on the slow way.
    var adds: FollowFlags {
        switch self {
        case .get: [.get, .touch]
        case .getFast: .get
        case .getUnlocked: [.get, .touch, .unlockable]
        case .getRemote: [.get, .touch, .remote]
        case .pin, .pinFast: .pin
        case .pinRemote: [.pin, .touch, .remote]
        case .pinUnlocked: [.pin, .touch, .unlockable]
        }
    }

    /// What the fast entries take from outside (gup_fast_fallback).
    static let fastFlags: FollowFlags = [.write, .longTerm, .force, .noFault, .peerToPeer, .honoursNUMAFaults]

    private var isFast: Bool { self == .getFast || self == .pinFast }

    /// The flags to work with; nil for a caller who passes what is not his to pass (is_valid_gup_args).
    func checked(_ given: FollowFlags) -> FollowFlags? {
        guard given.isSubset(of: .outside.subtracting(.pin)) else { return nil }
        if isFast, !given.subtracting(.get).isSubset(of: Self.fastFlags) { return nil }
        let flags = given.union(adds)
        if flags.contains([.get, .pin]) { return nil }
        if flags.contains(.longTerm), !flags.contains(.pin) || flags.contains(.peerToPeer) { return nil }
        return flags
    }
}

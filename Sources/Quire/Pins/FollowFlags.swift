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
    /// Only anonymous areas (FOLL_ANON).
    public static let anonymous = FollowFlags(rawValue: 0x80)
    /// Held for a time that only user space knows (FOLL_LONGTERM); needs `pin`.
    public static let longTerm = FollowFlags(rawValue: 0x100)
    /// Take PMD mappings apart on the way (FOLL_SPLIT_PMD).
    public static let splitLeaves = FollowFlags(rawValue: 0x200)
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

    /// What no caller from outside may pass; each entry point adds what it stands for (INTERNAL_GUP_FLAGS).
    static let internalOnly: FollowFlags = [.touch, .tried, .remote, .pin, .fastOnly, .unlockable, .populate]

    /// Names as a workload writes them.
    public static let names: [(name: String, flag: FollowFlags)] = [
        ("FOLL_WRITE", .write), ("FOLL_GET", .get), ("FOLL_DUMP", .dump), ("FOLL_FORCE", .force),
        ("FOLL_NOWAIT", .noWait), ("FOLL_NOFAULT", .noFault), ("FOLL_ANON", .anonymous), ("FOLL_LONGTERM", .longTerm),
        ("FOLL_SPLIT_PMD", .splitLeaves), ("FOLL_TOUCH", .touch), ("FOLL_PIN", .pin),
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
    /// pin_user_pages: pins.
    case pin
    /// pin_user_pages_fast.
    case pinFast
    /// pin_user_pages_remote.
    case pinRemote

    /// What the entry stands for.
    var adds: FollowFlags {
        switch self {
        case .get, .getFast: [.get, .touch]
        case .getUnlocked: [.get, .touch, .unlockable]
        case .getRemote: [.get, .touch, .remote]
        case .pin, .pinFast: [.pin, .touch]
        case .pinRemote: [.pin, .touch, .remote]
        }
    }

    /// The flags to work with; nil for a caller who passes what is not his to pass.
    func checked(_ given: FollowFlags) -> FollowFlags? {
        guard given.isDisjoint(with: .internalOnly) else { return nil }
        let flags = given.union(adds)
        if flags.contains([.get, .pin]) { return nil }
        if flags.contains(.longTerm), !flags.contains(.pin) { return nil }
        return flags
    }
}

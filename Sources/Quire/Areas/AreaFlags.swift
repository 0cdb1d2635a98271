// The attributes of an area, with Linux's own bit values, so that flags read from a kernel and flags of the model
// are the same numbers. Linux: vm_flags_t, VM_*.

/// What may be done with an area and how it behaves.
public struct AreaFlags: OptionSet, Hashable, BitwiseCopyable, Sendable {
    public let rawValue: UInt64
    @inline(__always) public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Loads are allowed (VM_READ).
    public static let read = AreaFlags(rawValue: 0x1)
    /// Stores are allowed (VM_WRITE).
    public static let write = AreaFlags(rawValue: 0x2)
    /// Instruction fetches are allowed (VM_EXEC).
    public static let execute = AreaFlags(rawValue: 0x4)
    /// Stores reach the file and other mappers (VM_SHARED).
    public static let shared = AreaFlags(rawValue: 0x8)
    /// mprotect may allow loads (VM_MAYREAD).
    public static let mayRead = AreaFlags(rawValue: 0x10)
    /// mprotect may allow stores (VM_MAYWRITE).
    public static let mayWrite = AreaFlags(rawValue: 0x20)
    /// mprotect may allow instruction fetches (VM_MAYEXEC).
    public static let mayExecute = AreaFlags(rawValue: 0x40)
    /// Mapped with MAP_SHARED (VM_MAYSHARE).
    public static let mayShare = AreaFlags(rawValue: 0x80)
    /// Grows down on a fault below it: a stack (VM_GROWSDOWN).
    public static let growsDown = AreaFlags(rawValue: 0x100)
    /// A userfaultfd serves faults on what is missing (VM_UFFD_MISSING).
    public static let userfaultMissing = AreaFlags(rawValue: 0x200)
    /// May hold guard pages (VM_MAYBE_GUARD).
    public static let maybeGuard = AreaFlags(rawValue: 0x800)
    /// A userfaultfd hears of writes to what it protected (VM_UFFD_WP).
    public static let userfaultWriteProtect = AreaFlags(rawValue: 0x1000)
    /// Frames without records, which a driver maps as they are (VM_PFNMAP).
    public static let pfnMap = AreaFlags(rawValue: 0x400)
    /// Pages stay in memory (VM_LOCKED).
    public static let locked = AreaFlags(rawValue: 0x2000)
    /// A device's registers (VM_IO).
    public static let io = AreaFlags(rawValue: 0x4000)
    /// MADV_SEQUENTIAL (VM_SEQ_READ).
    public static let sequentialRead = AreaFlags(rawValue: 0x8000)
    /// MADV_RANDOM (VM_RAND_READ).
    public static let randomRead = AreaFlags(rawValue: 0x10000)
    /// MADV_DONTFORK (VM_DONTCOPY).
    public static let dontCopy = AreaFlags(rawValue: 0x20000)
    /// Never grows by mremap (VM_DONTEXPAND).
    public static let dontExpand = AreaFlags(rawValue: 0x40000)
    /// Pages are locked as they are faulted in (VM_LOCKONFAULT).
    public static let lockOnFault = AreaFlags(rawValue: 0x80000)
    /// Counts against the commit limit (VM_ACCOUNT).
    public static let account = AreaFlags(rawValue: 0x100000)
    /// MAP_NORESERVE (VM_NORESERVE).
    public static let noReserve = AreaFlags(rawValue: 0x200000)
    /// Huge pages of hugetlbfs (VM_HUGETLB).
    public static let hugetlb = AreaFlags(rawValue: 0x400000)
    /// MAP_SYNC, without effect on anonymous memory but for keeping areas apart (VM_SYNC).
    public static let sync = AreaFlags(rawValue: 0x80_0000)
    /// MADV_WIPEONFORK (VM_WIPEONFORK).
    public static let wipeOnFork = AreaFlags(rawValue: 0x200_0000)
    /// MADV_DONTDUMP (VM_DONTDUMP).
    public static let dontDump = AreaFlags(rawValue: 0x400_0000)
    /// Frames with and without records, as a driver maps them (VM_MIXEDMAP).
    public static let mixedMap = AreaFlags(rawValue: 0x1000_0000)
    /// MADV_HUGEPAGE (VM_HUGEPAGE).
    public static let hugePage = AreaFlags(rawValue: 0x2000_0000)
    /// MADV_NOHUGEPAGE (VM_NOHUGEPAGE).
    public static let noHugePage = AreaFlags(rawValue: 0x4000_0000)
    /// MADV_MERGEABLE (VM_MERGEABLE).
    public static let mergeable = AreaFlags(rawValue: 0x8000_0000)
    /// MAP_DROPPABLE: reclaim may drop its pages without saving them (VM_DROPPABLE).
    public static let droppable = AreaFlags(rawValue: 1 << 40)
    /// A userfaultfd hears of the first mapping of a cached page (VM_UFFD_MINOR).
    public static let userfaultMinor = AreaFlags(rawValue: 1 << 41)

    /// The model's own (`unaccount=exact`), which Linux does not have: not writable, and charged for each anonymous page
    /// in it in place of all its pages. A page that goes takes its charge along.
    static let chargedByPage = AreaFlags(rawValue: 1 << 62)

    /// What a userfaultfd's registration sets (__VM_UFFD_FLAGS).
    static let userfault: AreaFlags = [.userfaultMissing, .userfaultWriteProtect, .userfaultMinor]
    /// The rights that mprotect sets.
    static let rights: AreaFlags = [.read, .write, .execute]
    /// A driver's own, in which nobody collapses pages (VM_SPECIAL).
    static let special: AreaFlags = [.io, .dontExpand, .pfnMap, .mixedMap]
    /// What every new mapping may be given.
    static let allMay: AreaFlags = [.mayRead, .mayWrite, .mayExecute]
    /// Private, writable and not exempt: what the commit limit counts (accountable_mapping).
    var isAccountable: Bool { intersection([.noReserve, .shared, .write]) == .write }
    /// Private and possibly writable: stores make a copy (is_cow_mapping).
    var isCopyOnWrite: Bool { intersection([.shared, .mayWrite]) == .mayWrite }
    /// Whether KSM could merge its pages (vma_ksm_compatible).
    var isKSMCompatible: Bool { isDisjoint(with: [.shared, .mayShare, .dontExpand, .hugetlb, .droppable]) }
    /// Counted in VmData: private and writable, not a stack (is_data_mapping).
    var isData: Bool { intersection([.write, .shared, .growsDown]) == .write }
    /// Counted as a stack (is_stack_mapping).
    var isStack: Bool { contains(.growsDown) }
    /// Counted as code (is_exec_mapping).
    var isCode: Bool { intersection([.execute, .write, .growsDown]) == .execute }

    /// The two-letter names of smaps' VmFlags line, in the kernel's order.
    public var letters: [String] {
        Self.names.compactMap { contains($0.flag) ? $0.letters : nil }
    }

    private static let names: [(flag: AreaFlags, letters: String)] = [
        (.read, "rd"), (.write, "wr"), (.execute, "ex"), (.shared, "sh"), (.mayRead, "mr"), (.mayWrite, "mw"),
        (.mayExecute, "me"), (.mayShare, "ms"), (.growsDown, "gd"), (.userfaultMissing, "um"), (.pfnMap, "pf"),
        (.maybeGuard, "gu"), (.userfaultWriteProtect, "uw"), (.locked, "lo"), (.io, "io"), (.sequentialRead, "sr"),
        (.randomRead, "rr"), (.dontCopy, "dc"), (.dontExpand, "de"), (.lockOnFault, "lf"), (.account, "ac"),
        (.noReserve, "nr"), (.hugetlb, "ht"), (.sync, "sf"), (.wipeOnFork, "wf"), (.dontDump, "dd"),
        (.mixedMap, "mm"), (.hugePage, "hg"), (.noHugePage, "nh"), (.mergeable, "mg"), (.droppable, "dp"),
        (.userfaultMinor, "ui"),
    ]
}

// The argument bits of the system calls, with Linux's values for x86-64 and arm64 alike.

/// `prot` of mmap and mprotect.
public struct Protection: OptionSet, BitwiseCopyable, Sendable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
    /// PROT_READ
    public static let read = Protection(rawValue: 1)
    /// PROT_WRITE
    public static let write = Protection(rawValue: 2)
    /// PROT_EXEC
    public static let execute = Protection(rawValue: 4)
    /// PROT_SEM: accepted, without effect.
    public static let semaphore = Protection(rawValue: 8)
    /// PROT_GROWSDOWN
    public static let growsDown = Protection(rawValue: 0x0100_0000)
    /// PROT_GROWSUP
    public static let growsUp = Protection(rawValue: 0x0200_0000)

    /// The area flags that stand for the rights.
    var areaFlags: AreaFlags { AreaFlags(rawValue: rawValue & 7) }
}

/// `flags` of mmap.
public struct MapFlags: OptionSet, BitwiseCopyable, Sendable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
    /// MAP_SHARED
    public static let shared = MapFlags(rawValue: 0x1)
    /// MAP_PRIVATE
    public static let `private` = MapFlags(rawValue: 0x2)
    /// MAP_FIXED
    public static let fixed = MapFlags(rawValue: 0x10)
    /// MAP_ANONYMOUS
    public static let anonymous = MapFlags(rawValue: 0x20)
    /// MAP_32BIT
    public static let low32 = MapFlags(rawValue: 0x40)
    /// MAP_GROWSDOWN
    public static let growsDown = MapFlags(rawValue: 0x100)
    /// MAP_LOCKED
    public static let locked = MapFlags(rawValue: 0x2000)
    /// MAP_NORESERVE
    public static let noReserve = MapFlags(rawValue: 0x4000)
    /// MAP_POPULATE
    public static let populate = MapFlags(rawValue: 0x8000)
    /// MAP_NONBLOCK
    public static let nonBlock = MapFlags(rawValue: 0x10000)
    /// MAP_STACK: no huge pages.
    public static let stack = MapFlags(rawValue: 0x20000)
    /// MAP_HUGETLB
    public static let hugetlb = MapFlags(rawValue: 0x40000)
    /// MAP_SYNC
    public static let sync = MapFlags(rawValue: 0x80000)
    /// MAP_FIXED_NOREPLACE
    public static let fixedNoReplace = MapFlags(rawValue: 0x100000)

    /// MAP_TYPE: 1 shared, 2 private, 3 shared and validated, 8 droppable (MAP_DROPPABLE).
    var type: UInt64 { rawValue & 0xf }
    /// What MAP_SHARED_VALIDATE accepts (LEGACY_MAP_MASK); MAP_SYNC needs a file that supports it.
    static let legacyMask: UInt64 = 0x7c07_f9f3
}

/// `flags` of mremap.
public struct RemapFlags: OptionSet, BitwiseCopyable, Sendable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
    /// MREMAP_MAYMOVE
    public static let mayMove = RemapFlags(rawValue: 1)
    /// MREMAP_FIXED
    public static let fixed = RemapFlags(rawValue: 2)
    /// MREMAP_DONTUNMAP
    public static let dontUnmap = RemapFlags(rawValue: 4)
}

/// `advice` of madvise.
public enum Advice: UInt64, BitwiseCopyable, Sendable {
    case normal = 0, random = 1, sequential = 2, willNeed = 3, dontNeed = 4, free = 8, remove = 9
    case dontFork = 10, doFork = 11, mergeable = 12, unmergeable = 13, hugePage = 14, noHugePage = 15
    case dontDump = 16, doDump = 17, wipeOnFork = 18, keepOnFork = 19, cold = 20, pageOut = 21
    case populateRead = 22, populateWrite = 23, dontNeedLocked = 24, collapse = 25
    case guardInstall = 102, guardRemove = 103
}

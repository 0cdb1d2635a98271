// An MMU, from the manuals and nothing else: Intel SDM volume 3, chapter 4 (4-level and 5-level paging) and Arm ARM D8
// (VMSAv8-64 stage 1, lower address range). It reads raw bytes of physical memory and knows nothing of the memory
// manager, which imports nothing here and is imported by nothing here: what both say is then said twice.
// One address: Walk.swift. A whole tree and what is wrong in it: Audit.swift.

/// How the hardware is set up to walk.
public struct HardwareMMU {
    /// What the words of tables mean.
    public enum Architecture: Equatable, Sendable {
        /// CR4.PAE, EFER.LME and NXE, CR0.WP; four levels, or five with CR4.LA57.
        case x86_64(levels: Int)
        /// 48-bit addresses through TTBR0_EL1; log2 of the granule: 12, 14 or 16.
        case arm64(granule: Int)
    }

    /// What the words of tables mean.
    public var architecture: Architecture
    /// The physical address of the top-level table: CR3, TTBR0_EL1.
    public var root: UInt64
    /// Where physical memory ends: nothing may point beyond.
    public var memoryEnd: UInt64
    /// Bits of physical addresses that the processor has (MAXPHYADDR; IPS): those above are reserved, or an address size
    /// fault.
    public var physicalBits = 46
    /// arm64: the walker sets the access flag (TCR.HA), and lets stores make writable-clean entries dirty (TCR.HD).
    public var managesFlags = true
    /// Reads the 8 bytes at a physical address, a multiple of 8 below `memoryEnd`.
    public var read: (UInt64) -> UInt64

    /// An MMU that starts at `root`.
    public init(
        _ architecture: Architecture, root: UInt64, memoryEnd: UInt64, read: @escaping (UInt64) -> UInt64
    ) {
        self.architecture = architecture
        self.root = root
        self.memoryEnd = memoryEnd
        self.read = read
        if case .arm64 = architecture { physicalBits = 48 }
    }
}

/// A level as the architecture counts: x86-64 5 (PML5) to 1 (page table), arm64 0 to 3.
public typealias HardwareLevel = Int

/// Why an address does not translate, or an access is refused.
public enum HardwareFault: Error, Equatable, Sendable {
    /// x86-64: not canonical (#GP). arm64: the upper bits are not those of the lower range.
    case address
    /// Nothing is there (#PF with P = 0; translation fault).
    case translation(HardwareLevel)
    /// A bit is set that must not be (#PF with RSVD = 1).
    case reserved(HardwareLevel)
    /// An output address has more bits than the processor (arm64: address size fault).
    case addressSize(HardwareLevel)
    /// The access flag is clear and hardware does not set it (arm64).
    case accessFlag(HardwareLevel)
    /// The rights do not allow the access.
    case permission(HardwareLevel)
    /// The walk would read where there is no memory.
    case external(HardwareLevel)
}

/// What a leaf says, together with the levels above it.
public struct HardwareTranslation: Equatable, Sendable {
    /// The physical address.
    public var physical: UInt64
    /// log2 of the bytes of the page or block.
    public var shift: UInt64
    /// Where the walk ended, and the word it found.
    public var level: HardwareLevel
    public var word: UInt64
    /// Whether a program in user mode may: read at all, write (arm64: if flags are managed, as soon as the entry is dirty),
    /// fetch instructions.
    public var user: Bool, writable: Bool, executable: Bool
    /// The hardware's flags. arm64: dirty is a writable entry whose AP[2] is clear.
    public var accessed: Bool, dirty: Bool
    /// One of a block of entries that translate as one (arm64).
    public var contiguous: Bool
}

/// What a program does.
public enum HardwareAccess: Sendable { case read, write, execute }

extension HardwareMMU {
    /// log2 of the bytes of a page, and of the entries of a table.
    var pageShift: UInt64 {
        if case .arm64(let granule) = architecture { return UInt64(granule) }
        return 12
    }
    var indexBits: UInt64 { pageShift - 3 }

    var isArm: Bool { architecture != .x86_64(levels: 4) && architecture != .x86_64(levels: 5) }

    /// The first level of a walk, and the last.
    var firstLevel: HardwareLevel {
        switch architecture {
        case .x86_64(let levels): levels
        case .arm64(let granule): granule == 16 ? 1 : 0
        }
    }
    var lastLevel: HardwareLevel { isArm ? 3 : 1 }

    /// The level below.
    func below(_ level: HardwareLevel) -> HardwareLevel { isArm ? level + 1 : level - 1 }

    /// log2 of the bytes that an entry of the level covers.
    func shift(_ level: HardwareLevel) -> UInt64 {
        pageShift + indexBits * UInt64(isArm ? 3 - level : level - 1)
    }

    /// Bits of virtual addresses.
    var virtualBits: UInt64 {
        switch architecture {
        case .x86_64(let levels): 12 + 9 * UInt64(levels)
        case .arm64: 48
        }
    }

    /// The entries of a table of the level that addresses reach.
    func entries(_ level: HardwareLevel) -> Int { 1 << Int(min(indexBits, virtualBits - shift(level))) }

    /// Whether an entry of the level may be a leaf: pages; blocks of 2 MiB and 1 GiB (4 KiB granule), 32 MiB (16 KiB),
    /// 512 MiB (64 KiB).
    func mayBeLeaf(_ level: HardwareLevel) -> Bool {
        switch architecture {
        case .x86_64: level <= 3
        case .arm64(let granule): level == 3 || level == 2 || level == 1 && granule == 12
        }
    }

    /// Entries of a contiguous block of the level; 1 where there are none (Arm ARM, D8.7.1).
    func contiguousEntries(_ level: HardwareLevel) -> Int {
        switch architecture {
        case .x86_64: 1
        case .arm64(let granule):
            switch (granule, level) {
            case (12, 1...3): 16
            case (14, 3): 128
            case (14, 2), (16, 2), (16, 3): 32
            default: 1
            }
        }
    }
}

// What a machine is made of: a value. Everything that must be known before the first frame exists is a field here;
// what may change while it runs is a knob (Knobs.swift). Sizes are bytes.

/// The architecture whose page-table format a machine uses.
public enum Architecture: String, Sendable, CaseIterable {
    /// Intel and AMD, four or five levels.
    case x86_64
    /// ARM, 4 KiB granule, four levels.
    case arm64
}

/// The configuration of a machine.
public struct MachineConfiguration: Sendable {
    /// The page-table format.
    public var architecture = Architecture.x86_64
    /// Levels of page tables: 4, or 5 on x86-64.
    public var levels = 4
    /// Simulated memory in bytes; costs the host nothing until it is used. At most 16 TiB.
    public var memory: UInt64 = 24 << 30
    /// Simulated CPUs, 1…256.
    public var cpus = 1
    /// Whether data pages have contents.
    public var contents = Contents.lazy
    /// How the machine runs.
    public var mode = RunMode.sequential
    /// Whether TLBs are modelled.
    public var tlb = false
    /// What they look like; nil is the architecture's standard.
    public var tlbGeometry: TLBGeometry?
    /// Address spaces that translations are kept of: of each CPU on x86-64, of the machine on arm64; 1…65535. Nil is 6,
    /// and 65535.
    public var tlbTags: Int?
    /// Whether one invalidation may cover a range (arm64 FEAT_TLBIRANGE).
    public var tlbRanges = false
    /// Whether each page table has a lock of its own.
    public var splitLocks = true
    /// Whether arm64 machines fold entries into contiguous blocks.
    public var contpte = true
    /// When they do.
    public var contpteFold = FoldPolicy.any
    /// Empty-table reclaim at the start.
    public var reclaim = EmptyTableReclaim.sync
    /// Where mmap looks for free addresses from, downwards.
    public var mmapBase: UInt64 = 0x2000_0000_0000

    /// The defaults: 24 GiB of x86-64, one CPU, sequential, lazy contents, reclaim as the final series has it.
    public init() {}

    var format: PageTableFormat { architecture == .arm64 ? .arm64 : .x86(levels: levels) }

    /// What address spaces make of contiguous blocks: nothing where the format has none.
    var folding: FoldPolicy { contpte && format.contiguousEntries > 1 ? contpteFold : .off }
}

/// Why a machine cannot be made or a knob cannot be set.
public enum MachineError: Error, Sendable {
    /// The host has no address space left.
    case noHostMemory
    /// A value that the key does not take: the key, and what it takes.
    case badValue(key: String, expected: String)
    /// No such key; the nearest ones.
    case unknownKey(String, near: [String])
    /// The file can only be read.
    case readOnly(String)
    /// The key can only be set before the machine exists.
    case fixedAtStart(String)
}

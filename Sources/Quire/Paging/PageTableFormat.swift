// The contract between the memory manager and an architecture, on one page: a page-table format is data (masks and
// values of hardware-format words), and everything that the rest of the house may do with an entry is a function
// here. Nothing outside `Paging` knows an entry's bits. Formats: Format+X86.swift, Format+ARM64.swift.
// Linux: asm/pgtable.h of each architecture, protection_map[], swapops.h for entries that are not present.

/// One word of a page table, in the hardware's format.
public struct Entry: Hashable, BitwiseCopyable, Sendable {
    /// The word as the hardware reads it.
    public var rawValue: UInt64
    /// Makes an entry from a word.
    @inline(__always) public init(_ rawValue: UInt64) { self.rawValue = rawValue }
    /// No entry: nothing was ever mapped, or it was zapped.
    public static var none: Entry { Entry(0) }
    /// Whether the word is zero (pte_none).
    @inline(__always) public var isNone: Bool { rawValue == 0 }
}

/// What an entry that is not present stands for. The kind lies in bits 2–6, its payload from bit 12 on.
public enum NonPresentKind: UInt8, BitwiseCopyable, Sendable {
    /// A page in swap; the payload is its slot.
    case swap = 1
    /// A page being moved elsewhere, mapped read-only (2) or writable (3); the payload is its frame.
    case migrationRead = 2, migrationWrite = 3
    /// A guard page (MADV_GUARD_INSTALL).
    case guardMarker = 4
    /// An unpopulated page that is write-protected for userfaultfd.
    case uffdMarker = 5
    /// A page that was lost to a memory error.
    case poison = 6
}

/// A page-table format: where the bits are. Levels count from 0 (PTE) upwards: 1 PMD, 2 PUD, 3 P4D, 4 PGD of five.
public struct PageTableFormat: BitwiseCopyable, Sendable {
    /// The number of levels, 4 or 5.
    public var levels: Int
    /// The highest user address plus one.
    public var userEnd: UInt64
    /// Whether an invalidation of translations reaches every CPU by itself (arm64), or each must be interrupted for it.
    var broadcastsInvalidations: Bool
    /// Whether the processor refuses an address whose upper bits are not all the same (x86: not canonical).
    var checksUpperBits: Bool
    /// The bits that hold the frame's physical address, in leaves and tables.
    var frameMask: UInt64
    /// Bits of every present leaf: `present` selects, `presentValue` is what they read.
    var present: UInt64, presentValue: UInt64
    /// Bits that any leaf for user space carries (present, user, memory type).
    var leafBase: UInt64
    /// Bits that any table entry carries.
    var tableBase: UInt64
    /// At levels above PTE: set (or clear, see `hugeValue`) for a leaf.
    var huge: UInt64, hugeValue: UInt64
    /// Writable by rights: set in writable entries (x86 RW, arm64 DBM).
    var write: UInt64
    /// Set while a store must trap although `write` may be set (arm64 AP[2]); 0 where the format has none.
    var readOnly: UInt64
    /// The accessed flag.
    var accessed: UInt64
    /// The software or only dirty flag.
    var dirty: UInt64
    /// Other than in `leafBase` where instructions may not be fetched.
    var noExecute: UInt64
    /// Set where no access at all is allowed although the page is there (PROT_NONE): the hardware sees no entry.
    var protNone: UInt64
    /// Entries per contiguous block (16 for arm64 with 4 KiB pages) and the flag; 1 and 0 where there is none.
    public var contiguousEntries: Int
    var contiguous: UInt64
    /// Entries per contiguous block one level up (arm64 with 4 KiB: 16 × 2 MiB); nobody folds them yet.
    var contiguousUpperEntries = 1
    /// Bits of the frame that give way to a pattern in a folded entry, and the pattern (Svnapot); 0 where each entry of a
    /// block keeps its own frame.
    var blockPatternMask: UInt64 = 0, blockPattern: UInt64 = 0
    /// log2 of the bytes of a page and of the entries of a table. What machines run on has 12 and 9, as constants
    /// (`shift(ofLevel:)`, `index`, `frame`, Descent.swift); ContiguousFormat.swift reads these.
    var pageShift = Page.shift, indexBits: UInt64 = 9
    /// Where the number of a frame of 4 KiB stands in an entry.
    var frameShift: UInt64 = 12

    /// log2 of the bytes that an entry of the level maps.
    @inline(__always) public func shift(ofLevel level: Int) -> UInt64 {
        Page.shift + 9 * UInt64(truncatingIfNeeded: level)
    }

    /// The index of an address in its table of the level, 0…511.
    @inline(__always) public func index(_ address: UInt64, level: Int) -> Int {
        Int(truncatingIfNeeded: (address >> shift(ofLevel: level)) & 511)
    }

    /// Whether an address is one that the hardware translates, or lets the kernel see where it went.
    func isCanonical(_ address: UInt64) -> Bool {
        guard checksUpperBits else { return true }
        let bits = UInt64(truncatingIfNeeded: 64 - userEnd.leadingZeroBitCount)
        let upper = address >> bits
        return upper == 0 || upper == UInt64.max >> bits
    }

    // MARK: Making entries

    /// A leaf for a frame with an area's rights; accessed and clean.
    @inline(__always)
    func leaf(_ frame: FrameNumber, read: Bool, write: Bool, execute: Bool) -> Entry {
        var bits = frame.address | leafBase | accessed
        if !read { bits = (bits & ~present) | protNone }
        bits |= write ? self.write : 0
        if write || readOnly != 0 { bits |= readOnly }
        if !execute { bits ^= noExecute }
        return Entry(bits)
    }

    /// A leaf above the PTE level, from what a PTE of its first frame would be (pmd_mkhuge).
    @inline(__always) func hugeLeaf(_ leaf: Entry) -> Entry { Entry((leaf.rawValue & ~huge) | hugeValue) }

    /// A PTE from what a leaf above that level is, for the page `number` of its frames.
    @inline(__always) func smallLeaf(_ leaf: Entry, page number: Int) -> Entry {
        let bits = leaf.rawValue & ~huge | (leafBase & huge)
        return Entry(bits &+ UInt64(number) << Page.shift)
    }

    /// An entry that points to a table.
    @inline(__always) func table(_ frame: FrameNumber) -> Entry { Entry(frame.address | tableBase) }

    /// An entry that is not present, for the kind and payload.
    @inline(__always) func nonPresent(_ kind: NonPresentKind, _ payload: UInt64) -> Entry {
        Entry(UInt64(kind.rawValue) << 2 | payload << 12)
    }

    // MARK: Reading entries

    /// Whether the entry maps a page, with or without access rights (pte_present).
    @inline(__always) func isPresent(_ entry: Entry) -> Bool {
        entry.rawValue & present == presentValue || entry.rawValue & protNone != 0
    }

    /// Whether the hardware's walk goes on through this entry.
    @inline(__always) func isValidForHardware(_ entry: Entry) -> Bool { entry.rawValue & present == presentValue }

    /// Whether an entry above the PTE level, if it is present, is a leaf.
    @inline(__always) func isHuge(_ entry: Entry) -> Bool { entry.rawValue & huge == hugeValue }

    /// Whether an entry above the PTE level maps memory itself (pmd_trans_huge, pmd_leaf).
    @inline(__always) func isLeaf(_ entry: Entry) -> Bool { isPresent(entry) && isHuge(entry) }

    /// The frame that a present entry names.
    @inline(__always) func frame(_ entry: Entry) -> FrameNumber {
        FrameNumber(UInt32(truncatingIfNeeded: (entry.rawValue & frameMask) >> Page.shift))
    }

    /// Whether a store is allowed by rights (pte_write).
    @inline(__always) func isWritable(_ entry: Entry) -> Bool { entry.rawValue & write != 0 }

    /// Whether the page was written through this entry (pte_dirty): the flag, or the hardware's way of saying it.
    @inline(__always) func isDirty(_ entry: Entry) -> Bool {
        if entry.rawValue & dirty != 0 { return true }
        return readOnly != 0 && entry.rawValue & (write | readOnly) == write
    }

    /// Whether the page was used through this entry (pte_young).
    @inline(__always) func isAccessed(_ entry: Entry) -> Bool { entry.rawValue & accessed != 0 }

    /// Whether instructions may be fetched.
    @inline(__always) func isExecutable(_ entry: Entry) -> Bool { (entry.rawValue ^ leafBase) & noExecute == 0 }

    /// What a word that is not present stands for; nil for none and for words that nobody writes.
    func kind(_ entry: Entry) -> NonPresentKind? {
        NonPresentKind(rawValue: UInt8(truncatingIfNeeded: (entry.rawValue >> 2) & 31))
    }

    /// The payload of an entry that is not present.
    func payload(_ entry: Entry) -> UInt64 { entry.rawValue >> 12 }

    // MARK: Changing entries

    /// Written: what the hardware does at a store (pte_mkdirty).
    @inline(__always) func dirtied(_ entry: Entry) -> Entry {
        var bits = entry.rawValue | dirty
        if entry.rawValue & write != 0 { bits &= ~readOnly }
        return Entry(bits)
    }

    /// Used: what the hardware does at any access (pte_mkyoung).
    @inline(__always) func used(_ entry: Entry) -> Entry { Entry(entry.rawValue | accessed) }

    /// Not used lately (pte_mkold).
    @inline(__always) func old(_ entry: Entry) -> Entry { Entry(entry.rawValue & ~accessed) }

    /// Without the right to store; what was written stays known (pte_wrprotect).
    @inline(__always) func writeProtected(_ entry: Entry) -> Entry {
        var bits = entry.rawValue
        if isDirty(entry) { bits |= dirty }
        return Entry((bits & ~write) | readOnly)
    }

    /// With the right to store (pte_mkwrite).
    @inline(__always) func writable(_ entry: Entry) -> Entry {
        var bits = entry.rawValue | write
        if bits & dirty != 0 { bits &= ~readOnly }
        return Entry(bits)
    }

    /// Clean (pte_mkclean).
    @inline(__always) func cleaned(_ entry: Entry) -> Entry { Entry((entry.rawValue & ~dirty) | readOnly) }

    /// The same page and state under other rights, never writable (pte_modify with a write-protecting prot).
    func withRights(_ entry: Entry, read: Bool, execute: Bool) -> Entry {
        let protected = writeProtected(entry)
        var bits = protected.rawValue & ~(present | protNone | noExecute)
        bits |= leafBase & noExecute | (read ? leafBase & present : protNone)
        if !execute { bits ^= noExecute }
        return Entry(bits)
    }
}

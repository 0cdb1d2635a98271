// What a TLB looks like: levels of set-associative arrays, each for some sizes of translation. A size is log2 of its
// bytes, so that 4 KiB, a contiguous block of 64 KiB and 1 GiB differ by a number. The design: docs/tlb.md. How the
// arrays lie in memory: TLBLayout.swift.

/// One array of a level.
public struct TLBPart: Hashable, Sendable {
    /// The level, from 1: the one that is asked first.
    public var level: Int
    /// Translations that it holds.
    public var entries: Int
    /// Places that a translation has in it; `entries` for a fully associative array.
    public var ways: Int
    /// The sizes that it holds, bit n for 2^n bytes; 0 is every size.
    public var sizes: UInt64

    /// Describes an array.
    public init(level: Int, entries: Int, ways: Int, sizes: UInt64 = 0) {
        self.level = level
        self.entries = entries
        self.ways = ways
        self.sizes = sizes
    }

    /// The number of sets.
    public var sets: Int { entries / ways }

    func holds(_ shift: UInt64) -> Bool { sizes == 0 || sizes >> shift & 1 != 0 }
}

/// The TLB of each CPU of a machine.
public struct TLBGeometry: Hashable, Sendable {
    /// The arrays, level by level from the first.
    public var parts: [TLBPart]

    /// The most levels, arrays in all, ways of an array, entries of an array.
    public static let most = (levels: 3, parts: 8, ways: 128, entries: 1 << 16)

    /// A TLB of these arrays; nil where it cannot be: levels out of order, sets that are no power of two, a size in two
    /// arrays of a level, too much of anything.
    public init?(_ parts: [TLBPart]) {
        guard !parts.isEmpty, parts.count <= Self.most.parts else { return nil }
        var level = 0
        var held: UInt64 = 0
        for part in parts {
            let sizes = part.sizes == 0 ? UInt64.max : part.sizes
            if part.level != level {
                guard part.level == level + 1, part.level <= Self.most.levels else { return nil }
                level = part.level
                held = 0
            }
            guard held & sizes == 0, (1...Self.most.entries).contains(part.entries),
                (1...Swift.min(Self.most.ways, part.entries)).contains(part.ways), part.entries % part.ways == 0,
                part.sets & (part.sets - 1) == 0
            else { return nil }
            held |= sizes
        }
        self.parts = parts
    }

    private init(known parts: [TLBPart]) { self.parts = parts }

    /// Skylake's: data TLBs for each size, a second level for small and 2 MiB pages, a few entries for 1 GiB.
    public static var skylake: TLBGeometry {
        TLBGeometry(known: [
            TLBPart(level: 1, entries: 64, ways: 4, sizes: 1 << 12),
            TLBPart(level: 1, entries: 32, ways: 4, sizes: 1 << 21),
            TLBPart(level: 1, entries: 4, ways: 4, sizes: 1 << 30),
            TLBPart(level: 2, entries: 1536, ways: 12, sizes: 1 << 12 | 1 << 21),
            TLBPart(level: 2, entries: 16, ways: 4, sizes: 1 << 30),
        ])
    }

    /// Cortex-A76's: a fully associative data TLB and a second level, both for many sizes.
    public static var cortexA76: TLBGeometry {
        TLBGeometry(known: [
            TLBPart(
                level: 1, entries: 48, ways: 48, sizes: 1 << 12 | 1 << 14 | 1 << 16 | 1 << 21 | 1 << 29),
            TLBPart(level: 2, entries: 1280, ways: 5),
        ])
    }

    var levels: Int { parts.last!.level }
}

/// The sizes of translation of a machine, ascending, each with a number: its class. At most eight.
struct TranslationSizes {
    private(set) var shifts: [UInt64] = []

    /// The sizes of the format's leaves and contiguous blocks, and those that the TLB names below them, for pieces.
    init(_ format: PageTableFormat, _ geometry: TLBGeometry) {
        for level in 0..<format.levels where format.mayBeLeaf(level: level) {
            add(format.translationShift(level: level, folded: false))
            add(format.translationShift(level: level, folded: true))
        }
        let (smallest, largest) = (shifts.min()!, shifts.max()!)
        for part in geometry.parts {
            for shift in smallest..<largest where part.sizes >> shift & 1 != 0 && shifts.count < 8 { add(shift) }
        }
        shifts.sort()
    }

    private mutating func add(_ shift: UInt64) {
        if !shifts.contains(shift) { shifts.append(shift) }
    }

    /// The class of a size that the machine has.
    func number(_ shift: UInt64) -> Int { shifts.firstIndex(of: shift)! }
}

extension PageTableFormat {
    /// Whether an entry of the level may map memory itself: three levels, from the PTEs up.
    func mayBeLeaf(level: Int) -> Bool { level <= 2 }

    /// log2 of the bytes that one translation of a leaf of the level covers, or one of a folded block.
    func translationShift(level: Int, folded: Bool) -> UInt64 {
        let entries = !folded ? 1 : level == 0 ? contiguousEntries : level == 1 ? contiguousUpperEntries : 1
        return granuleShift(ofLevel: level) + UInt64(truncatingIfNeeded: entries.trailingZeroBitCount)
    }
}

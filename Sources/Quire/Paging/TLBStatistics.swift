// What the TLBs of a machine did, as numbers: by level, part and size. Counters that have no size are the CPUs'
// (Sync/CPU.swift); what a count costs is in TLBCosts.swift. Part of the unsafe floor.

/// The statistics of all TLBs of a machine.
public struct TLBStatistics: Sendable {
    /// One size of translation in one array.
    public struct Row: Sendable {
        /// The level, from 1.
        public var level: Int
        /// The bytes that a translation covers.
        public var size: UInt64
        /// The places of the array, of a CPU, and those for one page number.
        public var entries: Int, ways: Int
        /// Translations of the size that the CPUs hold now.
        public var held: UInt64 = 0
        /// A miss is counted where the translation that was missing comes in; which size it has is known only then.
        public var hits: UInt64 = 0, misses: UInt64 = 0
        public var evictions: UInt64 = 0, flushed: UInt64 = 0
    }

    /// Walks that ended at a leaf or block of one size.
    public struct Walks: Sendable {
        /// Its bytes.
        public var size: UInt64
        /// Walks, and the entries that they read.
        public var walks: UInt64 = 0, references: UInt64 = 0
    }

    /// By level, in the order in which a look-up asks.
    public var rows: [Row] = []
    /// By size, ascending.
    public var walks: [Walks] = []
    /// What the counts cost, by kind.
    public var cycles: [(name: String, value: UInt64)] = []
    /// The costs by which they are counted (`tlb_costs`).
    public var costs = ""

    /// A size as people write it: 4K, 64K, 2M, 1G.
    public static func name(ofSize size: UInt64) -> String {
        let shift = UInt64(truncatingIfNeeded: size.trailingZeroBitCount)
        let unit = shift / 10
        return String(size >> (unit * 10)) + ["", "K", "M", "G", "T", "P", "E"][Int(unit)]
    }

    /// Every number, flat, as the JSON report has it.
    public var counters: [(name: String, value: UInt64)] {
        var all: [(name: String, value: UInt64)] = []
        for row in rows {
            let name = "tlb_l" + String(row.level) + "_" + Self.name(ofSize: row.size)
            all.append((name + "_hits", row.hits))
            all.append((name + "_misses", row.misses))
            all.append((name + "_entries", row.held))
            all.append((name + "_evictions", row.evictions))
            all.append((name + "_flushed", row.flushed))
        }
        for row in walks {
            all.append(("tlb_walks_" + Self.name(ofSize: row.size), row.walks))
            all.append(("tlb_walk_references_" + Self.name(ofSize: row.size), row.references))
        }
        for (name, value) in cycles { all.append(("tlb_cycles_" + name, value)) }
        return all
    }
}

extension TLBs {
    @inline(__always) var broadcasts: Bool { unsafe shared.pointee.broadcasts }
    var hasRanges: Bool { unsafe shared.pointee.hasRanges }
    @inline(__always) var cpus: Int { unsafe shared.pointee.cpus }

    /// Entries of a range beyond which a flush takes the whole address space (x86-64).
    var ceiling: UInt64 {
        get { unsafe shared.pointee.ceiling }
        nonmutating set { unsafe shared.pointee.ceiling = newValue }
    }

    var hooks: FlushHooks {
        get { unsafe shared.pointee.hooks }
        nonmutating set { unsafe shared.pointee.hooks = newValue }
    }

    var tolerance: TLBTolerance {
        get { unsafe shared.pointee.tolerance }
        nonmutating set { unsafe shared.pointee.tolerance = newValue }
    }

    /// The class of a leaf of a level, or of a contiguous block of them.
    @inline(__always) func leafClass(level: Int, folded: Bool) -> Int {
        unsafe Int(shared.pointee.leafClasses[level &* 2 &+ (folded ? 1 : 0)])
    }

    /// log2 of the bytes of a class.
    func shift(ofClass number: Int) -> UInt64 { unsafe shared.pointee.shifts[number] }

    /// Sums over the CPUs.
    var statistics: TLBStatistics {
        var result = TLBStatistics()
        let (classes, probes) = unsafe (shared.pointee.classCount, shared.pointee.probeCount)
        for number in 0..<classes {
            result.walks.append(TLBStatistics.Walks(size: 1 << shift(ofClass: number)))
        }
        for cpu in 0..<cpus {
            let tlb = self[cpu]
            for number in 0..<probes {
                let probe = unsafe tlb.probes[number]
                if cpu == 0 {
                    let array = unsafe shared.pointee.arrays[probe.array]
                    result.rows.append(
                        TLBStatistics.Row(
                            level: probe.level, size: 1 << probe.shift, entries: array.sets * array.ways,
                            ways: array.ways))
                }
                result.rows[number].hits += probe.hits
                result.rows[number].misses += probe.misses
                result.rows[number].held += UInt64(probe.populated)
                result.rows[number].evictions += probe.evictions
                result.rows[number].flushed += probe.flushed
            }
            for number in result.walks.indices {
                unsafe result.walks[number].walks += tlb.state.pointee.walks[number]
                unsafe result.walks[number].references += tlb.state.pointee.references[number]
            }
        }
        return result
    }
}

extension TLB {
    /// Counts a walk that ended at a leaf of the class.
    @inline(__always) func countWalk(_ number: Int, references: UInt64) {
        unsafe state.pointee.walks[number] &+= 1
        unsafe state.pointee.references[number] &+= references
    }
}

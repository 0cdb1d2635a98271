// The CPU context: every core function receives one. On it hang the way the machine runs (sequential, parallel,
// explored), the statistics of that CPU, its RCU nesting and, in debug builds, the locks it holds. It is a pointer to
// a record in raw memory, so that passing it costs nothing and reading it takes no exclusivity check; the way the machine
// runs stands in its lowest bits, where the compiler sees that it does not change.
// The kernel's counterpart: `this_cpu` data and `current`.

import Synchronization

/// How a machine runs.
public enum RunMode: UInt8, Sendable {
    /// One thread, plain stores, deterministic.
    case sequential = 0
    /// One real thread for each simulated CPU, real atomics and locks.
    case parallel = 1
    /// Under a controlled scheduler: every operation of `Sync` is a schedule point.
    case explored = 2
}

/// One statistics counter of a CPU. Counting is no schedule point.
public enum Counter: Int, CaseIterable, Sendable {
    case faults, tablesMade, tablesFreed, tablesFreedFast, tablesFreedSlow, reclaimSkipped, reclaimRetried
    case tlbFlushes, tlbFlushedPages, tlbHits, tlbMisses, tlbRewalks, tlbWalkReferences, tlbSwitches, tlbSwitchFlushes
    case tlbInvalidatePage, tlbInvalidateRange, tlbInvalidateSpace, tlbInvalidateAll, tlbShootdowns, tlbInterrupts
    case tlbFlushedEntries
    case gatherFlushes, framesAllocated, framesFreed, pagesZeroed
    case pagesCopied, pagesReused, faultAroundPages, rcuCallbacks, rcuGracePeriods, areaSplits, areaMerges
    case lockContended, entriesScanned, tablesDiscarded, pagesUnaccounted, fileFaultsNotUptodate
    case hugeFaults, hugeFallbacks, hugeZeroFaults, mappingsSplit, foliosSplit, splitsFailed, splitsDeferred, collapses
    case collapsesFailed, underusedSplits, hugeZeroMade, hugeZeroFailed, collapseNone, collapseSwapped, collapseShared
    case pagesCleared, pteWrites, pteWritesBatched, contpteFolds, contpteUnfolds, contpteBlocksSet, tlbBarriers
    case asyncPasses, asyncTables, asyncEntries, asyncTablesFreed, asyncPagesDropped, asyncFlushes, asyncAbandoned
    case asyncBusy
    case mmapLocks, areaLockSuccesses, areaLockAborts, areaLockRetries, areaLockMisses

    /// The key in the report.
    public var label: String {
        switch self {
        case .faults: "faults"
        case .tablesMade: "tables_made"
        case .tablesFreed: "tables_freed"
        case .tablesFreedFast: "tables_freed_fast"
        case .tablesFreedSlow: "tables_freed_slow"
        case .reclaimSkipped: "reclaim_skipped"
        case .reclaimRetried: "reclaim_abandoned"
        case .tlbFlushes: "tlb_flushes"
        case .tlbFlushedPages: "tlb_flushed_pages"
        case .tlbHits: "tlb_hits"
        case .tlbMisses: "tlb_misses"
        case .tlbRewalks: "tlb_rewalks"
        case .tlbWalkReferences: "tlb_walk_references"
        case .tlbSwitches: "tlb_switches"
        case .tlbSwitchFlushes: "tlb_switch_flushes"
        case .tlbInvalidatePage: "tlb_invalidate_page"
        case .tlbInvalidateRange: "tlb_invalidate_range"
        case .tlbInvalidateSpace: "tlb_invalidate_space"
        case .tlbInvalidateAll: "tlb_invalidate_all"
        case .tlbShootdowns: "tlb_shootdowns"
        case .tlbInterrupts: "tlb_ipis"
        case .tlbFlushedEntries: "tlb_flushed_entries"
        case .gatherFlushes: "gather_flushes"
        case .framesAllocated: "frames_allocated"
        case .framesFreed: "frames_freed"
        case .pagesZeroed: "pages_zeroed"
        case .pagesCopied: "pages_copied"
        case .pagesReused: "pages_reused"
        case .faultAroundPages: "fault_around_pages"
        case .rcuCallbacks: "rcu_callbacks"
        case .rcuGracePeriods: "rcu_grace_periods"
        case .areaSplits: "vma_splits"
        case .areaMerges: "vma_merges"
        case .lockContended: "lock_contended"
        case .entriesScanned: "entries_scanned"
        case .tablesDiscarded: "tables_discarded"
        case .pagesUnaccounted: "pages_unaccounted"
        case .fileFaultsNotUptodate: "file_faults_not_uptodate"
        case .hugeFaults: "thp_fault_alloc"
        case .hugeFallbacks: "thp_fault_fallback"
        case .hugeZeroFaults: "thp_zero_page_faults"
        case .mappingsSplit: "thp_split_pmd"
        case .foliosSplit: "thp_split_page"
        case .splitsFailed: "thp_split_page_failed"
        case .splitsDeferred: "thp_deferred_split_page"
        case .collapses: "thp_collapse_alloc"
        case .pagesCleared: "pages_cleared"
        case .pteWrites: "pte_writes"
        case .pteWritesBatched: "pte_writes_batched"
        case .contpteFolds: "contpte_folds"
        case .contpteUnfolds: "contpte_unfolds"
        case .contpteBlocksSet: "contpte_blocks_set"
        case .tlbBarriers: "tlb_barriers"
        case .asyncPasses: "pt_reclaimd_passes"
        case .asyncTables: "pt_reclaimd_tables_scanned"
        case .asyncEntries: "pt_reclaimd_entries_scanned"
        case .asyncTablesFreed: "pt_reclaimd_tables_freed"
        case .asyncPagesDropped: "pt_reclaimd_pages_dropped"
        case .asyncFlushes: "pt_reclaimd_tlb_flushes"
        case .asyncAbandoned: "pt_reclaimd_abandoned"
        case .asyncBusy: "pt_reclaimd_busy"
        case .collapsesFailed: "thp_collapse_alloc_failed"
        case .underusedSplits: "thp_underused_split_page"
        case .hugeZeroMade: "thp_zero_page_alloc"
        case .hugeZeroFailed: "thp_zero_page_alloc_failed"
        case .collapseNone: "thp_scan_exceed_none_pte"
        case .collapseSwapped: "thp_scan_exceed_swap_pte"
        case .collapseShared: "thp_scan_exceed_share_pte"
        case .mmapLocks: "mmap_lock_acquired"
        case .areaLockSuccesses: "vma_lock_success"
        case .areaLockAborts: "vma_lock_abort"
        case .areaLockRetries: "vma_lock_retry"
        case .areaLockMisses: "vma_lock_miss"
        }
    }
}

/// The state of one CPU. Only that CPU writes it; the shared words of RCU live in `RCU`.
struct CPUState {
    var mode: UInt8 = 0
    var heldCount: UInt8 = 0
    var index: UInt32 = 0
    var rcuNesting: UInt32 = 0
    var spinDepth: UInt32 = 0
    /// What an explorer leaves out: safeguards and classes of locks, a bit each (Mutations.swift).
    var lacking: InlineArray<2, UInt64> = InlineArray(repeating: 0)
    var ablated: UInt64 = 0
    var chances: UInt64 = 0
    /// Unmanaged reference to the machine's `SyncEnvironment`, which the machine keeps alive.
    var environment: UInt = 0
    /// Class (low byte) and address of each lock held, for the rank check of debug builds.
    var held: InlineArray<24, UInt64> = InlineArray(repeating: 0)
    var counters: InlineArray<96, UInt64> = InlineArray(repeating: 0)
    /// 8 statistics for each of the orders 0…10 (FolioStatistics.swift).
    var folios: InlineArray<88, Int64> = InlineArray(repeating: 0)
    /// Classes of sleeping locks that are explored in their words, a bit each.
    var opened: UInt64 = 0
}

/// The context of one simulated CPU, handed to every core function. Good for one call into the core: the mode that it carries
/// is that of the moment it was made.
@safe public struct CPU: BitwiseCopyable, @unchecked Sendable {
    /// The address of the CPU's record; in the two lowest bits the raw value of the mode.
    private let bits: UInt

    private static let modeBits: UInt = 3

    private init(bits: UInt) { self.bits = bits }

    /// The context of the CPU whose record lies there, as its machine runs now.
    @inline(__always) init(_ state: UnsafeMutablePointer<CPUState>) {
        unsafe self.init(bits: UInt(bitPattern: state) | UInt(state.pointee.mode))
    }

    /// The CPU's record.
    @inline(__always) var state: UnsafeMutablePointer<CPUState> {
        unsafe UnsafeMutablePointer(bitPattern: bits & ~Self.modeBits).unsafelyUnwrapped
    }

    /// The same CPU, as its machine runs now.
    @inline(__always) var now: CPU { unsafe CPU(state) }

    /// The CPU's number, from 0.
    public var index: Int { unsafe Int(state.pointee.index) }

    /// True where operations need no atomics: one thread runs the machine.
    @inline(__always) var isSequential: Bool { bits & Self.modeBits == 0 }

    /// How the machine runs.
    public var mode: RunMode { RunMode(rawValue: UInt8(truncatingIfNeeded: bits & Self.modeBits))! }

    /// Whether a controlled scheduler runs the machine: the one test that the seam costs.
    @inline(__always) var isExplored: Bool {
        #if QUIRE_NO_SEAM
            false
        #else
            // Out of the way of what follows: half of the seam's time was its code between the operations.
            _slowPath(bits & UInt(RunMode.explored.rawValue) != 0)
        #endif
    }

    /// The same CPU where it is known that nobody explores: what is inlined behind it makes no test of that. A function that
    /// every fault or zap goes through asks once, and has its body once for each answer:
    ///
    ///     func fault(_ cpu: CPU) { cpu.isExplored ? faultExplored(cpu) : faultInMode(cpu.unexplored) }
    ///     @inline(never) private func faultExplored(_ cpu: CPU) { faultInMode(cpu) }
    ///     @_transparent private func faultInMode(_ cpu: CPU) { … }
    ///
    /// Of the instructions of a page's touch and zap the tests took 16 % before, and 1 % so (`quire bench seam`). Not
    /// `@inline(__always)`: of several calls the compiler takes one in and leaves the others.
    @inline(__always) var unexplored: CPU { CPU(bits: bits & ~UInt(RunMode.explored.rawValue)) }

    /// Adds to a statistics counter.
    @inline(__always) func count(_ counter: Counter, _ amount: UInt64 = 1) {
        unsafe state.pointee.counters[counter.rawValue] &+= amount
    }

    /// The value of a statistics counter.
    func value(of counter: Counter) -> UInt64 { unsafe state.pointee.counters[counter.rawValue] }
}

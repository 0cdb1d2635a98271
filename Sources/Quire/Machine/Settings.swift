// The knobs of a machine as the core reads them: one record, so that a knob is a load. Their Linux paths, their
// forms and the model's own keys are in Knobs.swift.

/// Whether and how PTE pages that became empty are freed by madvise.
public enum EmptyTableReclaim: UInt8, BitwiseCopyable, Sendable {
    /// Never: the kernel before the series.
    case off
    /// As the RFC had it: filters by kind of area, then a separate scan of the range.
    case rfc
    /// As the final series has it: detected inside the zap loop.
    case sync
}

/// How much memory may be promised (`vm.overcommit_memory`).
public enum Overcommit: UInt8, BitwiseCopyable, Sendable {
    /// Refuse only what could never be.
    case heuristic = 0
    /// Refuse nothing.
    case always = 1
    /// Refuse what exceeds swap plus `vm.overcommit_ratio` of memory.
    case never = 2
}

/// When large folios are used whose size says `inherit` (`transparent_hugepage/enabled`).
public enum HugePagePolicy: UInt8, BitwiseCopyable, Sendable { case always, madvise, never }

/// When a size of folio is used for anonymous memory (`hugepages-*/enabled`).
enum SizePolicy: UInt8, BitwiseCopyable { case never, always, madvise, inherit }

/// The sizes' knobs, as sets of orders, and what follows from them.
struct SizePolicies: BitwiseCopyable {
    private(set) var always: Orders = []
    private(set) var madvise: Orders = []
    private(set) var inherit: Orders = .huge
    /// `transparent_hugepage/enabled`.
    private(set) var global = HugePagePolicy.madvise
    /// Orders that an area may have with MADV_HUGEPAGE and without.
    private(set) var advised: Orders = .huge
    private(set) var unadvised: Orders = []

    /// The orders for an area.
    @inline(__always) func allowed(advised isAdvised: Bool) -> Orders { isAdvised ? advised : unadvised }

    /// The policy of one size.
    func policy(order: Int) -> SizePolicy {
        let one = Orders(order: order)
        if always.contains(one) { return .always }
        if madvise.contains(one) { return .madvise }
        return inherit.contains(one) ? .inherit : .never
    }

    mutating func set(order: Int, _ policy: SizePolicy) {
        let one = Orders(order: order)
        always.subtract(one)
        madvise.subtract(one)
        inherit.subtract(one)
        switch policy {
        case .never: break
        case .always: always.insert(one)
        case .madvise: madvise.insert(one)
        case .inherit: inherit.insert(one)
        }
        derive()
    }

    mutating func set(global policy: HugePagePolicy) {
        global = policy
        derive()
    }

    private mutating func derive() {
        unadvised = global == .always ? always.union(inherit) : always
        advised = always.union(madvise).union(global == .never ? [] : inherit)
    }
}

/// What pt_reclaimd does (`pt_reclaim.async` and kin).
struct AsyncReclaimSettings: BitwiseCopyable {
    var isOn = false
    /// Calls of the workload between two wake-ups; 0: it runs only when it is asked to.
    var period: UInt64 = 0
    /// The most tables that a wake-up looks at; 0: all there are.
    var tables: UInt64 = 0
}

/// The values of the knobs.
struct Settings: BitwiseCopyable {
    var reclaim = EmptyTableReclaim.sync
    var asyncReclaim = AsyncReclaimSettings()
    var overcommit = Overcommit.heuristic
    /// `vm.overcommit_ratio`, in hundredths of memory, and `vm.overcommit_kbytes`: setting one makes the other 0.
    var overcommitRatio: UInt64 = 50
    var overcommitKilobytes: UInt64 = 0
    /// `vm.admin_reserve_kbytes` and `vm.user_reserve_kbytes`: kept back where overcommit is 2.
    var adminReserveKilobytes: UInt64 = 8_192
    var userReserveKilobytes: UInt64 = 131_072
    /// Whether an area that loses the right to write gives up the charge of what it never wrote, though it has written
    /// something (`unaccount=exact`); Linux gives up nothing then.
    var unaccountsExactly = false
    /// What the limits of a new process are.
    var limits = Limits()
    /// `vm.max_map_count`.
    var maxMapCount = 65_530
    /// Bytes mapped around a file fault (debugfs `fault_around_bytes`); 4,096 is off.
    var faultAroundBytes: UInt64 = 65_536
    /// The most pages that are read ahead (the disk's `read_ahead_kb`).
    var readaheadPages: UInt64 = 32
    /// `vm.mmap_min_addr`.
    var mmapMinAddress: UInt64 = 65_536
    /// Where mmap looks for free addresses from, downwards.
    var mmapBase: UInt64 = 0x2000_0000_0000
    var sizes = SizePolicies()
    /// `transparent_hugepage/use_zero_page`.
    var useHugeZeroPage = true
    /// `cow.reuse` and `cow.range`.
    var reuse = ReusePolicy.owner
    var writesRanges = false
    /// The rest of the folder `transparent_hugepage`.
    var huge = HugeSettings()
    /// Whether mremap moves what is left of a contiguous block at once (`mremap.batch`).
    var batchMoves = true
    /// Whether areas can be named (CONFIG_ANON_VMA_NAME).
    var namesAreas = false
    /// Whether programs have root's capabilities, or none.
    var hasCapabilities = true
    /// Bytes kept free below a stack.
    var stackGuardGap: UInt64 = 256 * Page.size
    /// Entries of a range beyond which a flush takes the whole address space (x86-64).
    var flushCeiling: UInt64 = 33
    /// `tlb_flush_before` and `machine.tlb_tolerance`: Linux 6.18 has no such flush.
    var flushHooks = FlushHooks()
    var tlbTolerance = TLBTolerance.any
    /// Cycles for what the TLBs count.
    var tlbCosts = TLBCosts(.x86(levels: 4))
    /// Lets the n-th look at the reschedule flag in a zap say yes, for tests; 0 never.
    var rescheduleAfter = 0
    /// Lets the fast path of empty-table reclaim fail its try-lock, for tests.
    var failTryLock = false
}

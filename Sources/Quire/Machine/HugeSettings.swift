// The values of the files under /sys/kernel/mm/transparent_hugepage that are not about sizes of anonymous memory: what a
// failed allocation does, khugepaged's limits, and shmem's policies (kept, and without effect until shmem has large folios).
// Linux: transparent_hugepage_flags, khugepaged_max_ptes_none and kin, shmem_huge.

/// How hard a fault tries for a huge page (`defrag`). Nothing is compacted here: every mode falls back to smaller sizes at
/// once.
enum HugeDefrag: UInt8, BitwiseCopyable, CaseIterable {
    case always, `defer`, deferMadvise, madvise, never

    var name: String {
        switch self {
        case .always: "always"
        case .defer: "defer"
        case .deferMadvise: "defer+madvise"
        case .madvise: "madvise"
        case .never: "never"
        }
    }
}

/// What huge pages shmem may have (`shmem_enabled`); of a single size `deny` and `force` are none, and `inherit` asks the
/// file above.
enum ShmemHuge: UInt8, BitwiseCopyable {
    case never, always, withinSize, advise, deny, force, inherit

    /// The choices in the order in which the kernel lists them.
    static let ofAll: [ShmemHuge] = [.always, .withinSize, .advise, .never, .deny, .force]
    static let ofSize: [ShmemHuge] = [.always, .inherit, .withinSize, .advise, .never]

    var name: String {
        switch self {
        case .never: "never"
        case .always: "always"
        case .withinSize: "within_size"
        case .advise: "advise"
        case .deny: "deny"
        case .force: "force"
        case .inherit: "inherit"
        }
    }
}

/// khugepaged's knobs and what it has done.
struct KhugepagedSettings: BitwiseCopyable {
    /// Whether it may compact memory (`defrag`).
    var defrag = true
    /// Of the 512 entries of a range that is collapsed, how many may be none or the zero page, in swap, or in a folio that
    /// others map.
    var maxNone: UInt32 = 511
    var maxSwap: UInt32 = 64
    var maxShared: UInt32 = 256
    /// Pages looked at between two sleeps, and how long those are; `run(khugepaged, n)` does whole passes.
    var pagesToScan: UInt32 = 4096
    var scanSleep: UInt32 = 10_000
    var allocationSleep: UInt32 = 60_000
    var pagesCollapsed: UInt64 = 0
    var fullScans: UInt64 = 0
}

/// Which huge pages a process has given up (PR_SET_THP_DISABLE).
public enum HugeDisabled: UInt8, BitwiseCopyable, Sendable {
    case no
    /// All.
    case completely
    /// Those that it has not asked for by MADV_HUGEPAGE or MADV_COLLAPSE (PR_THP_DISABLE_EXCEPT_ADVISED).
    case exceptAdvised
}

/// Everything else of the folder.
struct HugeSettings: BitwiseCopyable {
    var defrag = HugeDefrag.madvise
    /// Whether huge pages that hold mostly zeroes are split when memory is short. They are where `max_ptes_none` leaves
    /// room, which it does not by default.
    var shrinkUnderused = true
    var shmem = ShmemHuge.never
    /// By order, 1…9.
    var shmemOfSize: InlineArray<10, ShmemHuge> = {
        var all = InlineArray<10, ShmemHuge>(repeating: .never)
        all[FolioOrder.huge] = .inherit
        return all
    }()
    var khugepaged = KhugepagedSettings()
}

// What is counted for each size of folio, on each CPU by itself: the files of `hugepages-*/stats`. Sums are exact only when
// nothing runs. Linux: enum mthp_stat_item, count_mthp_stat, mod_mthp_stat.

/// One statistic of a size of folio; the names are the kernel's files.
enum FolioStatistic: Int, CaseIterable, BitwiseCopyable {
    /// How many there are.
    static let count = 8

    /// Folios that a fault got, could not get, and could get but not charge (anon_fault_alloc, anon_fault_fallback,
    /// anon_fault_fallback_charge).
    case faultAlloc, faultFallback, faultFallbackCharge
    /// Folios split, not split, and left to be split later (split, split_failed, split_deferred).
    case split, splitFailed, splitDeferred
    /// Anonymous folios there are, and those of which some pages are mapped no longer (nr_anon, nr_anon_partially_mapped).
    case anonymous, partlyMapped

    /// The kernel's name of the file.
    var label: String {
        switch self {
        case .faultAlloc: "anon_fault_alloc"
        case .faultFallback: "anon_fault_fallback"
        case .faultFallbackCharge: "anon_fault_fallback_charge"
        case .split: "split"
        case .splitFailed: "split_failed"
        case .splitDeferred: "split_deferred"
        case .anonymous: "nr_anon"
        case .partlyMapped: "nr_anon_partially_mapped"
        }
    }
}

extension CPU {
    /// Adds to a statistic of folios of 2^order pages, 0…10.
    @inline(__always) func count(_ statistic: FolioStatistic, order: Int, _ amount: Int64 = 1) {
        unsafe state.pointee.folios[order &* FolioStatistic.count &+ statistic.rawValue] &+= amount
    }

    /// This CPU's share of a statistic.
    func value(of statistic: FolioStatistic, order: Int) -> Int64 {
        unsafe state.pointee.folios[order * FolioStatistic.count + statistic.rawValue]
    }
}

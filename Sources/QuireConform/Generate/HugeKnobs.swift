// What the machine of a workload of huge pages is set to, and which of its counters are read: the tables behind the operations
// `knob` and `statistic`, whose arguments are places in them. Knobs are lines of the file's head.

/// Files under `transparent_hugepage`.
enum HugeKnobs {
    private static let folder = "/sys/kernel/mm/transparent_hugepage/"
    /// The sizes that anonymous memory may have, in kB.
    static let sizes = [16, 32, 64, 128, 256, 512, 1024, 2048]
    static let policies = ["never", "madvise", "always", "inherit"]

    /// 0: `enabled`; 1 to 8: each size's; then what khugepaged and the zero page are told.
    static let paths =
        [folder + "enabled"] + sizes.map { folder + "hugepages-\($0)kB/enabled" }
        + ["khugepaged/max_ptes_none", "khugepaged/max_ptes_shared", "use_zero_page", "shrink_underused"].map {
            folder + $0
        }
    static let maxNone = 9
    static let maxShared = 10
    static let zeroPage = 11
    static let shrinkUnderused = 12

    /// Counters of one size. `nr_anon` and `nr_anon_partially_mapped` are not among them: others on the machine have such
    /// folios, or have had them a moment ago. Nor are `split` and `split_failed`: they count the page cache's folios too, which
    /// others truncate; and how often dropping caches fails to split depends on what else it drops.
    static let counters = ["anon_fault_alloc", "anon_fault_fallback", "split_deferred"]

    /// Every file that is read: the counters of each size, then what khugepaged has collapsed.
    static let statistics =
        sizes.flatMap { size in counters.map { folder + "hugepages-\(size)kB/stats/" + $0 } }
        + [folder + "khugepaged/pages_collapsed"]

    static func statistic(size: Int, _ counter: Int) -> UInt64 { UInt64(size * counters.count + counter) }
    static var pagesCollapsed: UInt64 { UInt64(statistics.count - 1) }

    /// A setting as it is written; nil for a place that is none.
    static func setting(_ place: UInt64, _ value: UInt64) -> String? {
        guard place < UInt64(paths.count) else { return nil }
        if place > 8 { return paths[Int(place)] + "=\(value)" }
        return value < UInt64(policies.count) ? paths[Int(place)] + "=" + policies[Int(value)] : nil
    }

    /// The place and the value of a setting; nil for one that is not in the table.
    static func read(_ setting: Substring) -> [UInt64]? {
        let parts = setting.split(separator: "=", maxSplits: 1)
        guard parts.count == 2, let place = paths.firstIndex(of: String(parts[0])) else { return nil }
        if place > 8 { return UInt64(parts[1]).map { [UInt64(place), $0] } }
        return policies.firstIndex(of: String(parts[1])).map { [UInt64(place), UInt64($0)] }
    }
}

extension OperationCall {
    /// Whether the machine must be one with huge pages.
    var needsHugePages: Bool { self == .knob || self == .khugepaged || self == .dropCaches || self == .statistic }
}

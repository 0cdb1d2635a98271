// The files of /sys/kernel/mm/transparent_hugepage by their paths: what each holds, how it is written and what it refuses,
// as asked of Linux 6.18. Linux: mm/huge_memory.c, mm/khugepaged.c, mm/shmem.c: the sysfs attributes.

/// One file of the folder.
enum HugeFile: Hashable {
    case enabled, defrag, useZeroPage, shrinkUnderused, shmemEnabled, pmdSize
    case khugepaged(KhugepagedFile)
    case sizeEnabled(order: Int), sizeShmem(order: Int)
    case statistic(FolioStatistic, order: Int)
    /// A statistic of what the model has no mechanism for: 0.
    case nothing(order: Int, name: String)

    /// A file of its folder `khugepaged`.
    enum KhugepagedFile: String, CaseIterable {
        case defrag, max_ptes_none, max_ptes_swap, max_ptes_shared, pages_to_scan, scan_sleep_millisecs
        case alloc_sleep_millisecs, pages_collapsed, full_scans
    }

    static let folder = "/sys/kernel/mm/transparent_hugepage/"

    /// Those that can be set and mean something, with what they take.
    static let knobs: [(file: HugeFile, expected: String)] =
        [
            (.enabled, "always, madvise or never"), (.defrag, "always, defer, defer+madvise, madvise or never"),
            (.useZeroPage, "0 or 1"), (.shrinkUnderused, "0 or 1"),
            (.shmemEnabled, "always, within_size, advise, never, deny or force"),
        ]
        + KhugepagedFile.allCases.compactMap { file in file.expected.map { (.khugepaged(file), $0) } }
        + (2...FolioOrder.huge).map { (.sizeEnabled(order: $0), "always, inherit, madvise or never") }

    /// Names of statistics of every size that count what does not happen here yet.
    private static let unused = [
        "shmem_alloc", "shmem_fallback", "shmem_fallback_charge", "swpin", "swpin_fallback", "swpin_fallback_charge",
        "swpout", "swpout_fallback", "zswpout",
    ]

    /// The file at a path, if it is one of these.
    init?(path: String) {
        guard path.hasPrefix(Self.folder) else { return nil }
        let name = path.dropFirst(Self.folder.count)
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        switch name {
        case "enabled": self = .enabled
        case "defrag": self = .defrag
        case "use_zero_page": self = .useZeroPage
        case "shrink_underused": self = .shrinkUnderused
        case "shmem_enabled": self = .shmemEnabled
        case "hpage_pmd_size": self = .pmdSize
        default:
            if parts.count == 2, parts[0] == "khugepaged" {
                guard let file = KhugepagedFile(rawValue: String(parts[1])) else { return nil }
                self = .khugepaged(file)
            } else if let order = (1...FolioOrder.huge).first(where: { parts[0] == Self.folder(ofOrder: $0) }),
                let file = Self.file(ofSize: order, parts.dropFirst())
            {
                self = file
            } else {
                return nil
            }
        }
    }

    private static func file(ofSize order: Int, _ parts: ArraySlice<Substring>) -> HugeFile? {
        // Folios of two pages are shmem's alone.
        if parts.count == 1, parts.first == "shmem_enabled" { return .sizeShmem(order: order) }
        if parts.count == 1, parts.first == "enabled" { return order > 1 ? .sizeEnabled(order: order) : nil }
        guard parts.count == 2, parts.first == "stats", let name = parts.last else { return nil }
        if let statistic = FolioStatistic.allCases.first(where: { $0.label == name }) {
            let isForAll = statistic == .split || statistic == .splitFailed
            return order > 1 || isForAll ? .statistic(statistic, order: order) : nil
        }
        return unused.contains(String(name)) ? .nothing(order: order, name: String(name)) : nil
    }

    private static func folder(ofOrder order: Int) -> String { "hugepages-" + String(4 << order) + "kB" }

    /// Where it lies.
    var path: String {
        switch self {
        case .enabled: Self.folder + "enabled"
        case .defrag: Self.folder + "defrag"
        case .useZeroPage: Self.folder + "use_zero_page"
        case .shrinkUnderused: Self.folder + "shrink_underused"
        case .shmemEnabled: Self.folder + "shmem_enabled"
        case .pmdSize: Self.folder + "hpage_pmd_size"
        case .khugepaged(let file): Self.folder + "khugepaged/" + file.rawValue
        case .sizeEnabled(let order): Self.folder + Self.folder(ofOrder: order) + "/enabled"
        case .sizeShmem(let order): Self.folder + Self.folder(ofOrder: order) + "/shmem_enabled"
        case .statistic(let statistic, let order):
            Self.folder + Self.folder(ofOrder: order) + "/stats/" + statistic.label
        case .nothing(let order, let name): Self.folder + Self.folder(ofOrder: order) + "/stats/" + name
        }
    }

    /// Whether it is only read.
    var isReadOnly: Bool {
        switch self {
        case .pmdSize, .statistic, .nothing: true
        case .khugepaged(let file): file.expected == nil
        default: false
        }
    }
}

extension HugeFile.KhugepagedFile {
    /// What it takes; nil for what is only read.
    var expected: String? {
        switch self {
        case .defrag: "0 or 1"
        case .max_ptes_none, .max_ptes_swap, .max_ptes_shared: "0 to 511"
        case .pages_to_scan: "1 to 4294967295"
        case .scan_sleep_millisecs, .alloc_sleep_millisecs: "0 to 4294967295"
        case .pages_collapsed, .full_scans: nil
        }
    }
}

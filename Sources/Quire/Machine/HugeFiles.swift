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

    /// Every file there is, with its path.
    private static let all: [(path: String, file: HugeFile)] = {
        var files: [HugeFile] = [.enabled, .defrag, .useZeroPage, .shrinkUnderused, .shmemEnabled, .pmdSize]
        files += KhugepagedFile.allCases.map { .khugepaged($0) }
        for order in 1...FolioOrder.huge {
            // Folios of two pages are shmem's alone.
            if order > 1 { files.append(.sizeEnabled(order: order)) }
            files.append(.sizeShmem(order: order))
            let statistics = FolioStatistic.allCases.filter { order > 1 || $0 == .split || $0 == .splitFailed }
            files += statistics.map { .statistic($0, order: order) }
            files += unused.map { .nothing(order: order, name: $0) }
        }
        return files.map { ($0.path, $0) }
    }()

    /// The file at a path, if it is one of these.
    init?(path: String) {
        guard path.utf8.starts(with: Self.folder.utf8), let found = Self.all.first(where: { $0.path == path }) else {
            return nil
        }
        self = found.file
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

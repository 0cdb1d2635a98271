// The result of one inspection as plain data: `InspectReport` with one `AreaReport` for each area. `Inspector` fills it;
// `InspectReport+Text.swift` and `InspectReport+JSON.swift` print it.

/// How the page tables were read.
public enum ScanMethod: String, Hashable, Sendable, CaseIterable {
    /// The PAGEMAP_SCAN ioctl, Linux 6.7 and later.
    case pagemapScan = "PAGEMAP_SCAN"
    /// /proc/PID/pagemap, where smaps shows something resident or swapped.
    case pagemap
}

/// What the page tables under one area hold.
public struct AreaReport: Sendable {
    public var area: MappedArea
    /// A hugetlb area: it has no PTE tables.
    public var isHugetlb: Bool
    /// Spans that the area touches, whole or in part.
    public var spans: UInt64
    public var tally: SpanTally
    /// About how many empty tables a walk met here, judged by the time it took; nil where only pagemap was read.
    public var emptyTables: UInt64?
}

/// A live process's page tables at one moment.
public struct InspectReport: Sendable {
    public var pid: Int
    /// The counters when the scan ended.
    public var status: ProcessStatus
    /// VmPTE when it began: the process did not stand still.
    public var vmPTEBefore: Kilobytes
    public var method: ScanMethod
    public var tables: TableEstimate
    /// All areas together; a table that several areas share counts once.
    public var total: SpanTally
    public var areas: [AreaReport]
    public var cost: ScanCost

    /// The areas with the most empty tables first; without that knowledge, those with the most tables that hold fewer
    /// than 8 entries.
    public func areasByWaste() -> [AreaReport] {
        func waste(_ area: AreaReport) -> (UInt64, UInt64) {
            (area.emptyTables ?? 0, area.tally[.one] + area.tally[.upTo7])
        }
        return areas.filter { waste($0) > (0, 0) }
            .sorted { (waste($0), $1.area.range.lowerBound) > (waste($1), $0.area.range.lowerBound) }
    }
}

private func > (
    left: ((UInt64, UInt64), UInt64), right: ((UInt64, UInt64), UInt64)
) -> Bool {
    (left.0.0, left.0.1, left.1) > (right.0.0, right.0.1, right.1)
}

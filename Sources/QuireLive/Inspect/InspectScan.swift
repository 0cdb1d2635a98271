// The state of one walk over a process's areas: `InspectScan` brackets each area for the `SpanCensus`, counts what areas
// cover, and keeps the areas' reports; `HugetlbSizes` says which areas are hugetlb's. Only `Inspector` uses both.

import SystemPackage

/// One walk, from the first area to the last.
struct InspectScan: Sendable {
    let method: ScanMethod
    var census = SpanCensus()
    var cost = ScanCost()
    private(set) var areas: [AreaReport] = []
    /// Spans where a PTE table could be.
    private(set) var coveredSpans = DistinctBlocks(shift: SpanCensus.spanShift)
    /// Of these, spans of areas that walks skip: devices', the kernel's.
    private(set) var unseenSpans = DistinctBlocks(shift: SpanCensus.spanShift)
    private(set) var covered1G = DistinctBlocks(shift: SpanCensus.pmdTableShift)
    private(set) var covered512G = DistinctBlocks(shift: SpanCensus.pudTableShift)
    /// Tables that huge pages keep in reserve.
    private(set) var deposited: UInt64 = 0

    init(method: ScanMethod) { self.method = method }

    /// Begins an area; false if there is nothing to walk: the caller goes on to the next one.
    mutating func begin(_ area: MappedArea, isHugetlb: Bool) -> Bool {
        // The gate area ([vsyscall]) lies in the kernel's half and in the kernel's tables.
        guard area.range.upperBound <= 1 << 63 else { return false }
        covered1G.add(area.range)
        covered512G.add(area.range)
        var spans = DistinctBlocks(shift: SpanCensus.spanShift)
        spans.add(area.range)
        if !isHugetlb { coveredSpans.add(area.range) }
        if area.isKernelMapped { unseenSpans.add(area.range) }
        areas.append(AreaReport(area: area, isHugetlb: isHugetlb, spans: spans.count, tally: SpanTally()))
        return !area.isKernelMapped
    }

    /// Ends an area that PAGEMAP_SCAN walked.
    mutating func endArea(cost: PageTableScanner.AreaCost, price: WalkCost?) {
        let tally = census.endArea()
        let last = areas.count - 1
        areas[last].tally = tally
        // A huge mapping of shared memory or of a file has no table in reserve on x86-64 and arm64: it is mapped anew
        // from the page cache when it is split. The huge zero page has one, though it counts in no field of smaps.
        if areas[last].area.isAnonymous { deposited += tally.huge }
        guard let price, !areas[last].isHugetlb else { return }
        let free = areas[last].spans - min(areas[last].spans, tally.populated + tally.huge)
        let met = price.emptyTables(
            in: cost.nanoseconds, calls: cost.calls, regions: cost.regions, found: tally)
        areas[last].emptyTables = min(met, free)
    }

    /// Ends an area that was read by smaps and pagemap.
    mutating func endArea(_ entry: SmapsArea) {
        let anonymous = entry["AnonHugePages"] / 2048
        areas[areas.count - 1].tally = census.endArea(
            hugeSpans: anonymous + (entry["ShmemPmdMapped"] + entry["FilePmdMapped"]) / 2048)
        deposited += anonymous
    }

    /// Times are noisy: their sum may not exceed what VmPTE leaves room for.
    mutating func scaleEmptyTables(toAtMost limit: UInt64) {
        let sum = areas.reduce(0) { $0 + ($1.emptyTables ?? 0) }
        guard sum > limit else { return }
        for index in areas.indices {
            guard let tables = areas[index].emptyTables else { continue }
            areas[index].emptyTables = UInt64((Double(tables) * Double(limit) / Double(sum)).rounded(.down))
        }
    }
}

/// The page sizes of a process's hugetlb areas.
///
/// smaps would say so for every area, but it walks the tables of a whole area under one hold of the mmap lock. So: a process
/// without hugetlb pages has no such area worth knowing; else PROCMAP_QUERY (Linux 6.11) says it without a walk; smaps last.
struct HugetlbSizes: ~Copyable {
    private enum Source {
        case none, query
        case smaps([Range<UInt64>: UInt64])
    }

    private let maps: LiveFile
    private let source: Source

    init(pid: Int, hasHugetlb: Bool) throws(LiveError) {
        let maps = try openProcessFile(pid, "maps")
        source = hasHugetlb ? try Self.source(pid, maps) : .none
        self.maps = maps
    }

    private static func source(_ pid: Int, _ maps: borrowing LiveFile) throws(LiveError) -> Source {
        if answers(maps) { return .query }
        var sizes: [Range<UInt64>: UInt64] = [:]
        try SmapsArea.forEach(of: pid) { entry in
            if entry.isHugetlb { sizes[entry.area.range] = entry["KernelPageSize"] * 1024 }
        }
        return .smaps(sizes)
    }

    /// The page size if `area` is a hugetlb area, nil if it is not.
    func pageSize(of area: MappedArea) -> UInt64? {
        switch source {
        case .none: return nil
        case .smaps(let sizes): return sizes[area.range]
        case .query:
            // An area that is gone by now has nothing to say either.
            guard let size = (try? maps.areaPageSize(at: area.range.lowerBound)) ?? nil, size > 4096 else { return nil }
            return size
        }
    }

    /// Whether PROCMAP_QUERY is known: an address without an area is an answer, too.
    private static func answers(_ maps: borrowing LiveFile) -> Bool {
        do throws(Errno) {
            _ = try maps.areaPageSize(at: 0)
            return true
        } catch {
            return false
        }
    }
}

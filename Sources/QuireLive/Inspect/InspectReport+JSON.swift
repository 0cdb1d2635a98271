// `InspectReport` as JSON, for `quire inspect --json`. Names end in their unit; a range has a member for each end.

extension InspectReport {
    /// The report as JSON, indented or on one line; every area is in it.
    public func json(indented: Bool = true) -> String {
        JSONText.object([
            .init("pid", .integer(UInt64(pid))),
            .init("name", .string(status.name)),
            .init("method", .string(method.rawValue)),
            .init("status", counters),
            .init("tables", tablesJSON),
            .init("total", total.jsonValue),
            .init("areas", .array(areas.map(\.jsonValue))),
            .init("scan", costJSON),
        ]).text(indented: indented)
    }

    private var counters: JSONText {
        let fields: [StatusField] = [
            .vmSize, .vmRSS, .rssAnon, .rssFile, .rssShmem, .vmSwap, .hugetlbPages, .vmPTE,
        ]
        return .object(
            fields.map { .init("\($0.rawValue)_kB", .integer(status[$0].rawValue)) }
                + [.init("VmPTE_before_kB", .integer(vmPTEBefore.rawValue))])
    }

    private var tablesJSON: JSONText {
        .object([
            .init("all", .integer(tables.tables)),
            .init("populated", .integer(tables.populated)),
            .init("deposited", .integer(tables.deposited)),
            .init("upper_min", .integer(tables.upperLevels.lowerBound)),
            .init("upper_max", .integer(tables.upperLevels.upperBound)),
            .init("empty_min", .integer(tables.empty.lowerBound)),
            .init("empty_max", .integer(tables.empty.upperBound)),
            .init("reclaimable_min_kB", .integer(tables.reclaimable.lowerBound.rawValue)),
            .init("reclaimable_max_kB", .integer(tables.reclaimable.upperBound.rawValue)),
        ])
    }

    private var costJSON: JSONText {
        .object([
            .init("spans", .integer(cost.spans)),
            .init("chunks", .integer(cost.chunks)),
            .init("longest_hold_ns", .integer(cost.longestHoldNanoseconds)),
            .init("total_hold_ns", .integer(cost.totalHoldNanoseconds)),
            .init("elapsed_ns", .integer(cost.elapsedNanoseconds)),
        ])
    }
}

extension AreaReport {
    fileprivate var jsonValue: JSONText {
        .object([
            .init("start", .string("0x" + String(area.range.lowerBound, radix: 16))),
            .init("end", .string("0x" + String(area.range.upperBound, radix: 16))),
            .init("permissions", .string(area.permissions)),
            .init("path", .string(area.path)),
            .init("kind", .string(kind)),
            .init("spans", .integer(spans)),
            .init("found", tally.jsonValue),
            .init("empty_tables_about", emptyTables.map { .integer($0) } ?? .null),
        ])
    }

    private var kind: String {
        if isHugetlb { return "hugetlb" }
        if area.isKernelMapped { return "not walked" }
        return area.isAnonymous ? "anonymous" : "file or shared memory"
    }
}

extension SpanTally {
    fileprivate var jsonValue: JSONText {
        .object([
            .init("tables", .integer(populated)),
            .init("tables_without_pages", .integer(withoutPages)),
            .init("huge", .integer(huge)),
            .init("entries", .integer(entries)),
            .init("present_entries", .integer(presentEntries)),
            .init("guard_entries", .integer(guardEntries)),
            .init(
                "tables_by_entries",
                .object(FillBucket.allCases.dropFirst().map { .init($0.label, .integer(self[$0])) })),
        ])
    }
}

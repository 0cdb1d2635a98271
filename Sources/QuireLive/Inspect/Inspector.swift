// `quire inspect`: one look at the page tables of a live process. `Inspector` reads the counters, walks the areas with
// `PageTableScanner` or `PagemapReader` into a `SpanCensus`, reads the counters again, and estimates. It trusts nothing to
// stand still: a process that ends, or calls execve, between the first look and the last is an error, never half a report.
// Kernel counterpart: fs/proc/task_mmu.c, from the reader's side.

import SystemPackage

/// Inspects live processes.
public struct Inspector: Sendable {
    /// The way to read; nil takes PAGEMAP_SCAN if the kernel has it.
    public var method: ScanMethod?

    public init(method: ScanMethod? = nil) { self.method = method }

    /// Inspects process `pid`.
    public func inspect(_ pid: Int) throws(LiveError) -> InspectReport {
        let begin = monotonicNanoseconds()
        let stat = try ProcessStat(pid: pid)
        let before = try ProcessStatus(pid: pid)
        guard !stat.isKernelThread else { throw .kernelThread(pid) }
        guard before.hasAddressSpace else { throw .exited(pid) }

        var scan = try walk(pid, before)

        let after = try ended(pid) { () throws(LiveError) in try ProcessStatus(pid: pid) }
        let statAfter = try ended(pid) { () throws(LiveError) in try ProcessStat(pid: pid) }
        guard after.hasAddressSpace, statAfter.startTime == stat.startTime, statAfter.startStack == stat.startStack
        else { throw .exited(pid) }

        let total = scan.census.finish()
        let estimate = TableEstimate(
            vmPTE: after[.vmPTE], found: total, deposited: scan.deposited,
            upperNeeded: scan.census.pmdTables.count + scan.census.pudTables.count,
            upperPossible: scan.covered1G.count + scan.covered512G.count,
            coveredSpans: scan.coveredSpans.count, unseenSpans: scan.unseenSpans.count)
        scan.scaleEmptyTables(toAtMost: estimate.empty.upperBound)
        scan.cost.spans = scan.coveredSpans.count
        scan.cost.elapsedNanoseconds = monotonicNanoseconds() - begin
        return InspectReport(
            pid: pid, status: after, vmPTEBefore: before[.vmPTE], method: scan.method, tables: estimate, total: total,
            areas: scan.areas, cost: scan.cost)
    }

    private func walk(_ pid: Int, _ status: ProcessStatus) throws(LiveError) -> InspectScan {
        if method != .pagemap {
            let pagemap = try openProcessFile(pid, "pagemap")
            if var scanner = PageTableScanner(pid: pid, pagemap: pagemap) {
                return try walk(pid, status, &scanner)
            }
            if method == .pagemapScan {
                throw .unsupported("this kernel has no PAGEMAP_SCAN (Linux 6.7 and later): leave the method out")
            }
        }
        var reader = PagemapReader(pid: pid, pagemap: try openProcessFile(pid, "pagemap"))
        return try walk(pid, &reader)
    }

    /// PAGEMAP_SCAN over every area of maps.
    private func walk(
        _ pid: Int, _ status: ProcessStatus, _ scanner: inout PageTableScanner
    ) throws(LiveError) -> InspectScan {
        var scan = InspectScan(method: .pagemapScan)
        let price = WalkCost.measured()
        let sizes = try HugetlbSizes(pid: pid, hasHugetlb: status[.hugetlbPages].rawValue > 0)
        try MappedArea.forEach(of: pid) { (area) throws(LiveError) in
            let hugetlbSize = sizes.pageSize(of: area)
            guard scan.begin(area, isHugetlb: hugetlbSize != nil) else { return }
            let cost = try scanner.scan(area.range) { region in
                if let hugetlbSize {
                    scan.census.addHugetlb(region.start..<region.end, pageSize: hugetlbSize)
                } else {
                    scan.census.add(region.start..<region.end, region.categories)
                }
            }
            scan.endArea(cost: cost, price: price)
        }
        scan.cost = scanner.cost
        return scan
    }

    /// pagemap over the areas of smaps that hold something.
    private func walk(_ pid: Int, _ reader: inout PagemapReader) throws(LiveError) -> InspectScan {
        var scan = InspectScan(method: .pagemap)
        let smapsHold = try SmapsArea.forEach(of: pid) { (entry) throws(LiveError) in
            guard scan.begin(entry.area, isHugetlb: entry.isHugetlb) else { return }
            if entry.isHugetlb {
                let pageSize = entry["KernelPageSize"] * 1024
                try reader.scan(entry.area.range) { scan.census.addHugetlb($0.start..<$0.end, pageSize: pageSize) }
            } else if entry["Rss"] + entry["Swap"] > 0 {
                try reader.scan(entry.area.range) { scan.census.add($0.start..<$0.end, $0.categories) }
            }
            scan.endArea(entry)
        }
        scan.cost = reader.cost
        scan.cost.count(hold: smapsHold)
        return scan
    }

    /// What was there a moment ago and is not: it has ended.
    private func ended<Value>(_ pid: Int, _ read: () throws(LiveError) -> Value) throws(LiveError) -> Value {
        do throws(LiveError) {
            return try read()
        } catch {
            if case .noSuchProcess = error { throw .exited(pid) }
            throw error
        }
    }
}

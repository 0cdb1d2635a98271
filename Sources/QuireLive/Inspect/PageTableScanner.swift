// Walks a live process's page tables without holding it up: `PageTableScanner` asks the kernel for populated pages, an area
// at a time and in chunks, and feeds a `SpanCensus`. Each chunk is one hold of the process's mmap lock for read, during which
// its page faults go on (they need only the area's lock) but mmap and munmap wait. Two ways to ask: PAGEMAP_SCAN, and
// /proc/PID/pagemap (`PagemapReader.swift`). Kernel counterpart: do_pagemap_scan in fs/proc/task_mmu.c.

import SystemPackage

/// What a scan cost the process that was scanned.
public struct ScanCost: Hashable, Sendable {
    /// System calls that walked page tables: one hold of the mmap lock each, or (pagemap) several in turn.
    public internal(set) var chunks: UInt64 = 0
    /// The longest of them: no single hold was longer.
    public internal(set) var longestHoldNanoseconds: UInt64 = 0
    /// All of them together.
    public internal(set) var totalHoldNanoseconds: UInt64 = 0
    /// The whole inspection, reading the areas included.
    public internal(set) var elapsedNanoseconds: UInt64 = 0
    /// 2 MiB spans that were covered.
    public internal(set) var spans: UInt64 = 0

    mutating func count(hold nanoseconds: UInt64) {
        chunks += 1
        totalHoldNanoseconds += nanoseconds
        longestHoldNanoseconds = max(longestHoldNanoseconds, nanoseconds)
    }
}

/// How much one call may walk; it follows the time that calls take.
///
/// Two bounds together keep every hold short. A walk without a table costs next to nothing: 4 GiB of it, the most that one
/// call covers, about a microsecond. 4 GiB of empty tables cost 1 to 2 ms; of full ones, the limit on pages ends the call.
struct ScanChunk {
    static let smallest: UInt64 = 2 << 20
    static let largest: UInt64 = 4 << 30
    /// 128 full tables: about a millisecond.
    static let maxPages: UInt64 = 1 << 16

    private(set) var length: UInt64 = 64 << 20
    private let longHold: UInt64

    init(longHold: UInt64 = 2_000_000) { self.longHold = longHold }

    mutating func follow(hold nanoseconds: UInt64) {
        if nanoseconds > longHold {
            length = max(Self.smallest, length / 2)
        } else if nanoseconds < longHold / 4 {
            length = min(Self.largest, length * 2)
        }
    }

    /// The end of the chunk that begins at `address`: a multiple of its length, so that no table is walked twice.
    func end(from address: UInt64, limit: UInt64) -> UInt64 {
        let (end, overflow) = (address / length * length).addingReportingOverflow(length)
        return overflow ? limit : min(end, limit)
    }
}

/// Scans by PAGEMAP_SCAN.
struct PageTableScanner: ~Copyable {
    private let pid: Int
    private let pagemap: LiveFile
    private let categories: PageCategories
    /// No longer than the kernel's own buffer. With room for more, one call would take the lock several times, and (seen
    /// on Linux 6.18) say that its walk ended where the last time began, if that time came to the end of the range: the
    /// regions behind it would be counted twice (test `manyRegionsCountOnce`).
    private var regions = [PageRegion](repeating: PageRegion(), count: 512)
    private var chunk = ScanChunk()
    private(set) var cost = ScanCost()

    /// Takes over the open /proc/PID/pagemap; nil if this kernel has no PAGEMAP_SCAN (before Linux 6.7).
    init?(pid: Int, pagemap: consuming LiveFile) {
        // An empty range asks nothing but whether the call and its categories are known. Guards came later (6.15).
        let wished: [PageCategories] = [[.present, .swapped, .huge, .guardRegion], [.present, .swapped, .huge]]
        var probe = [PageRegion()]
        var accepted: PageCategories?
        for categories in wished where accepted == nil {
            if (try? pagemap.scanPages(in: 0..<0, maxPages: 0, reporting: categories, into: &probe)) != nil {
                accepted = categories
            }
        }
        guard let accepted else { return nil }
        self.pid = pid
        self.pagemap = pagemap
        self.categories = accepted
    }

    /// What walking one area took.
    struct AreaCost {
        var nanoseconds: UInt64 = 0
        var calls: UInt64 = 0
        var regions: UInt64 = 0
    }

    /// Scans `range`, a single area, and hands every populated region to `body` in order.
    mutating func scan(_ range: Range<UInt64>, _ body: (PageRegion) -> Void) throws(LiveError) -> AreaCost {
        var areaCost = AreaCost()
        var address = range.lowerBound
        while address < range.upperBound {
            let end = chunk.end(from: address, limit: range.upperBound)
            let begin = monotonicNanoseconds()
            let result: (count: Int, walkEnd: UInt64)
            do throws(Errno) {
                result = try pagemap.scanPages(
                    in: address..<end, maxPages: ScanChunk.maxPages, reporting: categories, into: &regions)
            } catch {
                throw LiveError(error, pid: pid, file: "pagemap")
            }
            let hold = monotonicNanoseconds() - begin
            cost.count(hold: hold)
            chunk.follow(hold: hold)
            areaCost.nanoseconds += hold
            areaCost.calls += 1
            areaCost.regions += UInt64(result.count)
            for region in regions[..<result.count] { body(region) }
            // What was found was walked; and a walk that stops where it began would never end.
            let walked = max(result.walkEnd, result.count > 0 ? regions[result.count - 1].end : 0)
            address = walked > address ? min(walked, end) : end
        }
        return areaCost
    }
}

// Counts what the page tables of a process hold: `SpanCensus` takes populated regions in order of address and keeps, for
// the current area and for the whole process, a `SpanTally`. A span is the 2 MiB that one PTE table maps:
//
//        span 7                    span 8                    span 9
//     |------------------------|------------------------|------------------------|
//     [ area A     ][ area B                 ][ C ]
//       xx  x          x          x  x  xx      x
//
// Span 7 is one table, though A and B each see a part of it: both count it as theirs, the process counts it once. The
// scanners feed this type; `TableEstimate` reads the result. Kernel counterpart: none; the walk is mm/pagewalk.c's.

/// How full a PTE table is, in steps; bucket 0 holds the tables with no entry at all, which no walk sees.
public enum FillBucket: Int, CaseIterable, Hashable, Sendable {
    case empty, one, upTo7, upTo63, upTo255, upTo511, full

    /// The bucket of a table with `entries` of its 512 entries in use.
    public init(entries: Int) {
        switch entries {
        case ...0: self = .empty
        case 1: self = .one
        case ...7: self = .upTo7
        case ...63: self = .upTo63
        case ...255: self = .upTo255
        case ...511: self = .upTo511
        default: self = .full
        }
    }

    /// The entries a table of this bucket has, as text.
    public var label: String {
        ["0", "1", "2-7", "8-63", "64-255", "256-511", "512"][rawValue]
    }
}

/// What was found in an area, or in all of them.
public struct SpanTally: Hashable, Sendable {
    /// Spans with at least one entry in use, and so with a table that must stay.
    public internal(set) var populated: UInt64 = 0
    /// Of these, spans without a single present page: swap entries and markers alone keep the table.
    public internal(set) var withoutPages: UInt64 = 0
    /// Spans mapped by one huge entry.
    public internal(set) var huge: UInt64 = 0
    /// Entries in use: present ones, swap and migration entries, and userfaultfd, poison and guard markers.
    public internal(set) var entries: UInt64 = 0
    /// Of these, present pages; a huge mapping counts none here.
    public internal(set) var presentEntries: UInt64 = 0
    /// Of these, guard markers, where the kernel tells (Linux 6.15).
    public internal(set) var guardEntries: UInt64 = 0
    private var buckets: [UInt64] = Array(repeating: 0, count: FillBucket.allCases.count)

    /// Populated spans by how full they are; `.empty` is always 0.
    public subscript(bucket: FillBucket) -> UInt64 {
        get { buckets[bucket.rawValue] }
        set { buckets[bucket.rawValue] = newValue }
    }

    fileprivate mutating func count(_ spans: UInt64, entries: Int, present: Int) {
        guard entries > 0 else { return }
        populated += spans
        if present == 0 { withoutPages += spans }
        self[FillBucket(entries: entries)] += spans
    }

    /// Moves `spans` full tables to the huge ones: the fallback cannot see at which level a page is mapped.
    mutating func turnHuge(_ spans: UInt64) {
        let moved = min(spans, self[.full])
        self[.full] -= moved
        populated -= moved
        huge += moved
        entries -= moved * 512
        presentEntries -= min(presentEntries, moved * 512)
    }
}

/// Numbers the blocks of 2^shift bytes that ascending ranges touch, each once.
struct DistinctBlocks: Sendable {
    let shift: UInt64
    private(set) var count: UInt64 = 0
    private var next: UInt64 = 0

    init(shift: UInt64) { self.shift = shift }

    mutating func add(_ range: Range<UInt64>) {
        guard !range.isEmpty else { return }
        let first = max(range.lowerBound >> shift, next)
        let end = ((range.upperBound - 1) >> shift) + 1
        guard first < end else { return }
        count += end - first
        next = end
    }
}

/// Counts spans, for the current area and in total.
struct SpanCensus: Sendable {
    static let spanShift: UInt64 = 21
    static let pmdTableShift: UInt64 = 30
    static let pudTableShift: UInt64 = 39

    /// A table that is being counted: regions of several areas may add to it.
    private struct OpenSpan {
        var index: UInt64?
        var entries = 0
        var present = 0

        mutating func move(to index: UInt64?, counting tally: inout SpanTally) {
            guard index != self.index else { return }
            tally.count(1, entries: entries, present: present)
            self = OpenSpan(index: index)
        }
    }

    private(set) var total = SpanTally()
    /// 1 GiB regions, and so PMD tables, that hold something.
    private(set) var pmdTables = DistinctBlocks(shift: pmdTableShift)
    /// 512 GiB regions, and so PUD tables, that hold something.
    private(set) var pudTables = DistinctBlocks(shift: pudTableShift)
    private var area = SpanTally()
    private var openInArea = OpenSpan()
    private var openInTotal = OpenSpan()

    /// Counts one region of base pages. Regions come in ascending order.
    mutating func add(_ range: Range<UInt64>, _ categories: PageCategories) {
        pmdTables.add(range)
        pudTables.add(range)
        if categories.contains(.huge) {
            let spans = UInt64(range.count) >> Self.spanShift
            area.huge += spans
            total.huge += spans
            return
        }
        let isPresent = categories.contains(.present)
        Self.count(range, isPresent, &area, &openInArea)
        Self.count(range, isPresent, &total, &openInTotal)
        let pages = UInt64(range.count) >> 12
        if categories.contains(.guardRegion) {
            area.guardEntries += pages
            total.guardEntries += pages
        }
    }

    /// Counts hugetlb pages: they need upper tables only, and 1 GiB pages not even a PMD table.
    mutating func addHugetlb(_ range: Range<UInt64>, pageSize: UInt64) {
        if pageSize < 1 << Self.pmdTableShift { pmdTables.add(range) }
        pudTables.add(range)
    }

    /// Ends the current area; `hugeSpans` of its full tables are really huge mappings (the fallback's knowledge).
    mutating func endArea(hugeSpans: UInt64 = 0) -> SpanTally {
        openInArea.move(to: nil, counting: &area)
        if hugeSpans > 0 {
            // The last table may still be open in the total. If it is full, no later area can add to it.
            if openInTotal.entries == 512 { openInTotal.move(to: nil, counting: &total) }
            let before = area.huge
            area.turnHuge(hugeSpans)
            total.turnHuge(area.huge - before)
        }
        defer { area = SpanTally() }
        return area
    }

    /// Ends the count.
    mutating func finish() -> SpanTally {
        openInTotal.move(to: nil, counting: &total)
        return total
    }

    private static func count(
        _ range: Range<UInt64>, _ isPresent: Bool, _ tally: inout SpanTally, _ open: inout OpenSpan
    ) {
        let pages = UInt64(range.count) >> 12
        tally.entries += pages
        if isPresent { tally.presentEntries += pages }
        var address = range.lowerBound
        while address < range.upperBound {
            let index = address >> spanShift
            let start = index << spanShift
            let wholeSpans = (range.upperBound - start) >> spanShift
            if address == start, wholeSpans > 1 {
                // A long run of full tables: count all but the last at once.
                open.move(to: nil, counting: &tally)
                tally.count(wholeSpans - 1, entries: 512, present: isPresent ? 512 : 0)
                address += (wholeSpans - 1) << spanShift
                continue
            }
            open.move(to: index, counting: &tally)
            let end = min(range.upperBound, start + (1 << spanShift))
            let count = Int((end - address) >> 12)
            open.entries += count
            if isPresent { open.present += count }
            address = end
        }
    }
}

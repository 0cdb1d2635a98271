// From what a walk can see to what it cannot: `TableEstimate`. A walk sees entries, never a table without any; VmPTE counts
// every table. The difference is the empty tables, up to what upper levels keep. All of it is arithmetic on the counts of
// one scan. Kernel counterpart: mm_pgtables_bytes (PTE, PMD and PUD pages; not the PGD, not the P4D level).

/// How many of a process's page-table pages are in use, and how many are empty.
///
///     VmPTE / 4 kB = populated PTE tables + tables deposited for huge pages + empty PTE tables + PMD and PUD tables
///
/// A PMD or PUD table is needed for each 1 GiB or 512 GiB region that holds something. One whose region has become empty
/// stays until the areas there are unmapped, and cannot be told from an empty PTE table: it could be there for every
/// region that an area touches. So the number of empty tables is a range. A device's area, which a walk skips, widens it.
public struct TableEstimate: Hashable, Sendable {
    /// All page-table pages: VmPTE / 4 kB.
    public var tables: UInt64
    /// PTE tables with at least one entry.
    public var populated: UInt64
    /// PTE tables set aside for the day a transparent huge page is split: the kernel needs them, they are not waste.
    public var deposited: UInt64
    /// PMD and PUD tables: those that what was found needs, up to those that the areas could have.
    public var upperLevels: ClosedRange<UInt64>
    /// PTE tables without any entry.
    public var empty: ClosedRange<UInt64>

    /// What empty-table reclaim would give back.
    public var reclaimable: ClosedRange<Kilobytes> {
        Kilobytes(rawValue: empty.lowerBound * 4)...Kilobytes(rawValue: empty.upperBound * 4)
    }

    /// - Parameters:
    ///   - upperNeeded: PMD and PUD tables above what was found.
    ///   - upperPossible: PMD and PUD tables that the areas could have.
    ///   - coveredSpans: the 2 MiB spans that areas touch, hugetlb areas left out: no table lies elsewhere.
    ///   - unseenSpans: of these, spans of areas that a walk skips.
    init(
        vmPTE: Kilobytes, found: SpanTally, deposited: UInt64, upperNeeded: UInt64, upperPossible: UInt64,
        coveredSpans: UInt64, unseenSpans: UInt64
    ) {
        let tables = vmPTE.rawValue / 4
        let upperLevels = upperNeeded...max(upperNeeded, upperPossible)
        self.tables = tables
        self.upperLevels = upperLevels
        populated = found.populated
        self.deposited = deposited
        // Counted at slightly different moments: what does not add up is cut off at zero.
        func rest(_ parts: UInt64) -> UInt64 { tables > parts ? tables - parts : 0 }
        let known = found.populated + deposited
        let free = coveredSpans > found.populated + found.huge ? coveredSpans - found.populated - found.huge : 0
        let most = min(rest(known + upperNeeded), free)
        empty = min(rest(known + upperLevels.upperBound + unseenSpans), most)...most
    }
}

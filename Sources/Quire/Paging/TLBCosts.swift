// What counts of TLB work cost in cycles: a small table whose values and sources are in docs/tlb.md, and which the knob
// `tlb_costs` changes. It prices operations; it knows nothing of what a pipeline hides.

/// Something that is counted and has a price.
enum TLBCost: Int, CaseIterable, BitwiseCopyable {
    /// A hit in the second or third level.
    case secondLevel, thirdLevel
    /// An entry that a walk reads.
    case walkReference
    /// An invalidation of an address, of a range, of an address space (or of everything).
    case page, range, space
    /// A CPU that is interrupted, both sides together.
    case interrupt
    /// A flush that is waited for: arm64's DSB.
    case barrier

    /// The name in `tlb_costs`.
    var name: String {
        switch self {
        case .secondLevel: "l2"
        case .thirdLevel: "l3"
        case .walkReference: "walk"
        case .page: "page"
        case .range: "range"
        case .space: "space"
        case .interrupt: "ipi"
        case .barrier: "barrier"
        }
    }
}

/// Cycles for each.
struct TLBCosts: BitwiseCopyable {
    private var cycles: InlineArray<8, UInt64>

    init(_ format: PageTableFormat) {
        cycles = format.broadcastsInvalidations ? [3, 3, 12, 100, 100, 100, 0, 200] : [9, 9, 12, 150, 0, 300, 4000, 0]
    }

    subscript(cost: TLBCost) -> UInt64 {
        get { cycles[cost.rawValue] }
        set { cycles[cost.rawValue] = newValue }
    }

    /// What the counts come to: getting translations, invalidating them, interrupting CPUs, waiting.
    func cycles(_ statistics: TLBStatistics, _ count: (Counter) -> UInt64) -> [(name: String, value: UInt64)] {
        var translation = count(.tlbWalkReferences) &* self[.walkReference]
        for row in statistics.rows where row.level > 1 {
            translation &+= row.hits &* self[row.level == 2 ? .secondLevel : .thirdLevel]
        }
        let spaces = count(.tlbInvalidateSpace) &+ count(.tlbInvalidateAll) &+ count(.tlbSwitchFlushes)
        let invalidation =
            count(.tlbInvalidatePage) &* self[.page] &+ count(.tlbInvalidateRange) &* self[.range]
            &+ spaces &* self[.space]
        return [
            ("translation", translation), ("invalidation", invalidation),
            ("interrupts", count(.tlbInterrupts) &* self[.interrupt]),
            ("barriers", count(.tlbBarriers) &* self[.barrier]),
        ]
    }
}

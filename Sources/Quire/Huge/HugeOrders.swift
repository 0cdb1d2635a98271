// Which sizes of folio an area may have: one function for faults, collapse and smaps. Whether a certain fault then gets
// one depends on alignment, on what is mapped beside it and on free memory: AnonymousFault.swift, HugeFault.swift.
// Linux: __thp_vma_allowable_orders, thp_vma_suitable_order, hugepage_global_enabled; S3-07 has the history.

/// Why somebody asks.
enum HugePurpose: UInt8, BitwiseCopyable {
    /// A page fault.
    case fault
    /// khugepaged looks for ranges to collapse.
    case collapse
    /// MADV_COLLAPSE: the sizes' knobs do not matter.
    case forcedCollapse
    /// `THPeligible` of smaps.
    case smaps
}

/// A set of orders, bit n for order n.
struct Orders: OptionSet, BitwiseCopyable {
    let rawValue: UInt16

    /// The sizes of anonymous folios: 16 kB to 2 MiB.
    static let anonymous = Orders(rawValue: 0b11_1111_1100)
    /// 2 MiB alone.
    static let huge = Orders(order: FolioOrder.huge)

    init(rawValue: UInt16) { self.rawValue = rawValue }
    init(order: Int) { self.init(rawValue: 1 << UInt16(order)) }

    /// The largest; nil of none.
    var largest: Int? { rawValue == 0 ? nil : 15 - rawValue.leadingZeroBitCount }
}

extension AddressSpace {
    /// The orders that an area's knobs, advice and kind allow.
    @inline(__always) func allowedOrders(_ area: Area, _ purpose: HugePurpose) -> Orders {
        let byAdvice = core.settings.sizes.allowed(advised: area.flags.contains(.hugePage))
        return byAdvice.isEmpty && purpose != .forcedCollapse ? [] : ordersByRule(area, purpose, byAdvice)
    }

    @inline(never)
    private func ordersByRule(_ area: Area, _ purpose: HugePurpose, _ byAdvice: Orders) -> Orders {
        guard area.isAnonymous, !isHugeDisabled(area, purpose) else { return [] }
        // Areas that were made by a driver or may not be touched by khugepaged may still fault pages of their own.
        if purpose == .collapse || purpose == .forcedCollapse, area.flags.contains(.dontExpand) { return [] }
        var orders: Orders = purpose == .collapse || purpose == .forcedCollapse ? .huge : .anonymous
        if purpose != .forcedCollapse { orders.formIntersection(byAdvice) }
        if purpose != .fault {
            // Somewhere in the area one must fit.
            var fitting: Orders = []
            for order in 2...FolioOrder.huge where orders.contains(Orders(order: order)) {
                let size = Page.size << UInt64(order)
                let first = (area.start &+ size - 1) & ~(size - 1)
                if first >= area.start, first &+ size <= area.end { fitting.insert(Orders(order: order)) }
            }
            orders = fitting
        }
        // A collapse needs pages that were written: only faults make an anon_vma.
        let isCollapse = purpose == .collapse || purpose == .forcedCollapse
        return isCollapse && area.anonVMA.isNone ? [] : orders
    }

    /// Whether the area or the process has given up huge pages (vma_thp_disabled).
    private func isHugeDisabled(_ area: Area, _ purpose: HugePurpose) -> Bool {
        if area.flags.contains(.noHugePage) { return true }
        switch numbers.hugeDisabled {
        case .no: return false
        case .completely: return true
        case .exceptAdvised: return !area.flags.contains(.hugePage) && purpose != .forcedCollapse
        }
    }

    /// Whether the aligned range of an order around an address lies in the area (thp_vma_suitable_order).
    @inline(__always) func fits(_ area: Area, _ address: UInt64, order: Int) -> Bool {
        let size = Page.size << UInt64(order)
        let start = address & ~(size - 1)
        return start >= area.start && start &+ size <= area.end
    }
}

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
    /// The sizes of a file's: 8 kB to 2 MiB.
    static let file = Orders(rawValue: 0b11_1111_1110)
    /// 2 MiB alone.
    static let huge = Orders(order: FolioOrder.huge)

    init(rawValue: UInt16) { self.rawValue = rawValue }
    init(order: Int) { self.init(rawValue: 1 << UInt16(order)) }

    /// The largest; nil of none.
    var largest: Int? { rawValue == 0 ? nil : 15 - rawValue.leadingZeroBitCount }
}

/// Which memory is asked about, as far as eligibility goes.
struct EligibleArea: BitwiseCopyable {
    var kind: AreaKind
    var flags: AreaFlags
    /// Of a driver's area.
    var abilities: DriverAbilities = []
    /// Whether pages were ever written there.
    var hasAnonVMA = true
    /// The orders for which an aligned range lies in the area, and for a file in the file too.
    var fitting: Orders
    var disabled = HugeDisabled.no
}

/// The rules of eligibility: those of today, and those before huge_fault handlers were asked and flags of drivers were kept
/// out of faults (S3-07; Linux 6.0 to 6.6).
enum HugeRules: UInt8, BitwiseCopyable { case handlersDecide, byFlags }

/// The sizes' knobs as eligibility sees them.
struct HugePolicies: BitwiseCopyable {
    var sizes: SizePolicies
    var shmem: ShmemHuge
    /// By order.
    var shmemOfSize: InlineArray<10, ShmemHuge>
    var rules = HugeRules.handlersDecide

    init(_ settings: Settings, rules: HugeRules = .handlersDecide) {
        sizes = settings.sizes
        shmem = settings.huge.shmem
        shmemOfSize = settings.huge.shmemOfSize
        self.rules = rules
    }

    /// The orders that an area may have for a purpose.
    func orders(_ area: EligibleArea, _ purpose: HugePurpose) -> Orders {
        let isFault = purpose == .fault
        let isCollapse = purpose == .collapse || purpose == .forcedCollapse
        let isAdvised = area.flags.contains(.hugePage)
        var orders = area.kind == .anonymous ? Orders.anonymous : .file
        if isCollapse { orders = .huge }
        if area.kind == .anonymous, purpose != .forcedCollapse {
            orders.formIntersection(sizes.allowed(advised: isAdvised))
        }
        if orders.isEmpty || isDisabled(area, purpose) { return [] }
        // Nobody collapses persistent memory, but it may be faulted in at any size.
        if area.abilities.contains(.dax) { return isFault ? orders : [] }
        if isCollapse || rules == .byFlags, !area.flags.isDisjoint(with: .special) { return [] }
        if !isFault { orders.formIntersection(area.fitting) }
        if orders.isEmpty { return [] }
        switch area.kind {
        case .anonymous: return isCollapse && !area.hasAnonVMA ? [] : orders
        case .shared where !isFault: return orders.intersection(shmemOrders(isAdvised, purpose))
        default: break
        }
        let isAllowed = sizes.global == .always || sizes.global == .madvise && isAdvised
        guard purpose == .forcedCollapse || isAllowed else { return [] }
        // Handlers know what they do. Files of a disk have no large folios here (READ_ONLY_THP_FOR_FS).
        let asksHandler = rules == .handlersDecide && !isCollapse && area.abilities.contains(.hugeFault)
        return asksHandler ? orders : []
    }

    /// Whether the area or the process has given up huge pages (vma_thp_disabled).
    private func isDisabled(_ area: EligibleArea, _ purpose: HugePurpose) -> Bool {
        if area.flags.contains(.noHugePage) { return true }
        switch area.disabled {
        case .no: return false
        case .completely: return true
        case .exceptAdvised: return !area.flags.contains(.hugePage) && purpose != .forcedCollapse
        }
    }

    /// What shmem's own knobs allow (shmem_allowable_huge_orders).
    private func shmemOrders(_ isAdvised: Bool, _ purpose: HugePurpose) -> Orders {
        if purpose == .forcedCollapse || shmem == .force { return .huge }
        if shmem == .deny { return [] }
        var orders: Orders = []
        for order in 1...FolioOrder.huge {
            let own = shmemOfSize[order]
            let policy = own == .inherit ? shmem : own
            let isOn = policy == .always || policy == .withinSize || policy == .advise && isAdvised
            if isOn { orders.insert(Orders(order: order)) }
        }
        return orders
    }
}

extension AddressSpace {
    /// The orders that an area's knobs, advice and kind allow.
    @inline(__always) func allowedOrders(_ area: Area, _ purpose: HugePurpose) -> Orders {
        mayAllowOrders(area.kind, area.flags, purpose) ? ordersByRule(area, purpose) : []
    }

    /// The same of an area in its place: its record is copied only where that tells more.
    @inline(__always) func allowedOrders(_ area: Handle<Area>, _ purpose: HugePurpose) -> Orders {
        mayAllowOrders(core.areas[area].kind, core.areas[area].flags, purpose)
            ? ordersByRule(core.area(area), purpose) : []
    }

    /// What is asked at every fault and every merge mostly has its answer here.
    @inline(__always)
    private func mayAllowOrders(_ kind: AreaKind, _ flags: AreaFlags, _ purpose: HugePurpose) -> Bool {
        switch kind {
        case .file: false
        case .anonymous:
            purpose == .forcedCollapse || !core.settings.sizes.allowed(advised: flags.contains(.hugePage)).isEmpty
        case .shared: purpose != .fault
        case .driver: true
        }
    }

    @inline(never)
    private func ordersByRule(_ area: Area, _ purpose: HugePurpose) -> Orders {
        // Each page that comes or is written is a message of its own.
        if purpose == .fault, !area.flags.isDisjoint(with: .userfault) { return [] }
        // A collapse would add pages that nobody has charged.
        if area.flags.contains(.chargedByPage), purpose == .collapse || purpose == .forcedCollapse { return [] }
        let abilities: DriverAbilities = area.kind == .driver ? core.files[area.file].abilities : []
        let asked = EligibleArea(
            kind: area.kind, flags: area.flags, abilities: abilities, hasAnonVMA: !area.anonVMA.isNone,
            fitting: purpose == .fault ? [] : fittingOrders(area), disabled: numbers.hugeDisabled)
        return HugePolicies(core.settings).orders(asked, purpose)
    }

    /// The orders of which an aligned range lies in the area; where it maps a file, aligned in the file as well.
    private func fittingOrders(_ area: Area) -> Orders {
        var fitting: Orders = []
        for order in 1...FolioOrder.huge {
            let size = Page.size << UInt64(order)
            let first = (area.start &+ size - 1) & ~(size - 1)
            guard first >= area.start, first &+ size <= area.end else { continue }
            let isAligned = area.isAnonymous || area.pageOffset(of: first) << Page.shift & (size - 1) == 0
            if isAligned { fitting.insert(Orders(order: order)) }
        }
        return fitting
    }

    /// Whether the aligned range of an order around an address lies in the area (thp_vma_suitable_order).
    @inline(__always) func fits(_ area: Area, _ address: UInt64, order: Int) -> Bool {
        let size = Page.size << UInt64(order)
        let start = address & ~(size - 1)
        return start >= area.start && start &+ size <= area.end
    }
}

// Merging by the invariant, not by case numbers: two neighbours are one area exactly if nothing tells them apart and
// their anon_vmas allow it. A changed range of an area merges by `mergeExisting` (Modify.swift is its only caller), a new
// mapping by `mergeNew`, growth at an area's end by `mergeGrowth`.
//
//     prev      [start, end)      next          with prev ≡ changed:   prev grows over [start, end)
//     |------|·· middle ··|------|              with next ≡ changed:   next grows down to start
//                                               with both:             prev grows over middle and next
//
// Only taking over an anon_vma can fail, and it comes first. At most one of two such steps does anything: where both the
// middle and the upper area have an anon_vma it is the same one, so a failure never leaves half of it behind.
// Linux: vma_merge_existing_range, vma_merge_new_range, vma_merge_extend; is_mergeable_vma, is_mergeable_anon_vma,
// dup_anon_vma.

/// What tells an area from its neighbour.
struct AreaAttributes: BitwiseCopyable {
    var flags: AreaFlags
    var kind: AreaKind
    var file: Handle<FileRecord>
    /// As in the area; whose reference it is, each function says.
    var extras: UInt32 = 0
    /// As in the area: no obstacle, and stays when areas merge (VM_STICKY).
    var guards: UInt32 = 0

    init(flags: AreaFlags, kind: AreaKind, file: Handle<FileRecord>) {
        self.flags = flags
        self.kind = kind
        self.file = file
    }

    @inline(__always) init(_ area: Area) {
        self.init(flags: area.flags, kind: area.kind, file: area.file)
        extras = area.extras
        guards = area.guards
    }
}

/// A range with attributes that is about to exist: in place of part of an area, or where nothing was.
struct Proposal: BitwiseCopyable {
    var start: UInt64
    var end: UInt64
    var pageOffset: UInt64
    var attributes: AreaAttributes
    var anonVMA: Handle<AnonVMA> = .none
    /// The area that the range is part of now; none for a new mapping.
    var middle: Handle<Area> = .none
    /// The area whose pages are about to move into the range (mremap); none for a new mapping.
    var source: Handle<Area> = .none
}

extension AddressSpace {
    // MARK: Who may merge with whom

    /// Whether the range may join the area that ends where it starts.
    private func joinsBelow(_ below: Handle<Area>, _ proposal: Proposal) -> Bool {
        guard !below.isNone else { return false }
        let area = core.areas[below]
        return area.end == proposal.start && hasSame(area, proposal.attributes)
            && area.pageOffset &+ area.pages == proposal.pageOffset
            && anonVMAsAllow(below, proposal)
    }

    /// Whether the range may join the area that starts where it ends.
    private func joinsAbove(_ above: Handle<Area>, _ proposal: Proposal) -> Bool {
        guard !above.isNone else { return false }
        let area = core.areas[above]
        return area.start == proposal.end && hasSame(area, proposal.attributes)
            && proposal.pageOffset &+ ((proposal.end - proposal.start) >> Page.shift) == area.pageOffset
            && anonVMAsAllow(above, proposal)
    }

    private func hasSame(_ area: Area, _ attributes: AreaAttributes) -> Bool {
        core.obstacle(AreaAttributes(area), attributes) == nil
    }

    /// Both have the same anon_vma, or one has none and the other did not come from a fork.
    func anonVMAsAllow(_ neighbour: Handle<Area>, _ proposal: Proposal) -> Bool {
        let theirs = core.areas[neighbour].anonVMA
        if theirs.isNone {
            // What the range is part of or moved from; an area that grows over free space is not asked.
            let origin = proposal.middle.isNone ? proposal.source : proposal.middle
            return proposal.anonVMA.isNone || origin.isNone || !core.isForked(origin)
        }
        return proposal.anonVMA.isNone ? !core.isForked(neighbour) : theirs == proposal.anonVMA
    }

    // MARK: Merging

    /// Merges a changed part of an area into its neighbours; none where nothing merges. Throws ENOMEM with nothing
    /// changed.
    func mergeExisting(_ cpu: CPU, _ proposal: Proposal) throws(Errno) -> Handle<Area> {
        let middle = core.areas[proposal.middle]
        let atStart = proposal.start == middle.start
        let atEnd = proposal.end == middle.end
        let below = atStart ? areas.before(proposal.middle) : .none
        let above = atEnd ? areas.after(proposal.middle) : .none
        let joinsBelow = joinsBelow(below, proposal)
        var joinsAbove = joinsAbove(above, proposal)
        if joinsBelow, joinsAbove, !areCompatible(below, above) { joinsAbove = false }
        if joinsBelow {
            try growUp(cpu, below, over: proposal.middle, to: proposal.end, and: joinsAbove ? above : .none)
            return below
        }
        guard joinsAbove else { return .none }
        try growDown(cpu, above, over: proposal.middle, to: proposal.start)
        return above
    }

    private func areCompatible(_ a: Handle<Area>, _ b: Handle<Area>) -> Bool {
        let one = core.areas[a].anonVMA
        let other = core.areas[b].anonVMA
        return one.isNone || other.isNone || one == other
    }

    /// `below` grows over the lower part of `middle` (all of it where `end` is its end) and over `above`.
    private func growUp(
        _ cpu: CPU, _ below: Handle<Area>, over middle: Handle<Area>, to end: UInt64, and above: Handle<Area>
    ) throws(Errno) {
        startWrite(cpu, below)
        startWrite(cpu, middle)
        if !above.isNone { startWrite(cpu, above) }
        try inheritAnonVMA(cpu, below, from: middle)
        if !above.isNone { try inheritAnonVMA(cpu, below, from: above) }
        var last = end
        core.areas[below].guards |= core.areas[middle].guards
        if !above.isNone {
            last = core.areas[above].end
            core.areas[below].guards |= core.areas[above].guards
        }
        core.changeBounds(cpu, of: below) { areas.grow(cpu, below, upTo: last) }
        if end == core.areas[middle].end {
            freeRecord(cpu, middle)
        } else {
            splitLeaf(cpu, middle, atBorder: end)
            core.changeBounds(cpu, of: middle) {
                core.areas[middle].pageOffset = core.areas[middle].pageOffset(of: end)
                areas.moveStart(cpu, middle, to: end)
            }
            core.rehang(cpu, middle)
        }
        if !above.isNone { freeRecord(cpu, above) }
        noteMerge(cpu, below)
    }

    /// `above` grows down over the upper part of `middle` (all of it where `start` is its start).
    private func growDown(
        _ cpu: CPU, _ above: Handle<Area>, over middle: Handle<Area>, to start: UInt64
    ) throws(Errno) {
        startWrite(cpu, above)
        startWrite(cpu, middle)
        try inheritAnonVMA(cpu, above, from: middle)
        core.areas[above].guards |= core.areas[middle].guards
        lower(cpu, above, to: start)
        if start == core.areas[middle].start {
            freeRecord(cpu, middle)
        } else {
            splitLeaf(cpu, middle, atBorder: start)
            core.changeBounds(cpu, of: middle) { areas.moveEnd(cpu, middle, to: start) }
            core.rehang(cpu, middle)
        }
        noteMerge(cpu, above)
    }

    /// An area has grown over another: it may be large enough for huge pages now.
    private func noteMerge(_ cpu: CPU, _ area: Handle<Area>) {
        cpu.count(.areaMerges)
        core.rehang(cpu, area)
        enrol(cpu, area, flags: core.areas[area].flags)
    }

    /// Moves an area's start down, over areas that are gone with that; its page offset goes along.
    func lower(_ cpu: CPU, _ area: Handle<Area>, to start: UInt64) {
        core.changeBounds(cpu, of: area) {
            core.areas[area].pageOffset &-= (core.areas[area].start - start) >> Page.shift
            areas.grow(cpu, area, downTo: start)
        }
        core.rehang(cpu, area)
    }

    /// An area that grows takes over the anon_vma of what it grows over, if it has none itself (dup_anon_vma).
    private func inheritAnonVMA(_ cpu: CPU, _ target: Handle<Area>, from source: Handle<Area>) throws(Errno) {
        if source.isNone { return }
        guard core.areas[target].anonVMA.isNone, !core.areas[source].anonVMA.isNone else { return }
        guard core.shareAnonVMA(cpu, from: source, to: target) else { throw .ENOMEM }
    }

    /// Merges a range where nothing is mapped yet into its neighbours, `cursor` being the upper one; none where nothing
    /// merges. A file's reference that the caller holds for the new area stays the caller's. Throws ENOMEM with nothing
    /// changed.
    func mergeNew(_ cpu: CPU, _ proposal: Proposal, below cursor: AreaCursor) throws(Errno) -> Handle<Area> {
        let above: Handle<Area> = cursor.isNone ? .none : areas.area(at: cursor)
        let lower = areas.below(cursor)
        let below: Handle<Area> = lower.isNone ? .none : areas.area(at: lower)
        let joinsBelow = joinsBelow(below, proposal)
        var joinsAbove = joinsAbove(above, proposal)
        if joinsBelow, joinsAbove, !areCompatible(below, above) { joinsAbove = false }
        if joinsBelow {
            startWrite(cpu, below)
            if joinsAbove { startWrite(cpu, above) }
            try inheritAnonVMA(cpu, below, from: proposal.source)
            if joinsAbove { try inheritAnonVMA(cpu, below, from: above) }
            core.areas[below].guards |= proposal.attributes.guards
            extend(cpu, below, to: proposal.end, swallowing: joinsAbove ? above : .none)
            return below
        }
        guard joinsAbove else { return .none }
        startWrite(cpu, above)
        try inheritAnonVMA(cpu, above, from: proposal.source)
        core.areas[above].guards |= proposal.attributes.guards
        self.lower(cpu, above, to: proposal.start)
        noteMerge(cpu, above)
        return above
    }

    /// An area grows at its end into free space, up to `proposal.end` or over what lies above and joins
    /// (vma_merge_extend). Throws ENOMEM with nothing changed.
    func mergeGrowth(_ cpu: CPU, _ area: Handle<Area>, _ proposal: Proposal) throws(Errno) {
        let above = areas.after(area)
        startWrite(cpu, area)
        guard joinsAbove(above, proposal), areCompatible(area, above) else {
            core.changeBounds(cpu, of: area) { areas.moveEnd(cpu, area, to: proposal.end) }
            core.rehang(cpu, area)
            return
        }
        startWrite(cpu, above)
        try inheritAnonVMA(cpu, area, from: above)
        extend(cpu, area, to: proposal.end, swallowing: above)
    }

    /// Moves an area's end up, over another area where there is one to join.
    private func extend(_ cpu: CPU, _ area: Handle<Area>, to end: UInt64, swallowing above: Handle<Area>) {
        if above.isNone {
            core.changeBounds(cpu, of: area) { areas.grow(cpu, area, upTo: end) }
        } else {
            core.areas[area].guards |= core.areas[above].guards
            core.changeBounds(cpu, of: area) { areas.grow(cpu, area, upTo: core.areas[above].end) }
            freeRecord(cpu, above)
        }
        noteMerge(cpu, area)
    }
}

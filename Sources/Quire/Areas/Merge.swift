// Merging by the invariant, not by case numbers: two neighbours are one area exactly if nothing tells them apart.
// `changeAttributes` is the one way to change a range of an area: it merges where the result is mergeable and splits
// where it must. New mappings and growth have their own entry, `mergeNew`.
//
//     prev      [start, end)      next          with prev ≡ changed:   prev grows over [start, end)
//     |------|·· middle ··|------|              with next ≡ changed:   next grows down to start
//                                               with both:             prev grows over middle and next
//
// Linux: vma_modify, vma_merge_existing_range, vma_merge_new_range; is_mergeable_vma, is_mergeable_anon_vma.

/// What tells an area from its neighbour.
struct AreaAttributes: BitwiseCopyable {
    var flags: AreaFlags
    var kind: AreaKind
    var file: Handle<FileRecord>
    var name: UInt32

    init(flags: AreaFlags, kind: AreaKind, file: Handle<FileRecord>, name: UInt32) {
        self.flags = flags
        self.kind = kind
        self.file = file
        self.name = name
    }

    init(_ area: Area) { self.init(flags: area.flags, kind: area.kind, file: area.file, name: area.name) }
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
    /// Gives [start, end) of `area` new attributes; returns the area that covers the range afterwards. Throws
    /// ENOMEM where a split is needed and cannot be had.
    func changeAttributes(
        _ cpu: CPU, _ area: Handle<Area>, _ start: UInt64, _ end: UInt64, to attributes: AreaAttributes
    ) throws(Errno) -> Handle<Area> {
        let old = core.areas[area]
        let proposal = Proposal(
            start: start, end: end, pageOffset: old.pageOffset(of: start), attributes: attributes,
            anonVMA: old.anonVMA, middle: area)
        if let merged = mergeExisting(cpu, proposal) { return merged }
        var target = area
        if start > old.start { target = try splitWithinLimit(cpu, area, at: start) }
        if end < old.end { try splitWithinLimit(cpu, target, at: end) }
        core.areas[target].flags = attributes.flags
        core.areas[target].name = attributes.name
        return target
    }

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
        area.flags.subtracting(.sticky) == attributes.flags.subtracting(.sticky) && area.file == attributes.file
            && area.name == attributes.name
            && area.kind == attributes.kind
    }

    /// Both have the same anon_vma, or one has none and the other did not come from a fork.
    private func anonVMAsAllow(_ neighbour: Handle<Area>, _ proposal: Proposal) -> Bool {
        let theirs = core.areas[neighbour].anonVMA
        if theirs.isNone {
            // What the range is part of or moved from; an area that grows over free space is not asked.
            let origin = proposal.middle.isNone ? proposal.source : proposal.middle
            return proposal.anonVMA.isNone || origin.isNone || !core.isForked(origin)
        }
        return proposal.anonVMA.isNone ? !core.isForked(neighbour) : theirs == proposal.anonVMA
    }

    // MARK: Merging

    /// Merges a changed part of an area into its neighbours; nil where nothing merges.
    private func mergeExisting(_ cpu: CPU, _ proposal: Proposal) -> Handle<Area>? {
        let middle = core.areas[proposal.middle]
        let atStart = proposal.start == middle.start
        let atEnd = proposal.end == middle.end
        let below = atStart ? areas.before(proposal.start) : .none
        let above = atEnd ? areas.after(proposal.middle) : .none
        let joinsBelow = joinsBelow(below, proposal)
        var joinsAbove = joinsAbove(above, proposal)
        if joinsBelow, joinsAbove, !areCompatible(below, above) { joinsAbove = false }
        if joinsBelow {
            return growUp(cpu, below, over: proposal.middle, to: proposal.end, and: joinsAbove ? above : .none)
        }
        if joinsAbove { return growDown(cpu, above, over: proposal.middle, to: proposal.start) }
        return nil
    }

    private func areCompatible(_ a: Handle<Area>, _ b: Handle<Area>) -> Bool {
        let one = core.areas[a].anonVMA
        let other = core.areas[b].anonVMA
        return one.isNone || other.isNone || one == other
    }

    /// `below` grows over the lower part of `middle` (all of it where `end` is its end) and over `above`.
    private func growUp(
        _ cpu: CPU, _ below: Handle<Area>, over middle: Handle<Area>, to end: UInt64, and above: Handle<Area>
    ) -> Handle<Area>? {
        guard inheritAnonVMA(cpu, below, from: middle),
            above.isNone || inheritAnonVMA(cpu, below, from: above)
        else { return nil }
        var last = end
        core.areas[below].flags.formUnion(core.areas[middle].flags.intersection(.sticky))
        if end == core.areas[middle].end {
            dispose(cpu, middle)
        } else {
            splitLeaf(cpu, middle, atBorder: end)
            core.areas[middle].pageOffset = core.areas[middle].pageOffset(of: end)
            areas.moveStart(middle, to: end)
        }
        if !above.isNone {
            last = core.areas[above].end
            core.areas[below].flags.formUnion(core.areas[above].flags.intersection(.sticky))
            dispose(cpu, above)
        }
        areas.moveEnd(below, to: last)
        noteMerge(cpu, below)
        return below
    }

    /// `above` grows down over the upper part of `middle` (all of it where `start` is its start).
    private func growDown(
        _ cpu: CPU, _ above: Handle<Area>, over middle: Handle<Area>, to start: UInt64
    ) -> Handle<Area>? {
        guard inheritAnonVMA(cpu, above, from: middle) else { return nil }
        core.areas[above].flags.formUnion(core.areas[middle].flags.intersection(.sticky))
        if start == core.areas[middle].start {
            dispose(cpu, middle)
        } else {
            splitLeaf(cpu, middle, atBorder: start)
            areas.moveEnd(middle, to: start)
        }
        lower(above, to: start)
        noteMerge(cpu, above)
        return above
    }

    /// An area has grown over another: it may be large enough for huge pages now.
    private func noteMerge(_ cpu: CPU, _ area: Handle<Area>) {
        cpu.count(.areaMerges)
        enrol(cpu, area, flags: core.areas[area].flags)
    }

    /// Moves an area's start down; its page offset goes along.
    func lower(_ area: Handle<Area>, to start: UInt64) {
        core.areas[area].pageOffset &-= (core.areas[area].start - start) >> Page.shift
        areas.moveStart(area, to: start)
    }

    /// An area that grows takes over the anon_vma of what it grows over, if it has none itself (dup_anon_vma).
    private func inheritAnonVMA(_ cpu: CPU, _ target: Handle<Area>, from source: Handle<Area>) -> Bool {
        if source.isNone { return true }
        let theirs = core.areas[source].anonVMA
        guard core.areas[target].anonVMA.isNone, !theirs.isNone else { return true }
        guard core.cloneLinks(cpu, from: source, to: target, forking: false) else { return false }
        core.areas[target].anonVMA = theirs
        core.anonVMAs[theirs].areas += 1
        return true
    }

    /// Merges a range where nothing is mapped yet into its neighbours; nil where nothing merges. A file's
    /// reference that the caller holds for the new area stays the caller's.
    func mergeNew(_ cpu: CPU, _ proposal: Proposal) -> Handle<Area>? {
        let below = areas.before(proposal.start)
        let cursor = areas.cursor(atOrAbove: proposal.start)
        let above: Handle<Area> = cursor.isNone ? .none : areas.area(at: cursor)
        let joinsBelow = joinsBelow(below, proposal)
        var joinsAbove = joinsAbove(above, proposal)
        if joinsBelow, joinsAbove, !areCompatible(below, above) { joinsAbove = false }
        // What may fail comes before what can be seen.
        if joinsBelow {
            guard inheritAnonVMA(cpu, below, from: proposal.source) else { return nil }
            var end = proposal.end
            if joinsAbove {
                guard inheritAnonVMA(cpu, below, from: above) else { return nil }
                end = core.areas[above].end
                core.areas[below].flags.formUnion(core.areas[above].flags.intersection(.sticky))
                dispose(cpu, above)
            }
            core.areas[below].flags.formUnion(proposal.attributes.flags.intersection(.sticky))
            areas.moveEnd(below, to: end)
            noteMerge(cpu, below)
            return below
        }
        guard joinsAbove, inheritAnonVMA(cpu, above, from: proposal.source) else { return nil }
        core.areas[above].flags.formUnion(proposal.attributes.flags.intersection(.sticky))
        lower(above, to: proposal.start)
        noteMerge(cpu, above)
        return above
    }

    /// An area grows at its end into free space; nil where what lies above does not join (vma_merge_extend).
    func mergeGrowth(_ cpu: CPU, _ area: Handle<Area>, _ proposal: Proposal) -> Handle<Area>? {
        let above = areas.after(area)
        guard joinsAbove(above, proposal), areCompatible(area, above), inheritAnonVMA(cpu, area, from: above) else {
            return nil
        }
        let end = core.areas[above].end
        core.areas[area].flags.formUnion(core.areas[above].flags.intersection(.sticky))
        dispose(cpu, above)
        areas.moveEnd(area, to: end)
        noteMerge(cpu, area)
        return area
    }
}

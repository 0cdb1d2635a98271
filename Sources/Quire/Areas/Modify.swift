// Changing attributes over a range: one operation that merges where the result is mergeable and splits where it must,
// and a thin entry for each thing that may change. New mappings and growth have entries of their own (Merge.swift).
//
//     |--------- area ---------|          the range joins neither neighbour: up to two splits
//     |------|·· range ··|-----|
//
// Whatever can fail comes before anything that can be seen, so that a call that fails leaves the list of areas as it
// was, or with a split more. Linux: vma_modify, vma_modify_flags, vma_modify_name, vma_modify_policy,
// vma_modify_flags_uffd.

extension AddressSpace {
    /// Gives [start, end) of `area` other flags; returns the area that covers the range then. Throws ENOMEM.
    @inline(__always)
    func modifyFlags(
        _ cpu: CPU, _ area: Handle<Area>, _ start: UInt64, _ end: UInt64, to flags: AreaFlags
    ) throws(Errno) -> Handle<Area> {
        var attributes = AreaAttributes(core.areas[area])
        attributes.flags = flags
        return try modify(cpu, area, start, end, to: attributes)
    }

    /// Gives [start, end) of `area` other flags and another name (0 takes it away).
    func modifyFlagsAndName(
        _ cpu: CPU, _ area: Handle<Area>, _ start: UInt64, _ end: UInt64, to flags: AreaFlags, name: UInt32
    ) throws(Errno) -> Handle<Area> {
        try modifyExtras(cpu, area, start, end, flags) { $0.name = name }
    }

    /// Gives [start, end) of `area` another memory policy.
    func modifyPolicy(
        _ cpu: CPU, _ area: Handle<Area>, _ start: UInt64, _ end: UInt64, to policy: MemoryPolicy
    ) throws(Errno) -> Handle<Area> {
        try modifyExtras(cpu, area, start, end, core.areas[area].flags) { $0.policy = policy }
    }

    /// Gives [start, end) of `area` other flags and another userfaultfd.
    func modifyFlagsAndUserfault(
        _ cpu: CPU, _ area: Handle<Area>, _ start: UInt64, _ end: UInt64, to flags: AreaFlags,
        context: Handle<UserfaultContext>
    ) throws(Errno) -> Handle<Area> {
        try modifyExtras(cpu, area, start, end, flags) { $0.userfault = context }
    }

    private func modifyExtras(
        _ cpu: CPU, _ area: Handle<Area>, _ start: UInt64, _ end: UInt64, _ flags: AreaFlags,
        _ change: (inout AreaExtras) -> Void
    ) throws(Errno) -> Handle<Area> {
        var attributes = AreaAttributes(core.areas[area])
        var extras = core.extras(attributes.extras)
        change(&extras)
        attributes.flags = flags
        attributes.extras = try core.makeExtras(cpu, extras)
        defer { core.releaseExtras(cpu, attributes.extras) }
        return try modify(cpu, area, start, end, to: attributes)
    }

    /// The one operation. The reference to the attributes' extras stays the caller's.
    @inline(__always)
    private func modify(
        _ cpu: CPU, _ area: Handle<Area>, _ start: UInt64, _ end: UInt64, to attributes: AreaAttributes
    ) throws(Errno) -> Handle<Area> {
        let old = core.areas[area]
        let proposal = Proposal(
            start: start, end: end, pageOffset: old.pageOffset(of: start), attributes: attributes,
            anonVMA: old.anonVMA, middle: area)
        let merged = try mergeExisting(cpu, proposal)
        if !merged.isNone { return merged }
        var target = area
        if start > old.start { target = try splitWithinLimit(cpu, area, at: start) }
        if end < old.end { try splitWithinLimit(cpu, target, at: end) }
        startWrite(cpu, target)
        core.areas[target].flags = attributes.flags
        if old.extras != attributes.extras {
            core.holdExtras(attributes.extras)
            core.areas[target].extras = attributes.extras
            core.releaseExtras(cpu, old.extras)
        }
        return target
    }
}

// What keeps two neighbours apart: the rule of merging, stated once, for the merging itself (Merge.swift) and for whoever
// asks why two areas did not become one. Linux: is_mergeable_vma, is_mergeable_anon_vma.

/// Why two areas are not one.
public enum MergeObstacle: Hashable, Sendable {
    /// There is a gap between them, or an area on one side only.
    case apart
    /// They map different files, or one maps none.
    case file
    /// They are of different kinds.
    case kind
    /// They have different names.
    case name
    /// They have different memory policies.
    case policy
    /// Different userfaultfds serve them, or one serves only one.
    case userfault
    /// Their flags differ in these.
    case flags(AreaFlags)
    /// The second does not go on in the file where the first ends; for anonymous memory: they were not mapped side by
    /// side.
    case pageOffset
    /// Their pages hang on different anon_vmas.
    case anonVMA
    /// One has an anon_vma that it inherited by fork, the other has none.
    case forked
}

extension MachineCore {
    /// What tells an area with some attributes from one with others.
    @inline(__always)
    func obstacle(_ one: AreaAttributes, _ other: AreaAttributes) -> MergeObstacle? {
        let different = one.flags.symmetricDifference(other.flags)
        if !different.isEmpty { return .flags(different) }
        if one.file != other.file { return .file }
        if one.kind != other.kind { return .kind }
        return one.extras == other.extras ? nil : obstacle(extras(one.extras), extras(other.extras))
    }

    @inline(never)
    private func obstacle(_ one: AreaExtras, _ other: AreaExtras) -> MergeObstacle? {
        if one.name != other.name { return .name }
        if one.policy != other.policy { return .policy }
        return one.userfault == other.userfault ? nil : .userfault
    }
}

extension Process {
    /// Why the area that ends at `address` and the one that starts there are not one; nil where nothing keeps them
    /// apart: merging takes a call that changes one of them. O(log n).
    public func mergeObstacle(at address: UInt64) -> MergeObstacle? {
        let space = self.space
        let cpu = main.cpu
        space.mmapLock.readLockForReport(cpu)
        defer { space.mmapLock.readUnlock(cpu) }
        return space.mergeObstacle(at: address)
    }
}

extension AddressSpace {
    fileprivate func mergeObstacle(at address: UInt64) -> MergeObstacle? {
        let below = areas.before(address)
        let cursor = areas.cursor(atOrAbove: address)
        guard !below.isNone, !cursor.isNone else { return .apart }
        let above = areas.area(at: cursor)
        let (low, high) = (core.areas[below], core.areas[above])
        guard low.end == address, high.start == address else { return .apart }
        // What can be seen in another file or another kind shows in the flags too: name the cause.
        if low.file != high.file { return .file }
        if low.kind != high.kind { return .kind }
        if let obstacle = core.obstacle(AreaAttributes(low), AreaAttributes(high)) { return obstacle }
        if low.pageOffset &+ low.pages != high.pageOffset { return .pageOffset }
        let proposal = Proposal(
            start: high.start, end: high.end, pageOffset: high.pageOffset, attributes: AreaAttributes(high),
            anonVMA: high.anonVMA, middle: above)
        if anonVMAsAllow(below, proposal) { return nil }
        return low.anonVMA.isNone || high.anonVMA.isNone ? .forked : .anonVMA
    }
}

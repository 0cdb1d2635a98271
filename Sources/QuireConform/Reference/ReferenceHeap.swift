// brk of the reference model: the heap's end moves, and pages come or go. Linux: sys_brk, do_brk_flags.

extension ReferenceSpace {
    /// The heap's end after the call; where it cannot be had, as it was.
    func brk(_ wanted: UInt64) -> ReferenceResult {
        guard wanted >= Zones.heap, wanted <= Self.userEnd else { return .value(heapEnd) }
        let (old, new) = (pageAlign(heapEnd) >> 12, pageAlign(wanted) >> 12)
        if new < old {
            // Where the program has unmapped what would go, the end stays.
            guard (new..<old).contains(where: { areas[$0] != nil }) else { return .value(heapEnd) }
            remove(new, old)
        }
        if new > old {
            if (new - old) << 12 > Self.memory { return .value(heapEnd) }
            if new - old > Self.mostPages { return .retire("a heap of \((new - old) >> 8) MiB") }
            // A page must stay free behind it.
            guard isFree(old, new + 1) else { return .value(heapEnd) }
            grow(old, new)
        }
        heapEnd = wanted
        return .value(wanted)
    }

    private func grow(_ old: UInt64, _ new: UInt64) {
        let flags: ReferenceFlags = [.read, .write, .account]
        let area = ReferenceArea(flags: flags.union(future), file: nil, shift: 0)
        for page in old..<new { areas[page] = area }
        // It continues the heap, but nothing that lies below its start.
        if old > Zones.heap >> 12 { join(old, new) }
        if !future.isEmpty { populateAll(old, new) }
    }
}

// Free ranges: the search that mmap uses when the caller names no address. Subtrees whose largest gap is too small
// are passed over, so a search is O(log n) but for gaps that a stack's guard makes useless.
// Linux: vm_unmapped_area, mas_empty_area_rev.

extension AreaTree {
    /// The highest address in [low, high) at which `length` bytes are free; nil where there is none.
    /// `guardGap` bytes below a stack are not free.
    func highestGap(length: UInt64, low: UInt64, high: UInt64, guardGap: UInt64) -> UInt64? {
        guard high > low, high - low >= length else { return nil }
        guard root != 0 else { return high - length }
        let top = lastEnd
        if high > top, high - Swift.max(top, low) >= length { return high - length }
        return highest(nodes.handle(at: root), length, low, high, guardGap)
    }

    /// The lowest address in [low, high) at which `length` bytes are free; nil where there is none.
    func lowestGap(length: UInt64, low: UInt64, high: UInt64, guardGap: UInt64) -> UInt64? {
        var floor = low
        var cursor = cursor(atOrAbove: low)
        while !cursor.isNone {
            let area = areas[area(at: cursor)]
            let ceiling = Swift.min(area.startWithGap(guardGap), high)
            if ceiling > floor, ceiling - floor >= length { return floor }
            floor = Swift.max(floor, area.end)
            cursor = next(cursor)
        }
        return high > floor && high - floor >= length ? floor : nil
    }

    private var lastEnd: UInt64 {
        var node = nodes.handle(at: root)
        while !nodes[node].isLeaf { node = nodes.handle(at: nodes.child(node, nodes[node].count - 1)) }
        return areas[areas.handle(at: nodes.child(node, nodes[node].count - 1))].end
    }

    private func highest(
        _ node: Handle<AreaNode>, _ length: UInt64, _ low: UInt64, _ high: UInt64, _ guardGap: UInt64
    ) -> UInt64? {
        var place = nodes[node].count - 1
        while place >= 0 {
            defer { place -= 1 }
            let gap = nodes.gap(node, place)
            guard gap >= length else { continue }
            if !nodes[node].isLeaf {
                let child = nodes.handle(at: nodes.child(node, place))
                if let found = highest(child, length, low, high, guardGap) { return found }
                continue
            }
            let area = areas[areas.handle(at: nodes.child(node, place))]
            let floor = Swift.max(area.start - gap, low)
            let ceiling = Swift.min(area.startWithGap(guardGap), high)
            if ceiling > floor, ceiling - floor >= length { return ceiling - length }
            if area.start <= low { return nil }
        }
        return nil
    }

    // MARK: Invariants

    /// Checks order, bounds, gaps and counts of the whole tree; traps with what is broken. O(n).
    func checkInvariants() {
        guard root != 0 else {
            precondition(count == 0 && depth == 0, "an empty tree counts \(count) areas")
            return
        }
        var seen = 0
        var end: UInt64 = 0
        check(nodes.handle(at: root), 1, &seen, &end)
        precondition(seen == count, "the tree holds \(seen) areas and counts \(count)")
    }

    private func check(_ node: Handle<AreaNode>, _ level: Int, _ seen: inout Int, _ end: inout UInt64) {
        precondition(nodes[node].count > 0, "an empty node")
        precondition(nodes[node].isLeaf == (level == depth), "a leaf at the wrong depth")
        for place in 0..<nodes[node].count {
            if nodes[node].isLeaf {
                let area = areas[areas.handle(at: nodes.child(node, place))]
                precondition(area.start == nodes.key(node, place), "a key differs from its area's start")
                precondition(area.start >= end && area.end > area.start, "areas overlap or are empty")
                precondition(nodes.gap(node, place) == area.start - end, "a gap is wrong")
                end = area.end
                seen += 1
            } else {
                let child = nodes.handle(at: nodes.child(node, place))
                precondition(place == 0 || nodes.key(node, place) >= end, "a bound is too low")
                let isExact = place == 0 || !nodes[child].isLeaf || nodes.key(node, place) == nodes.key(child, 0)
                precondition(isExact, "a bound is not its child's first key")
                check(child, level + 1, &seen, &end)
                precondition(nodes.gap(node, place) == nodes.largestGap(child), "a largest gap is wrong")
            }
        }
    }
}

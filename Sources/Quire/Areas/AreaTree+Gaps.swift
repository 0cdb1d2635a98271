// Free ranges: the search that mmap uses when the caller names no address. Subtrees whose largest gap is too small, and
// those that lie above or below the limits, are passed over, so a search is O(log n) for each stack's guard that it meets.
// Linux: vm_unmapped_area, mas_empty_area_rev.

extension AreaTree {
    /// The highest address in [low, high) at which `length` bytes are free; nil where there is none. Where what was found
    /// reaches into the `guardGap` bytes below a stack, the search goes on below that gap: a smaller range between is
    /// passed over, as in Linux.
    func highestGap(length: UInt64, low: UInt64, high: UInt64, guardGap: UInt64) -> UInt64? {
        var limit = high
        while let found = highestGap(length, low, limit) {
            let above = find(found)
            let ceiling = above.isNone ? .max : areas[above].startWithGap(guardGap)
            if ceiling >= found + length { return found }
            limit = ceiling
        }
        return nil
    }

    private func highestGap(_ length: UInt64, _ low: UInt64, _ high: UInt64) -> UInt64? {
        guard high > low, high - low >= length else { return nil }
        let root = root
        guard root != 0 else { return high - length }
        let top = nodes.end(root, nodes.count(root) - 1)
        if high > top, high - Swift.max(top, low) >= length { return high - length }
        return highest(root, depth, length, low, high)
    }

    /// The lowest address in [low, high) at which `length` bytes are free; nil where there is none. O(areas above low).
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

    /// Searches below a node `levels` above the areas, from the entry that reaches over `high` down.
    private func highest(
        _ node: UInt32, _ levels: Int, _ length: UInt64, _ low: UInt64, _ high: UInt64
    ) -> UInt64? {
        var place = Swift.min(nodes.slot(node, above: high), nodes.count(node) - 1)
        while place >= 0, nodes.end(node, place) > low {
            if levels > 1 {
                if nodes.gap(node, place) >= length,
                    let found = highest(nodes.child(node, place), levels - 1, length, low, high)
                {
                    return found
                }
            } else if let found = roomBelow(AreaCursor(leaf: node, place: place), length, low, high) {
                return found
            }
            place -= 1
        }
        return nil
    }

    /// The highest place for `length` bytes in the gap directly below an area, if there is one.
    private func roomBelow(_ at: AreaCursor, _ length: UInt64, _ low: UInt64, _ high: UInt64) -> UInt64? {
        let floor = Swift.max(floor(at), low)
        let ceiling = Swift.min(start(at: at), high)
        return ceiling > floor && ceiling - floor >= length ? ceiling - length : nil
    }
}

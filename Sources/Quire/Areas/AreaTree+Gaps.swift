// Free ranges: the search that mmap uses when the caller names no address. Subtrees whose largest gap is too small, and
// those that lie above or below the limits, are passed over, so a search is O(log n) but for gaps that a stack's guard
// makes useless. Linux: vm_unmapped_area, mas_empty_area_rev.

extension AreaTree {
    /// The highest address in [low, high) at which `length` bytes are free; nil where there is none.
    /// `guardGap` bytes below a stack are not free.
    func highestGap(length: UInt64, low: UInt64, high: UInt64, guardGap: UInt64) -> UInt64? {
        guard high > low, high - low >= length else { return nil }
        let root = root
        guard root != 0 else { return high - length }
        let top = nodes.end(root, nodes.count(root) - 1)
        if high > top, high - Swift.max(top, low) >= length { return high - length }
        return highest(root, depth, length, low, high, guardGap)
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
        _ node: UInt32, _ levels: Int, _ length: UInt64, _ low: UInt64, _ high: UInt64, _ guardGap: UInt64
    ) -> UInt64? {
        var place = Swift.min(nodes.slot(node, above: high), nodes.count(node) - 1)
        while place >= 0, nodes.end(node, place) > low {
            if levels > 1 {
                if nodes.gap(node, place) >= length,
                    let found = highest(nodes.child(node, place), levels - 1, length, low, high, guardGap)
                {
                    return found
                }
            } else if let found = roomBelow(AreaCursor(leaf: node, place: place), length, low, high, guardGap) {
                return found
            }
            place -= 1
        }
        return nil
    }

    /// The highest place for `length` bytes in the gap directly below an area, if there is one.
    private func roomBelow(
        _ at: AreaCursor, _ length: UInt64, _ low: UInt64, _ high: UInt64, _ guardGap: UInt64
    ) -> UInt64? {
        let floor = Swift.max(floor(at), low)
        let start = start(at: at)
        // The area's record is read only where there is room without a guard gap.
        guard start > floor, start - floor >= length else { return nil }
        let ceiling = Swift.min(areas[area(at: at)].startWithGap(guardGap), high)
        return ceiling > floor && ceiling - floor >= length ? ceiling - length : nil
    }
}

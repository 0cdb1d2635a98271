// Changes of the area tree: areas come, go, move a border, are cut in two and grow over each other. Each keeps three
// things right on the way up from its leaf, and stops where nothing changes any more: what an entry's last area ends at,
// the largest gaps, and the counts. A gap belongs to the area above it. What is cut or grown over leaves no gap behind
// and so costs nothing above the leaf. Who looks without a lock sees that a change is under way (`change`).
// Linux: mas_store, vma_iter_store_*, vma_iter_clear.

extension AreaTree {
    // MARK: Whole areas

    /// Inserts an area where nothing is mapped, O(log n). False, with nothing changed, where a node cannot be had.
    func insert(_ cpu: CPU, _ area: Handle<Area>) -> Bool {
        insert(cpu, area, below: cursor(atOrAbove: areas[area].start))
    }

    /// As `insert`, where `cursor(atOrAbove:)` of the area's start has been found already.
    func insert(_ cpu: CPU, _ area: Handle<Area>, below cursor: AreaCursor) -> Bool {
        change(cpu) { putIn(cpu, area, below: cursor) }
    }

    private func putIn(_ cpu: CPU, _ area: Handle<Area>, below cursor: AreaCursor) -> Bool {
        if root == 0 { return insertFirst(cpu, area) }
        var at = cursor
        if at.isNone {
            at = last
            at.place += 1
        }
        guard makeRoom(cpu, &at) else { return false }
        let start = areas[area].start
        let end = areas[area].end
        let floor = floor(at)
        place(area, at, start, end)
        let above = next(at)
        guard !above.isNone else {
            gapChanged(at.leaf, from: 0, to: start - floor)
            return true
        }
        let ceiling = self.start(at: above)
        gapsChanged(at.leaf, from: 0, to: start - floor, above.leaf, from: ceiling - floor, to: ceiling - end)
        return true
    }

    private func insertFirst(_ cpu: CPU, _ area: Handle<Area>) -> Bool {
        guard let leaf = nodes.allocate(cpu, AreaNode(isLeaf: true)) else { return false }
        root = leaf.index
        depth = 1
        let start = areas[area].start
        place(area, AreaCursor(leaf: leaf.index, place: 0), start, areas[area].end)
        gapChanged(leaf.index, from: 0, to: start)
        return true
    }

    /// Puts an area's entry at a place; the gaps are the caller's.
    private func place(_ area: Handle<Area>, _ at: AreaCursor, _ start: UInt64, _ end: UInt64) {
        nodes.insert(at.leaf, end, start, area.index, at: at.place)
        areas.publish(at: area.index, offset: Area.leafOffset, at.leaf)
        count += 1
        if at.place + 1 == nodes.count(at.leaf) { endChanged(at.leaf, to: end) }
    }

    /// Removes an area, O(log n).
    func remove(_ cpu: CPU, _ area: Handle<Area>) { remove(cpu, at: cursor(of: area)) }

    /// Removes the area at a cursor, O(log n). Returns the cursor of the area that was above it.
    @discardableResult
    func remove(_ cpu: CPU, at cursor: AreaCursor) -> AreaCursor { change(cpu) { takeOut(cpu, at: cursor) } }

    private func takeOut(_ cpu: CPU, at cursor: AreaCursor) -> AreaCursor {
        let leaf = cursor.leaf
        let floor = floor(cursor)
        let start = start(at: cursor)
        let end = end(at: cursor)
        let above = next(cursor)
        let follower = above.isNone ? 0 : nodes.child(above.leaf, above.place)
        nodes.remove(leaf, at: cursor.place)
        count -= 1
        let left = nodes.count(leaf)
        if left > 0, cursor.place == left { endChanged(leaf, to: nodes.end(leaf, left - 1)) }
        if above.isNone {
            gapChanged(leaf, from: gap(floor, start), to: 0)
        } else {
            let ceiling = above.leaf == leaf ? nodes.start(leaf, cursor.place) : self.start(at: above)
            gapsChanged(
                leaf, from: gap(floor, start), to: 0, above.leaf, from: gap(end, ceiling), to: gap(floor, ceiling))
        }
        if left < AreaNode.capacity / 4 {
            thinOut(cpu, leaf)
            return follower == 0 ? .none : self.cursor(of: areas.handle(at: follower))
        }
        return above.leaf == leaf ? cursor : above
    }

    // MARK: Borders

    /// An area's start moves; it stays above its lower neighbour. O(log n).
    func moveStart(_ cpu: CPU, _ area: Handle<Area>, to start: UInt64) {
        change(cpu) { setStart(cursor(of: area), area, start) }
    }

    /// An area's end moves; it stays below its upper neighbour. O(log n).
    func moveEnd(_ cpu: CPU, _ area: Handle<Area>, to end: UInt64) {
        change(cpu) { setEnd(cursor(of: area), area, end) }
    }

    /// An area is cut at an address inside it: `upper`, which is in no tree, becomes the part above, O(1) where the leaf
    /// has room. False, with nothing changed, where a node cannot be had.
    func split(_ cpu: CPU, _ area: Handle<Area>, at address: UInt64, upper: Handle<Area>) -> Bool {
        change(cpu) { cut(cpu, area, at: address, upper: upper) }
    }

    private func cut(_ cpu: CPU, _ area: Handle<Area>, at address: UInt64, upper: Handle<Area>) -> Bool {
        var at = cursor(of: area)
        at.place += 1
        guard makeRoom(cpu, &at) else { return false }
        place(upper, at, address, areas[area].end)
        setEnd(previous(at), area, address)
        return true
    }

    /// An area's end moves up; the areas that lie wholly below the new end leave the tree. One that reaches beyond it is
    /// overlapped until the caller moves its start.
    func grow(_ cpu: CPU, _ area: Handle<Area>, upTo end: UInt64) {
        change(cpu) {
            let at = cursor(of: area)
            setEnd(at, area, end)
            var above = next(at)
            while !above.isNone, self.end(at: above) <= end { above = takeOut(cpu, at: above) }
        }
    }

    /// An area's start moves down; the areas that lie wholly above the new start leave the tree. One that begins before
    /// it is overlapped until the caller moves its end.
    func grow(_ cpu: CPU, _ area: Handle<Area>, downTo start: UInt64) {
        change(cpu) {
            let at = cursor(of: area)
            setStart(at, area, start)
            var below = previous(at)
            while !below.isNone, self.start(at: below) >= start { below = previous(takeOut(cpu, at: below)) }
        }
    }

    private func setStart(_ at: AreaCursor, _ area: Handle<Area>, _ start: UInt64) {
        let floor = floor(at)
        let old = areas[area].start
        areas[area].start = start
        nodes.setWord(at.leaf, at.place, start)
        gapChanged(at.leaf, from: gap(floor, old), to: gap(floor, start))
    }

    private func setEnd(_ at: AreaCursor, _ area: Handle<Area>, _ end: UInt64) {
        let old = areas[area].end
        areas[area].end = end
        nodes.setEnd(at.leaf, at.place, end)
        let above = next(at)
        if above.leaf != at.leaf { endChanged(at.leaf, to: end) }
        guard !above.isNone else { return }
        let ceiling = start(at: above)
        gapChanged(above.leaf, from: gap(old, ceiling), to: gap(end, ceiling))
    }

    // MARK: On the way up

    /// Where the area below a place ends; 0 at the bottom.
    @inline(__always) func floor(_ at: AreaCursor) -> UInt64 {
        if at.place > 0 { return nodes.end(at.leaf, at.place - 1) }
        let before = nodes[at: at.leaf].previous
        return before == 0 ? 0 : nodes.end(before, nodes.count(before) - 1)
    }

    /// The free room between an end and a start; none where one area is growing over the other.
    @inline(__always) private func gap(_ floor: UInt64, _ start: UInt64) -> UInt64 {
        start > floor ? start - floor : 0
    }

    /// The last area below a node ends elsewhere.
    func endChanged(_ node: UInt32, to end: UInt64) {
        var node = node
        while true {
            let parent = nodes[at: node].parent
            if parent == 0 { return }
            let place = nodes.place(of: node, in: parent)
            nodes.setEnd(parent, place, end)
            if place + 1 < nodes.count(parent) { return }
            node = parent
        }
    }

    /// Two gaps change that belong to neighbours, mostly in one leaf.
    @inline(__always)
    private func gapsChanged(
        _ leaf: UInt32, from old: UInt64, to new: UInt64, _ above: UInt32, from oldAbove: UInt64, to newAbove: UInt64
    ) {
        if leaf == above {
            gapChanged(leaf, from: Swift.max(old, oldAbove), to: Swift.max(new, newAbove))
        } else {
            gapChanged(leaf, from: old, to: new)
            gapChanged(above, from: oldAbove, to: newAbove)
        }
    }

    /// A gap of a node becomes another, 0 meaning none: the largest gaps of the node and of those above follow.
    @inline(__always) func gapChanged(_ node: UInt32, from old: UInt64, to new: UInt64) {
        let largest = nodes[at: node].largestGap
        if new > largest || (old == largest && new < old) { largestGapChanged(node, from: old, to: new) }
    }

    private func largestGapChanged(_ node: UInt32, from old: UInt64, to new: UInt64) {
        var node = node
        var old = old
        var new = new
        while true {
            let largest = nodes[at: node].largestGap
            if new <= largest, old < largest || new == old { return }
            if new < largest { new = scanForLargestGap(node) }
            if new == largest { return }
            nodes[at: node].largestGap = new
            let parent = nodes[at: node].parent
            if parent == 0 { return }
            nodes.setWord(parent, nodes.place(of: node, in: parent), new)
            old = largest
            node = parent
        }
    }

    /// The largest gap of a node, by looking at all.
    func scanForLargestGap(_ node: UInt32) -> UInt64 {
        nodes.countVisit()
        let count = nodes.count(node)
        var most: UInt64 = 0
        guard nodes[at: node].isLeaf else {
            for place in 0..<count { most = Swift.max(most, nodes.gap(node, place)) }
            return most
        }
        var floor = floor(AreaCursor(leaf: node, place: 0))
        for place in 0..<count {
            most = Swift.max(most, gap(floor, nodes.start(node, place)))
            floor = nodes.end(node, place)
        }
        return most
    }
}

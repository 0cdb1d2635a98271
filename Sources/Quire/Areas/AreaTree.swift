// The areas of an address space in order: a B+ tree of up to 32 entries a node, keyed by start address, whose
// entries also carry the largest gap below them, so that a free range is found from the top in O(log n). Leaves are
// chained for ordered walks. Nodes are records of the machine's pool. Everything happens under the mmap lock.
// docs/architecture.md has the measurement against other structures. Linux: the maple tree, mas_empty_area_rev.

/// A position in the tree: a leaf and an entry of it. Valid until the tree changes.
struct AreaCursor: BitwiseCopyable {
    var leaf: UInt32
    var place: Int
    var isNone: Bool { leaf == 0 }
    static var none: AreaCursor { AreaCursor(leaf: 0, place: 0) }
}

/// The head of a tree.
struct AreaTreeHead: BitwiseCopyable {
    var root: UInt32 = 0
    var depth = 0
    var count = 0
}

/// The areas of one address space in order of address. Areas never overlap. A handle: its state is in the pools.
struct AreaTree: BitwiseCopyable {
    let nodes: Pool<AreaNode>
    let areas: Pool<Area>
    let heads: Pool<AreaTreeHead>
    let head: Handle<AreaTreeHead>

    @inline(__always) private(set) var root: UInt32 {
        get { heads[head].root }
        nonmutating set { heads[head].root = newValue }
    }
    @inline(__always) private(set) var depth: Int {
        get { heads[head].depth }
        nonmutating set { heads[head].depth = newValue }
    }
    /// The number of areas (map_count).
    @inline(__always) private(set) var count: Int {
        get { heads[head].count }
        nonmutating set { heads[head].count = newValue }
    }

    @inline(__always) private func handle(_ index: UInt32) -> Handle<AreaNode> { nodes.handle(at: index) }

    // MARK: Finding

    /// The area at a cursor.
    @inline(__always) func area(at cursor: AreaCursor) -> Handle<Area> {
        areas.handle(at: nodes.child(handle(cursor.leaf), cursor.place))
    }

    @inline(__always) private func leaf(for key: UInt64) -> UInt32 {
        var node = root
        for _ in 0..<Swift.max(depth - 1, 0) {
            let inner = handle(node)
            node = nodes.child(inner, nodes.slot(inner, key))
        }
        return node
    }

    /// The first area that ends above an address, O(log n); none where there is none (find_vma).
    @inline(__always) func cursor(atOrAbove address: UInt64) -> AreaCursor {
        guard root != 0 else { return .none }
        let leaf = leaf(for: address)
        let place = nodes.slot(handle(leaf), address)
        let found = AreaCursor(leaf: leaf, place: place)
        return areas[area(at: found)].end > address ? found : next(found)
    }

    /// The area that ends above an address first; none where there is none.
    @inline(__always) func find(_ address: UInt64) -> Handle<Area> {
        let cursor = cursor(atOrAbove: address)
        return cursor.isNone ? .none : area(at: cursor)
    }

    /// The lowest area.
    var first: AreaCursor { cursor(atOrAbove: 0) }

    /// The next higher area's cursor, or none.
    @inline(__always) func next(_ cursor: AreaCursor) -> AreaCursor {
        let leaf = handle(cursor.leaf)
        if cursor.place + 1 < nodes[leaf].count { return AreaCursor(leaf: cursor.leaf, place: cursor.place + 1) }
        let after = nodes[leaf].next
        return after == 0 ? .none : AreaCursor(leaf: after, place: 0)
    }

    /// The next lower area's cursor, or none.
    func previous(_ cursor: AreaCursor) -> AreaCursor {
        if cursor.place > 0 { return AreaCursor(leaf: cursor.leaf, place: cursor.place - 1) }
        let before = nodes[handle(cursor.leaf)].previous
        return before == 0 ? .none : AreaCursor(leaf: before, place: nodes[handle(before)].count - 1)
    }

    /// The area directly above (any distance); none at the top.
    func after(_ area: Handle<Area>) -> Handle<Area> {
        let cursor = next(cursor(atOrAbove: areas[area].start))
        return cursor.isNone ? .none : self.area(at: cursor)
    }

    /// The area directly below an address (ends at or below it); none at the bottom.
    func before(_ address: UInt64) -> Handle<Area> {
        guard root != 0 else { return .none }
        let leaf = leaf(for: address)
        var cursor = AreaCursor(leaf: leaf, place: nodes.slot(handle(leaf), address))
        while areas[area(at: cursor)].end > address {
            cursor = previous(cursor)
            if cursor.isNone { return .none }
        }
        return area(at: cursor)
    }

    // MARK: Changing

    /// The way from the root to an entry: nodes and places.
    private struct Path: BitwiseCopyable {
        /// Node and place of each level in one word: few bytes to clear and to hand on.
        private var steps: InlineArray<12, UInt32> = InlineArray(repeating: 0)

        @inline(__always) func node(_ level: Int) -> UInt32 { steps[level] >> 5 }
        @inline(__always) func place(_ level: Int) -> Int { Int(steps[level] & 31) }
        @inline(__always) mutating func set(_ level: Int, _ node: UInt32, _ place: Int) {
            steps[level] = node << 5 | UInt32(truncatingIfNeeded: place)
        }
    }

    private func path(to key: UInt64) -> Path {
        var path = Path()
        var node = root
        for level in 0..<depth {
            let place = nodes.slot(handle(node), key)
            path.set(level, node, place)
            node = nodes.child(handle(node), place)
        }
        return path
    }

    /// Inserts an area, O(log n). False, with nothing changed, where a node cannot be had.
    func insert(_ cpu: CPU, _ area: Handle<Area>) -> Bool {
        let start = areas[area].start
        guard root != 0 else {
            guard let node = nodes.allocate(cpu, AreaNode(isLeaf: true)) else { return false }
            nodes.insert(node, start, start, area.index, at: 0)
            root = node.index
            depth = 1
            count = 1
            return true
        }
        var path = path(to: start)
        guard reserve(cpu, &path, start) else { return false }
        let leaf = handle(path.node(depth - 1))
        let place =
            nodes[leaf].count > 0 && nodes.key(leaf, path.place(depth - 1)) <= start
            ? path.place(depth - 1) + 1 : path.place(depth - 1)
        nodes.insert(leaf, start, 0, area.index, at: place)
        count += 1
        path.set(depth - 1, leaf.index, place)
        refresh(path)
        refreshAfter(AreaCursor(leaf: leaf.index, place: place))
        return true
    }

    /// Removes an area, O(log n).
    func remove(_ cpu: CPU, _ area: Handle<Area>) {
        let path = path(to: areas[area].start)
        let leaf = handle(path.node(depth - 1))
        let place = path.place(depth - 1)
        precondition(nodes.child(leaf, place) == area.index, "an area is not where the tree has it")
        let following = next(AreaCursor(leaf: leaf.index, place: place))
        let followingStart = following.isNone ? 0 : areas[self.area(at: following)].start
        nodes.remove(leaf, at: place)
        count -= 1
        if place == 0, nodes[leaf].count > 0 { setBounds(path, above: depth - 1, to: nodes.key(leaf, 0)) }
        shrink(cpu, path)
        if !following.isNone { refresh(self.path(to: followingStart)) }
    }

    /// An area's start moves; it stays between its neighbours. Updates key and gaps, O(log n).
    func moveStart(_ area: Handle<Area>, to start: UInt64) {
        let path = path(to: areas[area].start)
        nodes.setKey(handle(path.node(depth - 1)), path.place(depth - 1), start)
        areas[area].start = start
        setBounds(path, above: depth - 1, to: start)
        refresh(path)
    }

    /// Where an entry is the first of its subtree, the bounds above the subtree are its key.
    private func setBounds(_ path: Path, above bottom: Int, to start: UInt64) {
        var level = bottom
        while level > 0 && path.place(level) == 0 {
            level -= 1
            nodes.setKey(handle(path.node(level)), path.place(level), start)
        }
    }

    /// An area's end moves; it stays below its upper neighbour. Updates that one's gap, O(log n).
    func moveEnd(_ area: Handle<Area>, to end: UInt64) {
        areas[area].end = end
        let following = next(cursor(atOrAbove: areas[area].start))
        if !following.isNone { refresh(path(to: areas[self.area(at: following)].start)) }
    }

    private func refreshAfter(_ cursor: AreaCursor) {
        let following = next(cursor)
        if !following.isNone { refresh(path(to: areas[area(at: following)].start)) }
    }

    /// Sets the gap of the entry at the end of a path and the largest gaps above it.
    private func refresh(_ path: Path) {
        let leaf = handle(path.node(depth - 1))
        let place = path.place(depth - 1)
        let before = previous(AreaCursor(leaf: leaf.index, place: place))
        let floor = before.isNone ? 0 : areas[area(at: before)].end
        nodes.setGap(leaf, place, areas[areas.handle(at: nodes.child(leaf, place))].start - floor)
        refreshUpwards(path, from: depth - 1)
    }

    private func refreshUpwards(_ path: Path, from bottom: Int) {
        var level = bottom
        while level > 0 {
            let largest = nodes.largestGap(handle(path.node(level)))
            let above = handle(path.node(level - 1))
            if nodes.gap(above, path.place(level - 1)) == largest { return }
            nodes.setGap(above, path.place(level - 1), largest)
            level -= 1
        }
    }

    /// Splits full nodes on the way to a key, top down; the path is found anew where one was split.
    private func reserve(_ cpu: CPU, _ path: inout Path, _ key: UInt64) -> Bool {
        var level = 0
        while level < depth {
            let node = handle(path.node(level))
            if nodes[node].count < AreaNode.capacity {
                level += 1
                continue
            }
            if level == 0 {
                guard let top = nodes.allocate(cpu, AreaNode(isLeaf: false)) else { return false }
                nodes.insert(top, nodes.key(node, 0), nodes.largestGap(node), node.index, at: 0)
                root = top.index
                depth += 1
                path = self.path(to: key)
                continue
            }
            guard split(cpu, node, below: handle(path.node(level - 1)), at: path.place(level - 1)) else {
                return false
            }
            path = self.path(to: key)
        }
        return true
    }

    private func split(_ cpu: CPU, _ node: Handle<AreaNode>, below parent: Handle<AreaNode>, at place: Int) -> Bool {
        var upper = AreaNode(isLeaf: nodes[node].isLeaf)
        upper.next = nodes[node].next
        upper.previous = node.index
        guard let made = nodes.allocate(cpu, upper) else { return false }
        let middle = AreaNode.capacity / 2
        for from in middle..<AreaNode.capacity {
            nodes.insert(made, nodes.key(node, from), nodes.gap(node, from), nodes.child(node, from), at: from - middle)
        }
        nodes[node].count = middle
        if upper.isLeaf {
            if upper.next != 0 { nodes[handle(upper.next)].previous = made.index }
            nodes[node].next = made.index
        }
        nodes.setGap(parent, place, nodes.largestGap(node))
        nodes.insert(parent, nodes.key(made, 0), nodes.largestGap(made), made.index, at: place + 1)
        return true
    }

    /// After a removal: merges a thin node with a neighbour, drops empty ones, lowers the root.
    private func shrink(_ cpu: CPU, _ path: Path) {
        var level = depth - 1
        while level > 0 {
            let node = handle(path.node(level))
            let parent = handle(path.node(level - 1))
            let place = path.place(level - 1)
            if nodes[node].count == 0 {
                unlink(node)
                nodes.free(cpu, node)
                nodes.remove(parent, at: place)
                if place == 0, nodes[parent].count > 0 {
                    setBounds(path, above: level - 1, to: nodes.key(parent, 0))
                }
            } else {
                nodes.setGap(parent, place, nodes.largestGap(node))
                if nodes[node].count < AreaNode.capacity / 4 { mergeWithNeighbour(cpu, parent, place) }
            }
            level -= 1
        }
        while depth > 1, nodes[handle(root)].count == 1 {
            let old = handle(root)
            root = nodes.child(old, 0)
            nodes.free(cpu, old)
            depth -= 1
        }
        if nodes[handle(root)].count == 0 {
            nodes.free(cpu, handle(root))
            root = 0
            depth = 0
        }
    }

    private func mergeWithNeighbour(_ cpu: CPU, _ parent: Handle<AreaNode>, _ place: Int) {
        guard nodes[parent].count > 1 else { return }
        let low = place > 0 ? place - 1 : place
        let left = handle(nodes.child(parent, low))
        let right = handle(nodes.child(parent, low + 1))
        guard nodes[left].count + nodes[right].count <= AreaNode.capacity * 3 / 4 else { return }
        let bound = nodes.key(parent, low + 1)
        for from in 0..<nodes[right].count {
            let key = from == 0 && !nodes[right].isLeaf ? bound : nodes.key(right, from)
            nodes.insert(left, key, nodes.gap(right, from), nodes.child(right, from), at: nodes[left].count)
        }
        unlink(right)
        nodes.free(cpu, right)
        nodes.remove(parent, at: low + 1)
        nodes.setGap(parent, low, nodes.largestGap(left))
    }

    private func unlink(_ node: Handle<AreaNode>) {
        guard nodes[node].isLeaf else { return }
        let before = nodes[node].previous
        let after = nodes[node].next
        if before != 0 { nodes[handle(before)].next = after }
        if after != 0 { nodes[handle(after)].previous = before }
    }
}

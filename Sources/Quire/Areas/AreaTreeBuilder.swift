// Building an area tree from areas in ascending order, with nodes that were reserved for it: fork's way. Nodes are filled
// from the left to 28 of 32 entries, so that a child's first changes find room; how many it takes is known beforehand, and
// adding an area cannot fail. Linux: __mt_dup, mas_expected_entries.

/// A tree that is being built. Not a tree before `finish`.
struct AreaTreeBuilder: BitwiseCopyable {
    /// Entries of a node.
    private static let fill = 28
    private let tree: AreaTree
    private var reserve: PoolReserve<AreaNode>
    /// The last node of each level; the leaf is level 0.
    private var spine: InlineArray<8, UInt32> = InlineArray(repeating: 0)
    private var height = 0
    private var count = 0
    /// Where the last area ends.
    private var floor: UInt64 = 0

    /// Begins to build an empty tree.
    init(_ tree: AreaTree, _ reserve: PoolReserve<AreaNode>) {
        self.tree = tree
        self.reserve = reserve
    }

    /// The nodes that a tree of so many areas takes.
    static func nodes(for areas: Int) -> Int {
        var level = areas
        var total = 0
        while level > 0 {
            level = (level + fill - 1) / fill
            total += level
            if level == 1 { break }
        }
        return total
    }

    /// Adds an area, which lies above all others. O(1) amortised.
    mutating func append(_ area: Handle<Area>) {
        let nodes = tree.nodes
        if height == 0 || nodes.count(spine[0]) == Self.fill { startNode(level: 0) }
        let leaf = spine[0]
        let (start, end) = (tree.areas[area].start, tree.areas[area].end)
        nodes.insert(leaf, end, start, area.index, at: nodes.count(leaf))
        tree.areas[area].leaf = leaf
        noteGap(leaf, start - floor)
        floor = end
        count += 1
    }

    /// Makes a tree of it and gives back what was reserved in vain.
    mutating func finish(_ cpu: CPU) {
        tree.nodes.giveBack(cpu, &reserve)
        guard height > 0 else { return }
        for level in 0..<(height - 1) { close(level) }
        tree.root = spine[height - 1]
        tree.depth = height
        tree.count = count
    }

    /// Ends the last node of a level and begins another, below the same node above or a new one.
    private mutating func startNode(level: Int) {
        let nodes = tree.nodes
        let old = height > level ? spine[level] : 0
        if old != 0 {
            if level + 1 == height {
                startNode(level: level + 1)
                adopt(old, level)
            }
            close(level)
            if nodes.count(spine[level + 1]) == Self.fill { startNode(level: level + 1) }
        }
        let made = nodes.take(&reserve, AreaNode(isLeaf: level == 0)).index
        spine[level] = made
        if old == 0 {
            height = level + 1
            return
        }
        if level == 0 {
            nodes[at: made].previous = old
            nodes[at: old].next = made
        }
        adopt(made, level)
    }

    /// Hangs a node below the last one of the level above; its end and its gap come when it is full.
    private func adopt(_ node: UInt32, _ level: Int) {
        let above = spine[level + 1]
        tree.nodes.insert(above, .max, 0, node, at: tree.nodes.count(above))
        tree.nodes[at: node].parent = above
    }

    /// Tells the node above where the last node of a level ends and what its largest gap is.
    private func close(_ level: Int) {
        let nodes = tree.nodes
        let node = spine[level]
        let above = spine[level + 1]
        let place = nodes.count(above) - 1
        nodes.setEnd(above, place, nodes.end(node, nodes.count(node) - 1))
        nodes.setWord(above, place, nodes[at: node].largestGap)
        noteGap(above, nodes[at: node].largestGap)
    }

    @inline(__always) private func noteGap(_ node: UInt32, _ gap: UInt64) {
        if gap > tree.nodes[at: node].largestGap { tree.nodes[at: node].largestGap = gap }
    }
}

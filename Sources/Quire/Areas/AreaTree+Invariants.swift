// What must hold of an area tree between two operations; for tests and debug checks. Linux: validate_mm, mt_validate.

extension AreaTree {
    /// Checks order, keys, gaps, links and counts of the whole tree; traps with what is broken. O(n).
    func checkInvariants() {
        guard root != 0 else {
            precondition(count == 0 && depth == 0, "an empty tree counts \(count) areas")
            return
        }
        precondition(nodes[at: root].parent == 0, "the root has a parent")
        var walk = Walk()
        check(root, depth, &walk)
        precondition(walk.seen == count, "the tree holds \(walk.seen) areas and counts \(count)")
        precondition(nodes[at: walk.leaf].next == 0, "the last leaf has a next one")
    }

    /// How far the check is.
    private struct Walk {
        var seen = 0
        var end: UInt64 = 0
        var leaf: UInt32 = 0
    }

    private func check(_ node: UInt32, _ levels: Int, _ walk: inout Walk) {
        let count = nodes.count(node)
        precondition(count > 0, "an empty node")
        precondition(nodes[at: node].isLeaf == (levels == 1), "a leaf at the wrong depth")
        if levels == 1 {
            precondition(nodes[at: node].previous == walk.leaf, "a leaf's lower neighbour is wrong")
            precondition(walk.leaf == 0 || nodes[at: walk.leaf].next == node, "a leaf's upper neighbour is wrong")
            walk.leaf = node
        }
        for place in 0..<count {
            if levels == 1 { checkArea(node, place, &walk) } else { checkChild(node, place, levels, &walk) }
            precondition(nodes.end(node, place) == walk.end, "a key is not the end of its last area")
        }
        for place in count..<AreaNode.capacity {
            precondition(nodes.end(node, place) == .max, "an unused key is not all ones")
        }
        precondition(nodes[at: node].largestGap == scanForLargestGap(node), "a largest gap is wrong")
    }

    private func checkArea(_ leaf: UInt32, _ place: Int, _ walk: inout Walk) {
        let area = areas[at: nodes.child(leaf, place)]
        precondition(area.leaf == leaf, "an area does not know its leaf")
        precondition(area.start == nodes.start(leaf, place), "a leaf has another start than its area")
        precondition(area.start >= walk.end && area.end > area.start, "areas overlap or are empty")
        walk.end = area.end
        walk.seen += 1
    }

    private func checkChild(_ node: UInt32, _ place: Int, _ levels: Int, _ walk: inout Walk) {
        let child = nodes.child(node, place)
        precondition(nodes[at: child].parent == node, "a node does not know its parent")
        check(child, levels - 1, &walk)
        precondition(nodes.gap(node, place) == nodes[at: child].largestGap, "a child's largest gap is wrong")
    }
}

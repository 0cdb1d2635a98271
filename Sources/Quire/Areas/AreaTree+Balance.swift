// How the area tree keeps its shape: full nodes are split before an entry goes in, top down, so that a failure changes no
// area; thin ones merge with a neighbour after one came out. Neither changes an area or a gap: what a node loses, its
// neighbour has. Linux: mas_split, mas_rebalance.

extension AreaTree {
    /// Makes room for an entry at a place and moves the place where its entry's leaf is split. False where a node cannot
    /// be had.
    @inline(__always) func makeRoom(_ cpu: CPU, _ at: inout AreaCursor) -> Bool {
        nodes.count(at.leaf) < AreaNode.capacity || splitFull(cpu, &at)
    }

    private func splitFull(_ cpu: CPU, _ at: inout AreaCursor) -> Bool {
        guard splitFull(cpu, at.leaf) else { return false }
        let left = nodes.count(at.leaf)
        if at.place > left { at = AreaCursor(leaf: nodes[at: at.leaf].next, place: at.place - left) }
        return true
    }

    /// Splits a full node in two below a parent that has room, which may have to be split or made first.
    private func splitFull(_ cpu: CPU, _ node: UInt32) -> Bool {
        let above = nodes[at: node].parent
        if above == 0 {
            guard raise(cpu) else { return false }
        } else if nodes.count(above) == AreaNode.capacity {
            guard splitFull(cpu, above) else { return false }
        }
        return split(cpu, node)
    }

    /// Puts a new root above the root.
    private func raise(_ cpu: CPU) -> Bool {
        guard let made = nodes.allocate(cpu, AreaNode(isLeaf: false)) else { return false }
        let old = root
        nodes.insert(made.index, nodes.end(old, nodes.count(old) - 1), nodes[at: old].largestGap, old, at: 0)
        nodes[at: made.index].largestGap = nodes[at: old].largestGap
        nodes[at: old].parent = made.index
        root = made.index
        depth += 1
        return true
    }

    private func split(_ cpu: CPU, _ node: UInt32) -> Bool {
        let parent = nodes[at: node].parent
        var upper = AreaNode(isLeaf: nodes[at: node].isLeaf)
        upper.parent = parent
        if upper.isLeaf {
            upper.next = nodes[at: node].next
            upper.previous = node
        }
        guard let made = nodes.allocate(cpu, upper)?.index else { return false }
        if upper.isLeaf {
            if upper.next != 0 { nodes[at: upper.next].previous = made }
            nodes[at: node].next = made
        }
        let middle = AreaNode.capacity / 2
        for place in middle..<AreaNode.capacity { moveEntry(from: node, place, to: made) }
        for place in middle..<AreaNode.capacity { nodes.setEnd(node, place, .max) }
        nodes[at: node].count = UInt32(middle)
        nodes[at: node].largestGap = scanForLargestGap(node)
        nodes[at: made].largestGap = scanForLargestGap(made)
        let place = nodes.place(of: node, in: parent)
        nodes.insert(parent, nodes.end(parent, place), nodes[at: made].largestGap, made, at: place + 1)
        nodes.setEnd(parent, place, nodes.end(node, middle - 1))
        nodes.setWord(parent, place, nodes[at: node].largestGap)
        return true
    }

    /// Appends a node's entry to another node and tells what the entry stands for.
    private func moveEntry(from node: UInt32, _ place: Int, to target: UInt32) {
        let child = nodes.child(node, place)
        nodes.insert(target, nodes.end(node, place), nodes.word(node, place), child, at: nodes.count(target))
        if nodes[at: node].isLeaf {
            areas.publish(at: child, offset: Area.leafOffset, target)
        } else {
            nodes[at: child].parent = target
        }
    }

    /// After an entry came out of a node: drops it where it is empty, else merges it with a neighbour if both fit well
    /// into one; lowers the root.
    func thinOut(_ cpu: CPU, _ node: UInt32) {
        let parent = nodes[at: node].parent
        if parent == 0 {
            lowerRoot(cpu)
        } else if nodes.count(node) == 0 {
            takeOut(cpu, node, nodes.place(of: node, in: parent), of: parent)
        } else if nodes.count(node) < AreaNode.capacity / 4, nodes.count(parent) > 1 {
            let place = nodes.place(of: node, in: parent)
            merge(cpu, parent, place > 0 ? place - 1 : place)
        }
    }

    private func lowerRoot(_ cpu: CPU) {
        while depth > 1, nodes.count(root) == 1 {
            let old = root
            root = nodes.child(old, 0)
            nodes[at: root].parent = 0
            depth -= 1
            nodes.free(cpu, nodes.handle(at: old))
        }
        if nodes.count(root) == 0 {
            nodes.free(cpu, nodes.handle(at: root))
            root = 0
            depth = 0
        }
    }

    /// Merges the child at a place with the one above it.
    private func merge(_ cpu: CPU, _ parent: UInt32, _ place: Int) {
        let left = nodes.child(parent, place)
        let right = nodes.child(parent, place + 1)
        guard nodes.count(left) + nodes.count(right) <= AreaNode.capacity * 3 / 4 else { return }
        for from in 0..<nodes.count(right) { moveEntry(from: right, from, to: left) }
        nodes[at: left].largestGap = Swift.max(nodes[at: left].largestGap, nodes[at: right].largestGap)
        nodes.setWord(parent, place, nodes[at: left].largestGap)
        nodes.setEnd(parent, place, nodes.end(parent, place + 1))
        takeOut(cpu, right, place + 1, of: parent)
    }

    /// Takes a node that holds nothing any more out of its parent and frees it.
    private func takeOut(_ cpu: CPU, _ node: UInt32, _ place: Int, of parent: UInt32) {
        if nodes[at: node].isLeaf {
            let before = nodes[at: node].previous
            let after = nodes[at: node].next
            if before != 0 { nodes[at: before].next = after }
            if after != 0 { nodes[at: after].previous = before }
        }
        nodes.free(cpu, nodes.handle(at: node))
        nodes.remove(parent, at: place)
        let left = nodes.count(parent)
        if left > 0, place == left { endChanged(parent, to: nodes.end(parent, left - 1)) }
        thinOut(cpu, parent)
    }
}

// The areas of an address space in order: a B+ tree of up to 32 entries a node, keyed by where areas end, so that the
// first area above an address is found going down once. Entries also carry the largest gap in their subtree, so that a
// free range is found from the top in O(log n). Leaves are chained for ordered walks; nodes know the node above and areas
// their leaf, so that a change that starts at an area needs no way from the root. Nodes are records of the machine's
// pool. Everything happens under the mmap lock but for one look-up, which faults make without it (docs/vma-locks.md).
// Neighbours: AreaTree+Changes.swift, AreaTree+Balance.swift, AreaTree+Gaps.swift. docs/benchmarks.md has the measurement against other structures. Linux: the maple tree.

/// A position in the tree: a leaf and an entry of it. Valid until the tree changes.
struct AreaCursor: BitwiseCopyable {
    var leaf: UInt32
    var place: Int
    var isNone: Bool { leaf == 0 }
    static var none: AreaCursor { AreaCursor(leaf: 0, place: 0) }
}

/// The head of a tree.
struct AreaTreeHead: BitwiseCopyable {
    fileprivate var root: UInt32 = 0
    fileprivate var depth: UInt32 = 0
    fileprivate var count = 0
    /// Odd while the tree changes: for those who look without a lock.
    fileprivate var sequence: UInt32 = 0

    init() {}
}

/// The areas of one address space in order of address. Areas never overlap. A handle: its state is in the pools.
struct AreaTree: BitwiseCopyable {
    let nodes: Pool<AreaNode>
    let areas: Pool<Area>
    let heads: Pool<AreaTreeHead>
    let head: Handle<AreaTreeHead>

    @inline(__always) var root: UInt32 {
        get { heads[head].root }
        nonmutating set { heads.publish(at: head.index, offset: 0, newValue) }
    }
    @inline(__always) var depth: Int {
        get { Int(heads[head].depth) }
        nonmutating set { heads.publish(at: head.index, offset: 4, UInt32(newValue)) }
    }
    /// The number of areas (map_count).
    @inline(__always) var count: Int {
        get { heads[head].count }
        nonmutating set { heads[head].count = newValue }
    }

    // MARK: Without a lock

    private var sequence: SequenceCount { SequenceCount(heads.word(head, offset: 16)) }

    /// Runs a change of the tree, which those who look without a lock then notice.
    @inline(__always) func change<Result>(_ cpu: CPU, _ body: () -> Result) -> Result {
        if cpu.isSequential { return body() }
        sequence.beginWrite(cpu)
        defer { sequence.endWrite(cpu) }
        return body()
    }

    /// The place in the pool of the first area that ends above an address, found without any lock; 0 or any other area
    /// where there is none. Nil: the tree was changing. O(log n).
    @inline(__always) func lookUp(_ cpu: CPU, _ address: UInt64) -> UInt32? {
        let begun = sequence.peek(cpu)
        guard begun & 1 == 0 else { return nil }
        var found = heads.peekHalf(at: head.index, offset: 0)
        // As deep as it says now, and no deeper than any tree: what it says may be torn.
        for _ in 0..<Swift.min(heads.peekHalf(at: head.index, offset: 4), 8) {
            if found == 0 { break }
            found = nodes.peekChild(found, above: address)
        }
        guard sequence.peek(cpu) == begun else { return nil }
        return found < areas.capacity ? found : 0
    }

    // MARK: At a cursor

    /// The area at a cursor.
    @inline(__always) func area(at cursor: AreaCursor) -> Handle<Area> {
        areas.handle(at: nodes.child(cursor.leaf, cursor.place))
    }

    /// Where the area at a cursor starts; its record is not read.
    @inline(__always) func start(at cursor: AreaCursor) -> UInt64 { nodes.start(cursor.leaf, cursor.place) }

    /// Where the area at a cursor ends; its record is not read.
    @inline(__always) func end(at cursor: AreaCursor) -> UInt64 { nodes.end(cursor.leaf, cursor.place) }

    /// The next higher area's cursor, or none.
    @inline(__always) func next(_ cursor: AreaCursor) -> AreaCursor {
        if cursor.place + 1 < nodes.count(cursor.leaf) {
            return AreaCursor(leaf: cursor.leaf, place: cursor.place + 1)
        }
        return AreaCursor(leaf: nodes[at: cursor.leaf].next, place: 0)
    }

    /// The next lower area's cursor, or none.
    @inline(__always) func previous(_ cursor: AreaCursor) -> AreaCursor {
        if cursor.place > 0 { return AreaCursor(leaf: cursor.leaf, place: cursor.place - 1) }
        let before = nodes[at: cursor.leaf].previous
        return before == 0 ? .none : AreaCursor(leaf: before, place: nodes.count(before) - 1)
    }

    // MARK: Finding

    /// The first area that ends above an address, O(log n); none where there is none (find_vma).
    @inline(__always) func cursor(atOrAbove address: UInt64) -> AreaCursor {
        var node = root
        guard node != 0 else { return .none }
        var place = nodes.slot(node, above: address)
        // Asked once: where the root has an area above, so has every node on the way.
        guard place < nodes.count(node), nodes.end(node, place) > address else { return .none }
        for _ in 1..<depth {
            node = nodes.child(node, place)
            place = nodes.slot(node, above: address)
        }
        return AreaCursor(leaf: node, place: place)
    }

    /// The area that ends above an address first; none where there is none.
    @inline(__always) func find(_ address: UInt64) -> Handle<Area> {
        let cursor = cursor(atOrAbove: address)
        return cursor.isNone ? .none : area(at: cursor)
    }

    /// The cursor of an area of this tree, O(1).
    @inline(__always) func cursor(of area: Handle<Area>) -> AreaCursor {
        let leaf = areas[area].leaf
        return AreaCursor(leaf: leaf, place: nodes.place(of: area.index, in: leaf))
    }

    /// The lowest area.
    var first: AreaCursor { cursor(atOrAbove: 0) }

    /// The highest area.
    var last: AreaCursor {
        var node = root
        guard node != 0 else { return .none }
        for _ in 1..<depth { node = nodes.child(node, nodes.count(node) - 1) }
        return AreaCursor(leaf: node, place: nodes.count(node) - 1)
    }

    /// The area directly below where `cursor(atOrAbove:)` led: below its area, or the highest where there is none.
    @inline(__always) func below(_ cursor: AreaCursor) -> AreaCursor { cursor.isNone ? last : previous(cursor) }

    /// The area directly above (any distance), O(1); none at the top.
    func after(_ area: Handle<Area>) -> Handle<Area> { handle(at: next(cursor(of: area))) }

    /// The area directly below (any distance), O(1); none at the bottom.
    func before(_ area: Handle<Area>) -> Handle<Area> { handle(at: previous(cursor(of: area))) }

    /// The area directly below an address (ends at or below it), O(log n); none at the bottom.
    func before(_ address: UInt64) -> Handle<Area> { handle(at: below(cursor(atOrAbove: address))) }

    @inline(__always) private func handle(at cursor: AreaCursor) -> Handle<Area> {
        cursor.isNone ? .none : area(at: cursor)
    }
}

// A node of the area tree: three parallel arrays of up to 32 entries in one record. Its elements are read and moved in
// place through the pool: a subscript of an `InlineArray` would copy the whole array first, at every level of every
// look-up. Neighbour: AreaTree.swift. Linux: maple_range_64, maple_arange_64.

/// A node: in a leaf, areas with the gap before each; above, children with the largest gap in each.
struct AreaNode: BitwiseCopyable {
    static let capacity = 32
    /// Leaf: starts of areas. Inner: the children's first keys, exactly (the first is never looked at): an area may
    /// begin and end anywhere up to its neighbour, so a bound that is too low would hide it.
    private var keys: InlineArray<32, UInt64> = InlineArray(repeating: 0)
    private var gaps: InlineArray<32, UInt64> = InlineArray(repeating: 0)
    /// Leaf: pool indices of areas. Inner: pool indices of nodes.
    private var children: InlineArray<32, UInt32> = InlineArray(repeating: 0)
    var count = 0
    var isLeaf: Bool
    /// Leaves: the neighbours, as pool indices.
    var next: UInt32 = 0
    var previous: UInt32 = 0

    init(isLeaf: Bool) { self.isLeaf = isLeaf }

    /// Where the arrays begin in the record.
    fileprivate static let keysOffset = 0, gapsOffset = 256, childrenOffset = 512
}

extension Pool<AreaNode> {
    @inline(__always) func key(_ node: Handle<AreaNode>, _ place: Int) -> UInt64 {
        load(node, offset: AreaNode.keysOffset + place * 8, as: UInt64.self)
    }

    @inline(__always) func setKey(_ node: Handle<AreaNode>, _ place: Int, _ value: UInt64) {
        store(node, offset: AreaNode.keysOffset + place * 8, value)
    }

    @inline(__always) func gap(_ node: Handle<AreaNode>, _ place: Int) -> UInt64 {
        load(node, offset: AreaNode.gapsOffset + place * 8, as: UInt64.self)
    }

    @inline(__always) func setGap(_ node: Handle<AreaNode>, _ place: Int, _ value: UInt64) {
        store(node, offset: AreaNode.gapsOffset + place * 8, value)
    }

    @inline(__always) func child(_ node: Handle<AreaNode>, _ place: Int) -> UInt32 {
        load(node, offset: AreaNode.childrenOffset + place * 4, as: UInt32.self)
    }

    /// The last entry of a node whose key is not above `key`; 0 if all are above.
    @inline(__always) func slot(_ node: Handle<AreaNode>, _ key: UInt64) -> Int {
        search(node, offset: AreaNode.keysOffset, count: self[node].count, notAbove: key)
    }

    /// The largest gap in a node.
    @inline(__always) func largestGap(_ node: Handle<AreaNode>) -> UInt64 {
        largest(node, offset: AreaNode.gapsOffset, count: self[node].count)
    }

    /// Puts an entry at a place and those from there on one further. The node is not full.
    func insert(_ node: Handle<AreaNode>, _ key: UInt64, _ gap: UInt64, _ child: UInt32, at place: Int) {
        let count = self[node].count
        move(node, from: place, to: place + 1, count: count - place)
        setKey(node, place, key)
        setGap(node, place, gap)
        store(node, offset: AreaNode.childrenOffset + place * 4, child)
        self[node].count = count + 1
    }

    /// Takes the entry at a place out.
    func remove(_ node: Handle<AreaNode>, at place: Int) {
        let count = self[node].count
        move(node, from: place + 1, to: place, count: count - place - 1)
        self[node].count = count - 1
    }

    private func move(_ node: Handle<AreaNode>, from: Int, to: Int, count: Int) {
        moveBytes(node, from: AreaNode.keysOffset + from * 8, to: AreaNode.keysOffset + to * 8, count: count * 8)
        moveBytes(node, from: AreaNode.gapsOffset + from * 8, to: AreaNode.gapsOffset + to * 8, count: count * 8)
        moveBytes(
            node, from: AreaNode.childrenOffset + from * 4, to: AreaNode.childrenOffset + to * 4, count: count * 4)
    }
}

// A node of the area tree: parallel arrays of up to 32 entries in one record, and its place among the other nodes. The
// arrays are read and moved in place through the pool: a subscript of an `InlineArray` would copy the whole array first,
// at every level of every look-up. Neighbour: AreaTree.swift. Linux: maple_range_64, maple_arange_64.

/// A node: in a leaf, areas; above, nodes. Its arrays and its head begin at multiples of 64 bytes.
struct AreaNode: BitwiseCopyable {
    static let capacity = 32
    /// Where an entry's last area ends, ascending. What is not in use is all ones, so that a search needs no count.
    private var ends: InlineArray<32, UInt64> = InlineArray(repeating: .max)
    /// Leaf: where the areas start. Inner: the largest gap in each child.
    private var words: InlineArray<32, UInt64> = InlineArray(repeating: 0)
    /// Leaf: pool indices of areas. Inner: pool indices of nodes.
    private var children: InlineArray<32, UInt32> = InlineArray(repeating: 0)
    /// The largest of the gaps directly below its areas: a gap belongs to the area above it.
    var largestGap: UInt64 = 0
    /// The node above; 0 in the root.
    var parent: UInt32 = 0
    /// Leaves: the neighbours.
    var next: UInt32 = 0
    var previous: UInt32 = 0
    var count: UInt32 = 0
    var isLeaf: Bool
    private var padding: InlineArray<4, UInt64> = InlineArray(repeating: 0)

    init(isLeaf: Bool) { self.isLeaf = isLeaf }

    /// Where the arrays begin in the record.
    fileprivate static let endsOffset = 0, wordsOffset = 256, childrenOffset = 512
}

extension Pool<AreaNode> {
    /// Where the last area of an entry ends.
    @inline(__always) func end(_ node: UInt32, _ place: Int) -> UInt64 {
        load(at: node, offset: AreaNode.endsOffset &+ place &* 8, as: UInt64.self)
    }

    @inline(__always) func setEnd(_ node: UInt32, _ place: Int, _ value: UInt64) {
        publish(at: node, offset: AreaNode.endsOffset &+ place &* 8, value)
    }

    /// Where an area of a leaf starts.
    @inline(__always) func start(_ leaf: UInt32, _ place: Int) -> UInt64 { word(leaf, place) }

    /// The largest gap in a child of an inner node.
    @inline(__always) func gap(_ node: UInt32, _ place: Int) -> UInt64 { word(node, place) }

    /// The start of a leaf's area, or the gap of an inner node's child.
    @inline(__always) func word(_ node: UInt32, _ place: Int) -> UInt64 {
        load(at: node, offset: AreaNode.wordsOffset &+ place &* 8, as: UInt64.self)
    }

    @inline(__always) func setWord(_ node: UInt32, _ place: Int, _ value: UInt64) {
        store(at: node, offset: AreaNode.wordsOffset &+ place &* 8, value)
    }

    @inline(__always) func child(_ node: UInt32, _ place: Int) -> UInt32 {
        load(at: node, offset: AreaNode.childrenOffset &+ place &* 4, as: UInt32.self)
    }

    @inline(__always) func count(_ node: UInt32) -> Int { Int(self[at: node].count) }

    /// The first entry whose end is above an address. Where there is none: the last, or one that is not in use.
    @inline(__always) func slot(_ node: UInt32, above address: UInt64) -> Int {
        countVisit()
        return search(at: node, offset: AreaNode.endsOffset, above: address)
    }

    /// Where a node's child lies.
    @inline(__always) func place(of child: UInt32, in node: UInt32) -> Int {
        countVisit()
        var place = 0
        while self.child(node, place) != child { place &+= 1 }
        return place
    }

    /// Puts an entry at a place and those from there on one further. The node is not full.
    func insert(_ node: UInt32, _ end: UInt64, _ word: UInt64, _ child: UInt32, at place: Int) {
        let count = count(node)
        move(node, from: place, to: place + 1, count: count - place)
        setEnd(node, place, end)
        setWord(node, place, word)
        publish(at: node, offset: AreaNode.childrenOffset &+ place &* 4, child)
        self[at: node].count = UInt32(count + 1)
    }

    /// Takes the entry at a place out.
    func remove(_ node: UInt32, at place: Int) {
        let left = count(node) - 1
        move(node, from: place + 1, to: place, count: left - place)
        setEnd(node, left, .max)
        self[at: node].count = UInt32(left)
    }

    private func move(_ node: UInt32, from: Int, to: Int, count: Int) {
        publishMove(at: node, from: AreaNode.endsOffset + from * 8, to: AreaNode.endsOffset + to * 8, words: count)
        moveBytes(at: node, from: AreaNode.wordsOffset + from * 8, to: AreaNode.wordsOffset + to * 8, count: count * 8)
        publishMove(
            at: node, from: AreaNode.childrenOffset + from * 4, to: AreaNode.childrenOffset + to * 4, halfWords: count)
    }

    // MARK: Without a lock

    /// The child at the first entry whose end is above an address, as far as can be seen without a lock: any number, where
    /// the node is changing or is another's by now; the last child where there is none.
    @inline(__always) func peekChild(_ node: UInt32, above address: UInt64) -> UInt32 {
        let place = peekSearch(at: node, offset: AreaNode.endsOffset, above: address)
        return peekHalf(at: node, offset: AreaNode.childrenOffset &+ place &* 4)
    }
}

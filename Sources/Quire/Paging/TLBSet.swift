// One set of an array: its ways' keys, payloads, and the list that has them in the order of their last use. An empty way
// has key 0 and stands at the end. Part of the unsafe floor.
//
//     keys: width × 8 │ payloads: width × 8 │ next: width │ previous: width │ first │ last
//
// The width is the number of ways, rounded up to 4 so that the search may take four keys at a time; the ways beyond
// stay empty and are not in the list.

/// A handle on a set.
@safe struct TLBSet: BitwiseCopyable {
    let base: UnsafeMutableRawPointer
    let width: Int

    static func width(ways: Int) -> Int { (ways + 3) & ~3 }
    static func bytes(ways: Int) -> Int { (width(ways: ways) * 18 + 2 + 15) & ~15 }

    @inline(__always) private var keys: UnsafeMutablePointer<UInt64> {
        unsafe base.assumingMemoryBound(to: UInt64.self)
    }
    @inline(__always) private var next: UnsafeMutablePointer<UInt8> {
        unsafe (base + width &* 16).assumingMemoryBound(to: UInt8.self)
    }
    @inline(__always) private var previous: UnsafeMutablePointer<UInt8> { unsafe next + width }
    @inline(__always) private var first: Int {
        get { unsafe Int(next[2 &* width]) }
        nonmutating set { unsafe next[2 &* width] = UInt8(truncatingIfNeeded: newValue) }
    }
    @inline(__always) private var last: Int {
        get { unsafe Int(next[2 &* width &+ 1]) }
        nonmutating set { unsafe next[2 &* width &+ 1] = UInt8(truncatingIfNeeded: newValue) }
    }

    /// Puts the ways of an empty set in a list.
    func start(ways: Int) {
        for way in 0..<ways {
            unsafe next[way] = UInt8(truncatingIfNeeded: way + 1)
            unsafe previous[way] = UInt8(truncatingIfNeeded: way - 1)
        }
        first = 0
        last = ways - 1
    }

    @inline(__always) func key(_ way: Int) -> UInt64 { unsafe keys[way] }
    @inline(__always) func payload(_ way: Int) -> UInt64 { unsafe keys[width &+ way] }
    @inline(__always) func setPayload(_ way: Int, _ payload: UInt64) { unsafe keys[width &+ way] = payload }

    /// The way that has the key, which becomes the first; -1 where none has.
    @inline(__always) func find(_ key: UInt64) -> Int {
        let newest = first
        if unsafe keys[newest] == key { return newest }
        // Four keys at a time and without a branch: the number of the way that has the key, plus 1, falls out.
        let wanted = SIMD4<UInt64>(repeating: key)
        var numbers = SIMD4<UInt64>(1, 2, 3, 4)
        var found = SIMD4<UInt64>.zero
        var place = unsafe UnsafeRawPointer(base)
        let end = unsafe place + width &* 8
        repeat {
            let four = unsafe place.loadUnaligned(as: SIMD4<UInt64>.self)
            found = found | numbers.replacing(with: 0, where: four .!= wanted)
            numbers &+= SIMD4(repeating: 4)
            unsafe place += 32
        } while unsafe place < end
        let way = Int(truncatingIfNeeded: found[0] | found[1] | found[2] | found[3]) &- 1
        return way < 0 ? way : moveToFront(way)
    }

    @inline(never) private func moveToFront(_ way: Int) -> Int {
        unlink(way)
        unsafe next[way] = UInt8(truncatingIfNeeded: first)
        unsafe previous[first] = UInt8(truncatingIfNeeded: way)
        first = way
        return way
    }

    /// Takes a way, which is not the only one, out of the list.
    @inline(__always) private func unlink(_ way: Int) {
        let (after, before) = unsafe (next[way], previous[way])
        if way == first { first = Int(after) } else { unsafe next[Int(before)] = after }
        if way == last { last = Int(before) } else { unsafe previous[Int(after)] = before }
    }

    /// Puts a translation in the last way, which becomes the first. Returns the key that was there.
    @inline(__always) func replaceLast(_ key: UInt64, _ payload: UInt64) -> UInt64 {
        let way = last
        let old = unsafe keys[way]
        unsafe keys[way] = key
        unsafe keys[width &+ way] = payload
        if way != first {
            last = unsafe Int(previous[way])
            unsafe next[way] = UInt8(truncatingIfNeeded: first)
            unsafe previous[first] = UInt8(truncatingIfNeeded: way)
            first = way
        }
        return old
    }

    /// Empties a way, which becomes the last.
    func empty(_ way: Int) {
        unsafe keys[way] = 0
        guard way != last else { return }
        unlink(way)
        unsafe next[last] = UInt8(truncatingIfNeeded: way)
        unsafe previous[way] = UInt8(truncatingIfNeeded: last)
        last = way
    }
}

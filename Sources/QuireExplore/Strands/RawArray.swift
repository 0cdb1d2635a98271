// A growing array of plain values that a class may keep and change at every step: no reference is counted, and no access to
// the property that holds it is checked for exclusivity, each of which takes as long as a step. Part of the unsafe floor.

/// An array of trivially copyable values with one owner, not thread-safe. Indices are checked.
@safe final class RawArray<Element: BitwiseCopyable> {
    private var start: UnsafeMutablePointer<Element>
    private var capacity = 64
    private(set) var count = 0

    init() { unsafe start = UnsafeMutablePointer.allocate(capacity: capacity) }
    deinit { unsafe start.deallocate() }

    @inline(__always) subscript(_ place: Int) -> Element {
        get {
            precondition(place >= 0 && place < count)
            return unsafe start[place]
        }
        set {
            precondition(place >= 0 && place < count)
            unsafe start[place] = newValue
        }
    }

    /// Adds an element; amortised O(1).
    @inline(__always) func append(_ element: Element) {
        if count == capacity { grow() }
        unsafe (start + count).initialize(to: element)
        count += 1
    }

    /// Forgets all elements and keeps their memory.
    @inline(__always) func removeAll() { count = 0 }

    /// Makes it `count` times the same element.
    func fill(_ element: Element, count: Int) {
        removeAll()
        for _ in 0..<count { append(element) }
    }

    @inline(never) private func grow() {
        let larger = UnsafeMutablePointer<Element>.allocate(capacity: 2 * capacity)
        unsafe larger.update(from: start, count: count)
        unsafe start.deallocate()
        unsafe start = larger
        capacity *= 2
    }

    /// The elements.
    var array: [Element] { unsafe Array(UnsafeBufferPointer(start: start, count: count)) }
}

// Copies of stretches of raw memory, and putting them back: how an explored machine starts over without asking the host.
// Who has raw memory says which stretches of it are in use; nothing here knows what they hold. Part of the unsafe floor.

/// A stretch of raw memory in use.
@safe struct Extent: @unchecked Sendable {
    let start: UnsafeMutableRawPointer
    let bytes: Int

    init(_ start: UnsafeMutableRawPointer, _ bytes: Int) {
        unsafe self.start = start
        self.bytes = bytes
    }
}

/// What some stretches of memory held at one moment.
@safe final class SavedMemory: @unchecked Sendable {
    private let extents: [Extent]
    private let copy: UnsafeMutableRawPointer
    /// The bytes of all stretches.
    let bytes: Int

    /// Copies the stretches.
    init(_ extents: [Extent]) {
        self.extents = extents.filter { $0.bytes > 0 }
        bytes = self.extents.reduce(0) { $0 + $1.bytes }
        unsafe copy = UnsafeMutableRawPointer.allocate(byteCount: Swift.max(bytes, 1), alignment: 64)
        var at = 0
        for extent in self.extents {
            unsafe (copy + at).copyMemory(from: extent.start, byteCount: extent.bytes)
            at += extent.bytes
        }
    }

    deinit { unsafe copy.deallocate() }

    /// Puts everything back, O(bytes).
    func restore() {
        var at = 0
        for extent in extents {
            unsafe extent.start.copyMemory(from: copy + at, byteCount: extent.bytes)
            at += extent.bytes
        }
    }
}

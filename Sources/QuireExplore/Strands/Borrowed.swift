// A reference that counts nothing, for code on a strand's stack: that stack may be abandoned in the middle, and what was counted
// there is counted for ever. Who owns the object keeps it for as long as strands run. Part of the unsafe floor.

/// An object that somebody else keeps.
@safe struct Borrowed<Object: AnyObject> {
    private let reference: Unmanaged<Object>

    init(_ object: Object) { unsafe reference = Unmanaged.passUnretained(object) }

    /// Does something with the object.
    @inline(__always) func use<Result>(_ body: (Object) -> Result) -> Result {
        unsafe reference._withUnsafeGuaranteedRef(body)
    }
}

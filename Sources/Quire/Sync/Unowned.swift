// A reference that does not keep its object alive: what a process is to its machine. Hosted builds check each use
// as Swift's `unowned` does; Embedded Swift has no such check, there the embedder keeps the machine while it is used.

/// A reference to an object that somebody else keeps alive.
struct Unowned<Object: AnyObject> {
    #if hasFeature(Embedded)
        private unowned(unsafe) let reference: Object
    #else
        private unowned let reference: Object
    #endif

    init(_ object: Object) { unsafe reference = object }

    /// The object. Traps where it is gone.
    @inline(__always) var object: Object { unsafe reference }
}

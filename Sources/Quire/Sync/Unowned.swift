// A reference that does not keep its object alive: what a process is to its machine. Hosted builds check each use
// as Swift's `unowned` does; Embedded Swift has no such check, there the embedder keeps the machine while it is used.

#if hasFeature(Embedded)
    /// A reference to an object that somebody else keeps alive.
    @safe struct Unowned<Object: AnyObject> {
        private unowned(unsafe) let reference: Object

        init(_ object: Object) { unsafe reference = object }

        /// The object.
        @inline(__always) var object: Object { unsafe reference }
    }
#else
    /// A reference to an object that somebody else keeps alive.
    struct Unowned<Object: AnyObject> {
        private unowned let reference: Object

        init(_ object: Object) { reference = object }

        /// The object. Traps where it is gone.
        @inline(__always) var object: Object { reference }
    }
#endif

// What must not be, seen while it happens. A machine that is explored tells its scheduler, which ends the run and
// keeps the schedule; any other machine traps, as it always did.

extension CPU {
    /// Says that something is broken. Does not return: the explorer abandons the run.
    @inline(never) func violated(_ text: String) -> Never {
        if let hook = environment.hook { hook.violated(text, on: self) }
        fatalError(text)
    }

    /// Traps, or ends an explored run, with the text where a condition does not hold.
    @inline(__always)
    func require(_ condition: @autoclosure () -> Bool, _ text: @autoclosure () -> String) {
        if !condition() { violated(text()) }
    }

    /// Tells the explorer something that is no operation: a call begins, a page fault, a stale translation is used.
    @inline(__always) func note(_ note: SyncNote) {
        if isExplored { environment.hook?.noted(note, on: self) }
    }
}

/// Something worth a line in a diagram that changes nothing shared.
public enum SyncNote: Hashable, Sendable {
    /// A page fault at an address begins.
    case fault(UInt64)
    /// A translation of an address was found in the CPU's TLB, and the tables no longer give it.
    case staleHit(UInt64)
    /// A page is used: for reading or writing, at an address.
    case access(UInt64, isWrite: Bool)
    /// Something happens that might not.
    case chance(Chance)
    /// Whoever made the strand says what it does now.
    case label(String)
}

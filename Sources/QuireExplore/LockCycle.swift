// Who waits for whom when nobody can go on: the holders of the locks that are asked for, from the steps of the run.

/// The end of a run in a deadlock, explained.
struct LockCycle {
    /// One strand that waits.
    private struct Waiter {
        var step: Step
        var holders: [Int]
    }

    private var waiters: [Waiter] = []

    init(_ trace: [Step], _ end: RunEnd) {
        guard case .deadlock(let steps) = end else { return }
        for step in steps { waiters.append(Waiter(step: step, holders: Self.holders(step.event.object, trace))) }
    }

    /// Who holds a lock after the steps; an attempt to take one that somebody holds has failed.
    private static func holders(_ object: UInt64, _ trace: [Step]) -> [Int] {
        var holders: [Int] = []
        for step in trace where step.event.object == object {
            switch step.event.kind {
            case .lock, .readLock: holders.append(step.strand)
            case .tryLock: if holders.isEmpty { holders.append(step.strand) }
            case .unlock, .readUnlock: if let place = holders.firstIndex(of: step.strand) { holders.remove(at: place) }
            default: break
            }
        }
        return holders
    }

    /// As in "CPU 0 waits for pte, which CPU 1 holds; CPU 1 waits for pmd, which CPU 0 holds".
    var text: String {
        waiters.map { waiter in
            let event = waiter.step.event
            let what = event.kind == .wait ? "a change of \(event.name.label)" : event.name.label
            let held =
                waiter.holders.isEmpty
                ? "" : ", which CPU " + waiter.holders.map(String.init).joined(separator: " and CPU ") + " holds"
            return "CPU \(waiter.step.strand) waits for \(what)\(held)"
        }.joined(separator: "; ")
    }
}

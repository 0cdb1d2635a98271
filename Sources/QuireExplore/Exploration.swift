// What an exploration came to: the outcomes, how often each, a schedule that leads to it, and whether the search has seen
// everything inside its bound. Only then does "none" mean none.

/// What an exploration came to.
public struct Exploration: Sendable {
    /// One outcome: how often, and a schedule that leads to it: the one with the fewest preemptions of those seen.
    public struct Found: Sendable {
        public var count = 0
        public var schedule: Schedule
        public var preemptions: Int
        public var end: RunEnd
        public var trace: [Step]
        /// The execution that was the first to show it, from 1.
        public var first: Int

        /// Counts one more execution, unless it has fewer preemptions; says whether it did.
        mutating func count(again preemptions: Int) -> Bool {
            guard self.preemptions <= preemptions else { return false }
            count += 1
            return true
        }

        /// Whether the memory manager has failed, whatever the program wanted.
        public var isBroken: Bool { end != .completed }
    }

    /// By outcome.
    public var outcomes: [String: Found] = [:]
    public var executions = 0
    /// Runs that were given up because they only repeat others (DPOR's sleep sets).
    public var redundant = 0
    /// Steps of all executions.
    public var steps = 0
    public var seconds = 0.0
    /// Whether the search ended inside its bound: only then does "none" mean none.
    public var isExhausted = false
    /// Why the scene could not be run to its end: then the search ended there, and nothing is known of it.
    public var failure: (any Error)?

    public init() {}

    /// The outcomes that say that the memory manager has failed.
    public var broken: [String] { outcomes.filter { $0.value.isBroken }.keys.sorted() }

    /// Puts what another search of the same scene has seen to this. What this one has exhausted remains exhausted.
    public mutating func add(_ other: Exploration) {
        merge(other)
        isExhausted = isExhausted || other.isExhausted
        seconds += other.seconds
    }

    mutating func note(_ outcome: Outcome, _ scheduler: Scheduler, _ chooser: Chooser) {
        executions += 1
        steps += scheduler.stepCount
        let preemptions = scheduler.preemptions
        // In place: a copy of what is known counts references, at every execution.
        if let place = outcomes.index(forKey: outcome.text),
            outcomes.values[place].count(again: preemptions)
        {
            return
        }
        let known = outcomes[outcome.text]
        outcomes[outcome.text] = Found(
            count: (known?.count ?? 0) + 1, schedule: chooser.schedule, preemptions: preemptions, end: outcome.end,
            trace: scheduler.trace, first: known?.first ?? executions)
    }

    /// Puts what another worker has seen to this.
    mutating func merge(_ other: Exploration) {
        for (text, found) in other.outcomes {
            guard let known = outcomes[text] else {
                outcomes[text] = found
                continue
            }
            if found.preemptions < known.preemptions { outcomes[text] = found }
            outcomes[text]!.count = known.count + found.count
            outcomes[text]!.first = min(known.first, found.first)
        }
        executions += other.executions
        redundant += other.redundant
        steps += other.steps
        if failure == nil { failure = other.failure }
    }
}

/// What can be said of a condition after an exploration. The three are never confused.
public enum Verdict: Hashable, Sendable {
    /// In every execution; the search has seen all inside its bound.
    case holds(executions: Int)
    /// An outcome that breaks it.
    case found(outcome: String)
    /// Not broken in these executions, but there are more.
    case notExhausted(executions: Int)

    /// The verdict on outcomes of which `isBad` says that they must not be.
    public init(_ exploration: Exploration, isBad: (String, Exploration.Found) -> Bool) {
        let bad = exploration.outcomes.filter { isBad($0.key, $0.value) }
        let shortest = bad.min { ($0.value.preemptions, $0.key) < ($1.value.preemptions, $1.key) }
        if let shortest {
            self = .found(outcome: shortest.key)
        } else if exploration.isExhausted {
            self = .holds(executions: exploration.executions)
        } else {
            self = .notExhausted(executions: exploration.executions)
        }
    }
}

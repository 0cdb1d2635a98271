// What a run was: its steps and its choices, as plain data that can be saved, replayed and compared.

public import Quire

/// One operation that happened: which strand did what.
public struct Step: Hashable, BitwiseCopyable, Sendable {
    /// The strand: the number of its simulated CPU.
    public var strand: Int
    /// What it did.
    public var event: Event

    /// An operation without the orderings: what two runs are compared by.
    public struct Event: Hashable, BitwiseCopyable, Sendable {
        public var kind: EventKind
        public var name: SyncName
        /// The object, as a number that is the same in every run of the scenario.
        public var object: UInt64
    }
}

/// The choices of a run: at each step with more than one strand that could go on, the one that did.
public struct Schedule: Hashable, Sendable {
    public var choices: [UInt8]

    public init(choices: [UInt8] = []) { self.choices = choices }
}

/// How a run ended.
public enum RunEnd: Hashable, Sendable {
    /// Every strand came to its end.
    case completed
    /// Nobody could go on: the strands that wait, and for what.
    case deadlock([Step])
    /// More steps than a fair run takes.
    case tooLong
    /// Something is broken: what.
    case violation(String)
}

// A difference between the model and the reference model, and the workload that shows it.

/// What a hunt found.
public struct Difference: Sendable {
    /// The operations up to the one after which the two differ.
    public var operations: [Operation]
    /// In words: the line's results, or the first field of the state.
    public var text: String
    /// The line at the end.
    public var line: String { operations.last?.line ?? "" }
}

// A difference between two sides, and the workload that shows it.

import QuireWorkload

/// Who plays a workload.
public enum Side: String, Hashable, Sendable {
    /// The memory manager.
    case model
    /// The dictionary of pages.
    case reference
    /// The host's kernel.
    case live
    /// What must hold by itself.
    case invariants
}

/// What a hunt found.
public struct Difference: Sendable {
    /// What makes two differences one bug, as far as a machine can tell.
    public struct Kind: Hashable, Sendable {
        /// Who differs from the model.
        public var other: Side
        /// The call whose outcome differs; nil for the state of processes.
        public var call: String?
        /// The field of the report that differs.
        public var field: String
    }

    /// The operations up to the one after which the two differ.
    public var operations: [Operation]
    public var kind: Kind
    /// `line 3 mmap`, `pid 1 100000000000-100000010000`.
    public var place: String
    /// What each side says.
    public var model: String
    public var other: String

    /// In words.
    public var text: String {
        if kind.other == .invariants { return "\(place): a broken invariant ends the model" }
        return "\(place): \(kind.field): model \(model) | \(kind.other.rawValue) \(other)"
    }
    /// The line at the end.
    public var line: String { operations.last?.line ?? "" }

    /// The model ended in a trap in one of its operations.
    public init(trapIn operations: [Operation], at index: Int) {
        let lines = runnable(operations)
        self.operations = Array(lines.prefix(index + 1))
        let call = self.operations.last.map { CallForm.of($0.call).name }
        kind = Kind(other: .invariants, call: call, field: "trap")
        place = "line \(index + 1) \(call ?? "")"
        model = ""
        other = ""
    }

    /// What the comparison of a run with another side's found.
    init(_ found: RunDifference, with other: Side, operations: [Operation]) {
        self.operations = operations
        kind = Kind(other: other, call: found.call, field: found.field)
        place = found.place
        model = found.model
        self.other = found.live
    }
}

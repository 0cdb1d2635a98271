// The live kernel as the hunt sees it: a function from a workload's text to the record of a run. Nothing here knows how a
// workload gets to a kernel, and a test can put anything in its place.

import QuireWorkload

/// Plays a workload's text on the live kernel.
public typealias LivePlay = (_ text: String) throws(LivePlayError) -> RunRecord

/// Why the live kernel gives no record.
public enum LivePlayError: Error, CustomStringConvertible {
    /// The user asked to end.
    case interrupted
    /// The workload cannot be played, or the host fails.
    case failed(String)

    public var description: String {
        switch self {
        case .interrupted: "interrupted"
        case .failed(let why): why
        }
    }
}

/// Why a hunt cannot go on.
public enum HuntError: Error, CustomStringConvertible {
    case model(ReplayError)
    case live(LivePlayError)

    public var description: String {
        switch self {
        case .model(let error): "the model: \(error)"
        case .live(let error): "the live kernel: \(error)"
        }
    }
}

extension Match {
    /// The first difference of a kind between the model's part and a live run.
    func difference(from record: RunRecord, _ isWanted: (Difference.Kind) -> Bool) -> Difference? {
        let found = RunComparison(model: self.record, live: record).differences
        let wanted = found.filter { isWanted(Difference($0, with: .live, operations: []).kind) }
        return wanted.min { ($0.line ?? .max) < ($1.line ?? .max) }.map { first in
            Difference(first, with: .live, operations: text.operations(to: first.line))
        }
    }
}

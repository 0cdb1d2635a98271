// One line of a workload and what it did: what `quire explain` prints.

public import QuireWorkload

/// What one line did.
public struct Step: Sendable {
    /// The line's number from 1, and its text.
    public var line: Int
    public var text: String
    /// How it ended; empty for lines that are no call.
    public var calls: [CallReport]
    /// The processes that it changed.
    public var processes: [ProcessChange]
    /// A sentence for each change of areas.
    public var words: [String] { processes.flatMap(\.words) }
}

/// What one line did to a process.
public struct ProcessChange: Sendable {
    public var pid: Int
    /// Nil where the line made the process.
    public var before: ProcessScene?
    /// Nil where the line ended it.
    public var after: ProcessScene?
    /// What became of its areas.
    public var areas: SpaceChange
    /// A sentence for each change of areas.
    public var words: [String] = []
    /// Whether other processes are there too, so that it has to be named.
    public var isNamed = false

    /// Whether there is more to see than a sentence tells.
    var isDrawn: Bool {
        guard let before, let after else { return after != nil }
        return !after.differsInSharingOnly(from: before)
    }

    init(pid: Int, before: ProcessScene?, after: ProcessScene?, fresh: Range<UInt64>?) {
        self.pid = pid
        self.before = before
        self.after = after
        areas = SpaceChange(before: before?.areas ?? [], after: after?.areas ?? [], fresh: fresh)
    }
}

/// What an explainer hands out.
public enum Explanation: Sendable {
    /// A comment of the file, with its `#`.
    case comment(String)
    case step(Step)
}

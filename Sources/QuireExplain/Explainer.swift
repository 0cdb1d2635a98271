// Plays a workload line by line and looks at every process before and after: the source of what `quire explain` prints.
// The drawing is StepDrawing's, the JSON ExplainJSON's.

public import Quire
public import QuireHost
public import QuireWorkload

/// A workload, explained line by line.
///
///     let explainer = try Explainer(WorkloadReader(text: lines))
///     while let next = try explainer.next() { … }
public final class Explainer {
    private let session: ReplaySession
    private let only: ClosedRange<Int>?
    private var comments: [(line: Int, text: String)]
    private var letters = AnonLetters()
    /// The processes as they were after the last line, where somebody has looked.
    private var scene: [ProcessScene]?

    /// An explainer of the lines in `only`; of all where it is nil. Throws where the head of the workload cannot be
    /// read or asks for what the model cannot do.
    public init(
        _ reader: WorkloadReader, _ options: ReplayOptions = ReplayOptions(), only: ClosedRange<Int>? = nil,
        host: Host = .linux
    ) throws(ReplayError) {
        session = try ReplaySession(reader, options, host: host)
        self.only = only
        comments = session.opening.filter { only?.contains($0.line) ?? true }
    }

    /// The next comment or line; nil at the end. O(pages mapped) for each line that is explained.
    public func next() throws(ReplayError) -> Explanation? {
        if !comments.isEmpty { return .comment(comments.removeFirst().text) }
        while let upcoming = session.nextLine {
            if let only, upcoming > only.upperBound { return nil }
            let isShown = only?.contains(upcoming) ?? true
            if isShown, scene == nil { scene = look() }
            guard let calls = try session.step() else { return nil }
            guard isShown else { continue }
            switch session.statement.kind {
            case .blank, .requires, .machine, .recordedOn, .signal: continue
            case .comment: return .comment(session.text)
            case .call, .exited, .killed: return .step(step(calls))
            }
        }
        return nil
    }

    private func look() -> [ProcessScene] {
        session.machine.processes.filter { !$0.borrowsAddressSpace }.map { ProcessScene($0, &letters) }
    }

    private func step(_ calls: [CallReport]) -> Step {
        let before = scene ?? []
        let after = look()
        scene = after
        let fresh = session.statement.freshRange(calls.first?.outcome)
        var changes: [ProcessChange] = []
        for pid in Set(before.map(\.pid)).union(after.map(\.pid)).sorted() {
            let old = before.first { $0.pid == pid }
            let new = after.first { $0.pid == pid }
            guard old != new else { continue }
            var change = ProcessChange(pid: pid, before: old, after: new, fresh: calls.first?.pid == pid ? fresh : nil)
            change.isNamed = before.count > 1 || after.count > 1
            let process = session.machine.process(pid)
            let words = Words(change: change.areas) { process?.mergeObstacle(at: $0) }
            change.words = words.sentences(of: change)
            changes.append(change)
        }
        return Step(line: session.statement.line, text: session.text, calls: calls, processes: changes)
    }
}

extension Statement {
    /// The range that the line mapped anew, where it did: mmap, and mremap to another place.
    fileprivate func freshRange(_ outcome: CallReport.Outcome?) -> Range<UInt64>? {
        guard case .address(let start) = outcome else { return nil }
        let length: UInt64?
        switch call {
        case .mmap: length = integer(1)
        case .mremap: length = integer(0) == start ? nil : integer(2)
        default: length = nil
        }
        guard let length, length > 0, length < .max - start - Page.size else { return nil }
        return start..<(start + length + Page.size - 1) & ~(Page.size - 1)
    }
}

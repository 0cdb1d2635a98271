// From what a hunt found to the few lines that show it: the workload is played again and again, shorter each time, on the
// two sides that differ, and the difference must stay of its kind, so that it does not turn into another bug.

import QuireWorkload

extension Hunt {
    /// What few lines are.
    private static let fewLines = 10

    /// The smallest workload found that still shows a difference of the same kind; where that stays long, of the same
    /// call or the same field.
    public func shrink(_ difference: Difference) -> Difference {
        let small = shrink(difference, difference.kind) { $0 == difference.kind }
        if small.operations.count <= Self.fewLines { return small }
        let wanted = difference.kind
        return shrink(small, wanted) { $0.call == wanted.call || $0.field == wanted.field }
    }

    private func shrink(
        _ difference: Difference, _ kind: Difference.Kind, _ isWanted: (Difference.Kind) -> Bool
    ) -> Difference {
        var shrinker = Shrinker()
        return shrinker.shrink(difference) { operations in show(operations, kind, isWanted) }
    }

    /// What two sides make of a workload: a difference that is wanted, or nil. A workload that cannot be played shows
    /// nothing. `kind` says which sides, and where to look: at calls alone, or at the state as well.
    func show(
        _ workload: [Operation], _ kind: Difference.Kind, _ isWanted: (Difference.Kind) -> Bool
    ) -> Difference? {
        begins?("shrinking", workload)
        var match = Match()
        match.distort = distort
        match.asksReference = kind.other == .reference
        // In a short workload the state is looked at often: the difference then ends it early. Where a call's outcome is
        // wanted, the state may differ before.
        match.stateInterval = kind.call == nil ? max(1, workload.count / 32) : .max
        if kind.other == .live, kind.call == nil { match.snapshotInterval = max(1, workload.count / 16) }
        do throws(ReplayError) {
            if let found = try match.play(workload) { return isWanted(found.kind) ? found : nil }
        } catch {
            return nil
        }
        guard kind.other == .live, let live, let record = try? live(match.text.text), record.skipped == nil else {
            return nil
        }
        return match.difference(from: record, isWanted)
    }

    /// Whom the third side agrees with, in words; nil where it takes no part.
    public func arbiter(_ difference: Difference) -> String? {
        let third: Side = difference.kind.other == .live ? .reference : .live
        if third == .live, live == nil { return nil }
        let kind = Difference.Kind(other: third, call: nil, field: "")
        let isSame = show(difference.operations, kind) { _ in true } == nil
        return "\(third.rawValue) \(isSame ? "agrees with" : "differs from") the model"
    }
}

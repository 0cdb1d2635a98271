// What became of the areas of a process over one line. Neighbours: Overlap (the rule), Words (the same in sentences),
// Drawing (the same as a picture).

import Quire

/// What happened to an area.
public enum Mark: String, Hashable, Sendable {
    /// It covers what it covered; rights, flags, backing and anon_vma are as before.
    case same = ""
    /// The same, but pages came or went.
    case touched = "pages"
    case new, split, merged, grown, shrunk, changed, gone

    /// Whether the area itself is another one than before.
    var isOfArea: Bool { self != .same && self != .touched }
}

/// The areas of a process before and after, and a mark for each.
public struct SpaceChange: Hashable, Sendable {
    public let before: [AreaScene]
    public let after: [AreaScene]
    /// `gone` or `same` for each area before.
    public let marksBefore: [Mark]
    /// For each area after.
    public let marksAfter: [Mark]
    /// What a mapping that was put over others cut away, and what came of the line otherwise: to be told in this order.
    let phases: [Overlap]

    var isEmpty: Bool { phases.allSatisfy { $0.clusters.isEmpty } }

    /// `fresh` is a range that the line mapped anew: Linux unmaps what was there first, and so does the picture.
    init(before: [AreaScene], after: [AreaScene], fresh: Range<UInt64>? = nil) {
        self.before = before
        self.after = after
        guard let fresh, before.contains(where: { $0.start < fresh.upperBound && fresh.lowerBound < $0.end }) else {
            let overlap = Overlap(before: before, after: after)
            phases = [overlap]
            marksBefore = overlap.marksBefore
            marksAfter = overlap.marksAfter
            return
        }
        let between = before.flatMap { $0.without(fresh) }
        let cut = Overlap(before: before, after: between)
        let put = Overlap(before: between, after: after)
        phases = [cut, put]
        marksBefore = cut.marksBefore
        let cutMarks = Dictionary(zip(between.map(\.start), cut.marksAfter)) { $1 }
        marksAfter = zip(after, put.marksAfter).map { area, mark in
            mark.isOfArea ? mark : cutMarks[area.start] ?? mark
        }
    }

    /// Whether two areas touch and have the same rights, and did not meet like this before the line.
    func couldBeExpectedToMerge(at index: Int) -> Bool {
        guard index + 1 < after.count, after[index].end == after[index + 1].start else { return false }
        let (low, high) = (after[index], after[index + 1])
        guard marksAfter[index].isOfArea || marksAfter[index + 1].isOfArea,
            low.report.permissions == high.report.permissions
        else { return false }
        return !before.indices.dropLast().contains { old in
            before[old].end == low.end && before[old + 1].start == low.end
                && before[old].isAlike(low) && before[old + 1].isAlike(high)
        }
    }
}

extension AreaScene {
    /// What is left of an area outside of a range; pages are not told.
    fileprivate func without(_ range: Range<UInt64>) -> [AreaScene] {
        guard start < range.upperBound, range.lowerBound < end else { return [self] }
        var parts: [AreaScene] = []
        for (low, high) in [(start, Swift.min(end, range.lowerBound)), (Swift.max(start, range.upperBound), end)]
        where low < high {
            var part = self
            part.report.start = low
            part.report.end = high
            part.report.pageOffset &+= (low - start) >> Page.shift
            if part.report.inode != 0 { part.report.offset &+= low - start }
            parts.append(part)
        }
        return parts
    }
}

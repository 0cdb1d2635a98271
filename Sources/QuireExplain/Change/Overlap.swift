// What became of a row of areas, told by what overlaps what. The table of docs/explain.md is `mark(of:)`. Neighbour:
// SpaceChange, which has a row before, a row after and, where a mapping was put over others, one in between.

/// Two rows of areas, and a mark for each.
struct Overlap: Hashable, Sendable {
    let before: [AreaScene]
    let after: [AreaScene]
    private(set) var marksBefore: [Mark]
    private(set) var marksAfter: [Mark]
    /// Areas that hang together by overlapping: indices of both rows. Those without any change are left out.
    private(set) var clusters: [Cluster] = []

    struct Cluster: Hashable, Sendable {
        var before: Range<Int>
        var after: Range<Int>
    }

    init(before: [AreaScene], after: [AreaScene]) {
        self.before = before
        self.after = after
        marksBefore = Array(repeating: .same, count: before.count)
        marksAfter = Array(repeating: .same, count: after.count)
        var (old, new) = (0, 0)
        while old < before.count || new < after.count {
            let (firstOld, firstNew) = (old, new)
            // The lower of the two begins a cluster; it goes on while something reaches into it.
            let oldStart = old < before.count ? before[old].start : .max
            let newStart = new < after.count ? after[new].start : .max
            var end = Swift.min(oldStart, newStart) &+ 1
            while true {
                if old < before.count, before[old].start < end {
                    end = Swift.max(end, before[old].end)
                    old += 1
                } else if new < after.count, after[new].start < end {
                    end = Swift.max(end, after[new].end)
                    new += 1
                } else {
                    break
                }
            }
            take(Cluster(before: firstOld..<old, after: firstNew..<new))
        }
    }

    private mutating func take(_ cluster: Cluster) {
        if cluster.before.count == 1, cluster.after.count == 1,
            before[cluster.before.lowerBound] == after[cluster.after.lowerBound]
        {
            return
        }
        clusters.append(cluster)
        for index in cluster.after { marksAfter[index] = mark(of: after[index], in: cluster) }
        if cluster.after.isEmpty { for index in cluster.before { marksBefore[index] = .gone } }
    }

    private func mark(of area: AreaScene, in cluster: Cluster) -> Mark {
        let overlapped = cluster.before.filter { before[$0].start < area.end && area.start < before[$0].end }
        guard let only = overlapped.first else { return .new }
        let contained = overlapped.filter { area.start <= before[$0].start && before[$0].end <= area.end }
        if overlapped.count > 1 { return contained.count == 1 ? .grown : .merged }
        let old = before[only]
        if old.start == area.start, old.end == area.end {
            return !old.isAlike(area) ? .changed : old == area ? .same : .touched
        }
        if !contained.isEmpty { return .grown }
        // Parts of the old area that no other old area has joined.
        let parts = cluster.after.filter { index in
            let part = after[index]
            return part.start < old.end && old.start < part.end
                && !cluster.before.contains { $0 != only && before[$0].start < part.end && part.start < before[$0].end }
        }
        return parts.count > 1 ? .split : .shrunk
    }
}

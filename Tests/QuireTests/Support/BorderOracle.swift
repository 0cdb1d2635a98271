// A trivially correct list of areas: a label on each page, and the places where one area ends and the next begins. It
// knows the rule (neighbours are one area if nothing tells them apart and their anon_vmas allow it) and no cases.

@testable import Quire

/// What a page bears.
struct PageLabel: Equatable {
    var flags: AreaFlags
    var extras: [UInt64]
    var kind: AreaKind
    var file: UInt32
    /// The page offset less the page's number: equal on both sides of a border where they continue.
    var shift: UInt64
    /// The anon_vma, 0 for none, and whether its area came from a fork.
    var anonymous: UInt32
    var isForked: Bool

    /// Whether only the anon_vmas could tell them apart.
    func isAlike(_ other: PageLabel) -> Bool {
        flags == other.flags && extras == other.extras && kind == other.kind && file == other.file
            && shift == other.shift
    }
}

/// Pages with labels and borders.
struct BorderOracle {
    private(set) var labels: [PageLabel?]
    /// `borders[n]`: something begins or ends before page n.
    private(set) var borders: [Bool]

    /// What the space has now.
    init(_ space: AddressSpace, _ base: UInt64, pages: Int) {
        labels = Array(repeating: nil, count: pages)
        borders = Array(repeating: false, count: pages + 1)
        var last = Handle<Area>.none
        for place in 0..<pages {
            let address = base + UInt64(place) * page
            let found = space.areas.find(address)
            let area = !found.isNone && space.core.areas[found].start <= address ? found : .none
            borders[place] = area != last
            last = area
            if !area.isNone { labels[place] = PageLabel(space.core, area, place: address >> 12) }
        }
        borders[pages] = true
    }

    /// Changes the labels of [start, end), area by area from below; pages that are not mapped are passed over.
    mutating func change(_ start: Int, _ end: Int, _ body: (inout PageLabel) -> Void) {
        var at = start
        while at < end {
            guard labels[at] != nil else {
                at += 1
                continue
            }
            var next = at + 1
            while next < end, !borders[next] { next += 1 }
            changeOne(at, next, body)
            at = next
        }
    }

    /// Changes [start, end), which lies in one area.
    private mutating func changeOne(_ start: Int, _ end: Int, _ body: (inout PageLabel) -> Void) {
        let old = labels[start]!
        var new = old
        body(&new)
        if new == old { return }
        let (wasStart, wasEnd) = (borders[start], borders[end])
        for place in start..<end { labels[place] = new }
        borders[start] = true
        borders[end] = true
        let below = wasStart && start > 0 ? labels[start - 1] : nil
        let above = wasEnd && end < labels.count ? labels[end] : nil
        let joinsBelow = below.map { joins($0, new) } ?? false
        var joinsAbove = above.map { joins($0, new) } ?? false
        if joinsBelow, joinsAbove, below!.anonymous != 0, above!.anonymous != 0, below!.anonymous != above!.anonymous {
            joinsAbove = false
        }
        if joinsBelow { borders[start] = false }
        if joinsAbove { borders[end] = false }
        shareAnonymous(start)
    }

    /// Whether a neighbour may join a changed range.
    private func joins(_ neighbour: PageLabel, _ range: PageLabel) -> Bool {
        guard neighbour.isAlike(range) else { return false }
        switch (neighbour.anonymous, range.anonymous) {
        case (0, 0): return true
        case (0, _): return !range.isForked
        case (_, 0): return !neighbour.isForked
        case (let theirs, let ours): return theirs == ours
        }
    }

    /// All pages of the area around a page have the anon_vma that one of them has.
    private mutating func shareAnonymous(_ place: Int) {
        var start = place
        while !borders[start] { start -= 1 }
        var end = place + 1
        while !borders[end] { end += 1 }
        guard let owner = labels[start..<end].compactMap({ $0 }).first(where: { $0.anonymous != 0 }) else { return }
        for place in start..<end {
            labels[place]!.anonymous = owner.anonymous
            labels[place]!.isForked = owner.isForked
        }
    }

    /// Where the two differ, as a picture; nil where they do not.
    func difference(from other: BorderOracle) -> String? {
        if borders == other.borders, labels == other.labels { return nil }
        return "\(picture) | \(other.picture)"
    }

    /// `|aab|.|`: a letter for each label, in order of appearance.
    var picture: String {
        var seen: [PageLabel] = []
        var text = ""
        for (place, label) in labels.enumerated() {
            if borders[place] { text += "|" }
            guard let label else {
                text += "."
                continue
            }
            if !seen.contains(label) { seen.append(label) }
            text.unicodeScalars.append(Unicode.Scalar(UInt8(97 + seen.firstIndex(of: label)! % 26)))
        }
        return text + "|"
    }

    /// Whether two neighbours are apart that nothing tells apart: none are where nothing has an anon_vma.
    var isMinimal: Bool {
        !(1..<labels.count).contains { place in
            borders[place] && labels[place] != nil && labels[place] == labels[place - 1]
        }
    }
}

extension PageLabel {
    fileprivate init(_ core: MachineCore, _ area: Handle<Area>, place: UInt64) {
        let record = core.areas[area]
        let extras = core.extras(record.extras)
        self.init(
            flags: record.flags,
            extras: [
                UInt64(extras.name), UInt64(extras.policy.mode), UInt64(extras.policy.flags), extras.policy.nodes,
                UInt64(extras.userfault.index),
            ],
            kind: record.kind, file: record.file.index,
            shift: record.pageOffset &- record.start >> 12, anonymous: record.anonVMA.index,
            isForked: core.isForked(area))
    }
}

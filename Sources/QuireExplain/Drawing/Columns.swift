// The ruler of a picture: which areas of both rows are drawn, the addresses where they start and end, and how wide the
// text between two of them has to be.

import Quire

/// One row of a picture: areas in order of address, each with its box.
struct PictureRow {
    var label: String
    var boxes: [Box]
    /// Where areas that are not drawn lie, as (start, end).
    var hidden: [ClosedRange<UInt64>] = []

    struct Box {
        var area: AreaScene
        var text: BoxText
    }

    /// The box that covers an interval.
    func box(over start: UInt64) -> Int? {
        boxes.firstIndex { $0.area.start <= start && start < $0.area.end }
    }
}

/// Columns shared by the rows.
struct Columns {
    /// The narrowest interval: the digits of an address and a blank.
    static let narrowest = 13

    /// Addresses, in order.
    private(set) var edges: [UInt64] = []
    /// Characters between an edge and the next.
    private(set) var widths: [Int] = []
    /// What boxes need of the intervals from one edge on.
    private var needs: [(first: Int, end: Int, need: Int)] = []

    init(_ rows: [PictureRow], glyphs: Glyphs) {
        let all = rows.flatMap { $0.boxes.flatMap { [$0.area.start, $0.area.end] } }
        edges = Set(all).sorted()
        guard edges.count > 1 else { return }
        widths = (0..<(edges.count - 1)).map { Swift.max(Self.narrowest, hex(edges[$0]).count + 1) - 1 }
        for row in rows {
            for box in row.boxes {
                widen(from: box.area.start, to: box.area.end, need: box.text.need + 2)
            }
            for gap in Gap.all(in: row, edges) {
                widen(from: edges[gap.first], to: edges[gap.end], need: gap.text(glyphs).count + 2)
            }
        }
    }

    /// Gives a run of intervals room: its first interval grows.
    private mutating func widen(from start: UInt64, to end: UInt64, need: Int) {
        guard let first = edges.firstIndex(of: start), let last = edges.firstIndex(of: end), first < last else {
            return
        }
        needs.append((first, last, need))
        let width = span(first..<last)
        if width < need { widths[first] += need - width }
    }

    /// Runs of intervals that fit into a width; at least one interval each.
    func strips(within width: Int) -> [Range<Int>] {
        var strips: [Range<Int>] = []
        var first = 0
        while first < widths.count {
            var end = first
            // The last edge's address stands beyond it.
            var used = hex(edges[first]).count
            repeat {
                used += widths[end] + 1
                end += 1
            } while end < widths.count && used + widths[end] + 1 <= width
            while end > first + 1, cutsText(first..<end) { end -= 1 }
            strips.append(first..<end)
            first = end
        }
        return strips
    }

    /// Whether a strip that ends here leaves a box too little room for its text.
    private func cutsText(_ strip: Range<Int>) -> Bool {
        needs.contains { box in
            strip.contains(box.first) && box.end > strip.upperBound && span(box.first..<strip.upperBound) < box.need
        }
    }

    /// The characters that intervals take, with the edges between them.
    func span(_ intervals: Range<Int>) -> Int {
        intervals.isEmpty ? 0 : widths[intervals].reduce(0, +) + intervals.count - 1
    }
}

/// Intervals of a row without a box: free addresses, or areas that are not drawn.
struct Gap {
    var first: Int
    var end: Int
    /// How much is free; nil at the ends of the row.
    var bytes: UInt64?
    var hiddenAreas: Int

    func text(_ glyphs: Glyphs) -> String {
        if hiddenAreas > 0 {
            let noun = hiddenAreas == 1 ? "area" : "areas"
            return "\(glyphs.ellipsis) \(hiddenAreas) \(noun) \(glyphs.ellipsis)"
        }
        return bytes.map { "~ \(roughSize($0)) ~" } ?? ""
    }

    static func all(in row: PictureRow, _ edges: [UInt64]) -> [Gap] {
        var gaps: [Gap] = []
        var index = 0
        while index + 1 < edges.count {
            guard row.box(over: edges[index]) == nil else {
                index += 1
                continue
            }
            let first = index
            while index + 1 < edges.count, row.box(over: edges[index]) == nil { index += 1 }
            let (start, end) = (edges[first], edges[index])
            let isInside = row.boxes.contains { $0.area.end <= start } && row.boxes.contains { $0.area.start >= end }
            let hidden = row.hidden.filter { start <= $0.lowerBound && $0.upperBound <= end }.count
            gaps.append(Gap(first: first, end: index, bytes: isInside ? end - start : nil, hiddenAreas: hidden))
        }
        return gaps
    }
}

/// A size with one decimal at most: `~ 29.9 TiB ~` is enough for a gap.
func roughSize(_ bytes: UInt64) -> String {
    for (unit, shift) in [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)] as [(String, UInt64)]
    where bytes >> shift != 0 {
        let tenths = ((bytes >> (shift - 10)) * 10) >> 10
        return tenths % 10 == 0 ? "\(tenths / 10) \(unit)" : "\(tenths / 10).\(tenths % 10) \(unit)"
    }
    return "\(bytes) B"
}

// The picture of one process's change: ruler, the row before, the row after, in strips as wide as the page.

import Quire

/// Draws rows over shared columns.
struct Picture {
    /// Areas that are drawn of a longer list: so many from each end.
    static let mostAreas = 12
    private static let labelWidth = 8

    private let rows: [PictureRow]
    private let columns: Columns
    private let glyphs: Glyphs

    init(_ process: ProcessChange, _ glyphs: Glyphs) {
        self.glyphs = glyphs
        let change = process.areas
        let focus = Focus(change)
        var rows: [PictureRow] = []
        if process.before != nil {
            rows.append(Self.row("before", change.before, change.marksBefore, focus, glyphs))
        }
        if process.after != nil { rows.append(Self.row("after", change.after, change.marksAfter, focus, glyphs)) }
        if process.before == nil {
            // A process that was not there is new as a whole.
            for index in rows[0].boxes.indices {
                let area = rows[0].boxes[index].area
                rows[0].boxes[index].text = BoxText(area: area, mark: .same, glyphs: glyphs)
            }
        }
        self.rows = rows
        columns = Columns(rows, glyphs: glyphs)
    }

    private static func row(
        _ label: String, _ areas: [AreaScene], _ marks: [Mark], _ focus: Focus, _ glyphs: Glyphs
    ) -> PictureRow {
        var row = PictureRow(label: label, boxes: [])
        for (area, mark) in zip(areas, marks) {
            if focus.shows(area) {
                row.boxes.append(.init(area: area, text: BoxText(area: area, mark: mark, glyphs: glyphs)))
            } else {
                row.hidden.append(area.start...area.end)
            }
        }
        return row
    }

    /// The lines of the picture within a width.
    func lines(width: Int) -> [String] {
        var lines: [String] = []
        for strip in columns.strips(within: width - Self.labelWidth) {
            if !lines.isEmpty { lines.append("") }
            lines += draw(strip)
        }
        return lines + outside
    }

    private func draw(_ strip: Range<Int>) -> [String] {
        var canvas = Canvas()
        func column(_ edge: Int) -> Int {
            Self.labelWidth + columns.span(strip.lowerBound..<edge) + (edge > strip.lowerBound ? 1 : 0)
        }
        for edge in strip.lowerBound...strip.upperBound { canvas.put(hex(columns.edges[edge]), column(edge), 0) }
        var top = 1
        for row in rows {
            let height = self.height(row, strip)
            guard height > 0 else {
                canvas.put(row.label, 0, top)
                canvas.put("nothing", Self.labelWidth, top)
                top += 1
                continue
            }
            canvas.put(row.label, 0, top)
            for edge in strip.lowerBound...strip.upperBound {
                self.edge(edge, row, strip, column(edge), top, height, &canvas)
            }
            for interval in strip where row.box(over: columns.edges[interval]) != nil {
                for x in (column(interval) + 1)..<column(interval + 1) {
                    canvas.put(glyphs.horizontal, x, top)
                    canvas.put(glyphs.horizontal, x, top + height + 1)
                }
            }
            for box in row.boxes {
                guard let part = part(box, strip) else { continue }
                let width = columns.span(part) - 2
                for (line, text) in box.text.lines(width: width).enumerated() {
                    canvas.put(String(text.prefix(width)), column(part.lowerBound) + 2, top + 1 + line)
                }
            }
            for gap in Gap.all(in: row, columns.edges) where strip.contains(gap.first) {
                let room = columns.span(gap.first..<Swift.min(gap.end, strip.upperBound))
                let text = String(gap.text(glyphs).prefix(room))
                canvas.put(text, column(gap.first) + 1 + (room - text.count) / 2, top + 1)
            }
            top += height + 2
        }
        return canvas.lines
    }

    /// The intervals of a strip in which a box's text stands: those where the box begins, or nil elsewhere.
    private func part(_ box: PictureRow.Box, _ strip: Range<Int>) -> Range<Int>? {
        guard let first = columns.edges.firstIndex(of: box.area.start),
            let end = columns.edges.firstIndex(of: box.area.end), strip.contains(first)
        else { return nil }
        return first..<Swift.min(end, strip.upperBound)
    }

    private func height(_ row: PictureRow, _ strip: Range<Int>) -> Int {
        let inside = row.boxes.filter { box in
            box.area.start < columns.edges[strip.upperBound] && columns.edges[strip.lowerBound] < box.area.end
        }
        return inside.map { box in
            guard let part = part(box, strip) else { return 1 }
            return box.text.lines(width: columns.span(part) - 2).count
        }.max() ?? 0
    }

    /// The corner or the wall at an edge; where a box goes on beyond the strip it stays open.
    private func edge(
        _ edge: Int, _ row: PictureRow, _ strip: Range<Int>, _ column: Int, _ top: Int, _ height: Int,
        _ canvas: inout Canvas
    ) {
        let left = edge > 0 ? row.box(over: columns.edges[edge - 1]) : nil
        let right = edge < columns.widths.count ? row.box(over: columns.edges[edge]) : nil
        if left == nil, right == nil { return }
        if left == right {
            canvas.put(glyphs.horizontal, column, top)
            canvas.put(glyphs.horizontal, column, top + height + 1)
            return
        }
        let (hasLeft, hasRight) = (left != nil && edge > strip.lowerBound, right != nil && edge < strip.upperBound)
        guard hasLeft || hasRight else { return }
        canvas.put(glyphs.top(hasLeft, hasRight), column, top)
        canvas.put(glyphs.bottom(hasLeft, hasRight), column, top + height + 1)
        for line in 0..<height { canvas.put(glyphs.vertical, column, top + 1 + line) }
    }

    /// Areas that are not drawn and lie outside of the ruler.
    private var outside: [String] {
        guard let row = rows.last, let first = columns.edges.first, let last = columns.edges.last else { return [] }
        let below = row.hidden.filter { $0.upperBound <= first }.count
        let above = row.hidden.filter { $0.lowerBound >= last }.count
        let parts = [(below, "below"), (above, "above")].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
        return parts.isEmpty ? [] : ["        not drawn: \(parts.joined(separator: ", "))"]
    }
}

/// The areas that are drawn: those that changed, and their neighbours in both rows.
struct Focus {
    /// Areas farther away are no neighbours.
    private static let farthest: UInt64 = 1 << 30

    private var shown: Set<UInt64> = []

    init(_ change: SpaceChange) {
        var starts: Set<UInt64> = []
        for (areas, other) in [(change.before, change.after), (change.after, change.before)] {
            // What is in both rows as it was needs no looking at.
            let same = Set(other)
            for index in areas.indices where !same.contains(areas[index]) {
                starts.formUnion(near(index, areas))
            }
        }
        let order = starts.sorted()
        let half = Picture.mostAreas / 2
        shown = order.count <= 2 * half ? starts : Set(order.prefix(half) + order.suffix(half))
    }

    /// The starts of an area and of the one on either side.
    private func near(_ index: Int, _ areas: [AreaScene]) -> [UInt64] {
        var starts = [areas[index].start]
        if index > 0, areas[index].start - areas[index - 1].end <= Self.farthest {
            starts.append(areas[index - 1].start)
        }
        if index + 1 < areas.count, areas[index + 1].start - areas[index].end <= Self.farthest {
            starts.append(areas[index + 1].start)
        }
        return starts
    }

    func shows(_ area: AreaScene) -> Bool { shown.contains(area.start) }
}

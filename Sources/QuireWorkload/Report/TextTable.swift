// A table of text for people: columns as wide as their widest cell, numbers to the right, words to the left. Knows
// nothing of reports.

/// Lines up cells.
public struct TextTable: Sendable {
    /// How the cells of a column lie.
    public enum Alignment: Sendable { case left, right }

    /// What a cell shows for nil.
    public static let absent = "–"

    private var titles: [String]
    private var alignments: [Alignment]
    private var rows: [[String]] = []

    /// A table with these columns.
    public init(_ columns: [(title: String, alignment: Alignment)]) {
        titles = columns.map(\.title)
        alignments = columns.map(\.alignment)
    }

    /// How many rows there are.
    public var count: Int { rows.count }

    /// Adds a row; missing cells are empty, further ones are dropped.
    public mutating func add(_ cells: [String]) {
        var row = Array(cells.prefix(titles.count))
        while row.count < titles.count { row.append("") }
        rows.append(row)
    }

    /// A number as a cell; `–` for nil.
    public static func cell(_ number: UInt64?) -> String { number.map(String.init) ?? absent }

    /// The lines of the table, each with its line feed.
    public func render() -> String {
        var widths = titles.map(\.count)
        for row in rows {
            for (column, cell) in row.enumerated() { widths[column] = max(widths[column], cell.count) }
        }
        var text = line(titles, widths)
        for row in rows { text += line(row, widths) }
        return text
    }

    private func line(_ cells: [String], _ widths: [Int]) -> String {
        var text = ""
        for (column, cell) in cells.enumerated() {
            if column > 0 { text += "  " }
            let pad = String(repeating: " ", count: widths[column] - cell.count)
            text += alignments[column] == .right ? pad + cell : cell + pad
        }
        while text.last == " " { text.removeLast() }
        return text + "\n"
    }
}

// The characters of a picture: box drawing, or plain ASCII for terminals and mails that have nothing else.

/// A set of characters.
struct Glyphs: Sendable {
    var horizontal: Character, vertical: Character
    var topLeft: Character, topMiddle: Character, topRight: Character
    var bottomLeft: Character, bottomMiddle: Character, bottomRight: Character
    var full: Character, empty: Character
    var ellipsis: String, arrow: String

    static let boxes = Glyphs(
        horizontal: "─", vertical: "│", topLeft: "┌", topMiddle: "┬", topRight: "┐", bottomLeft: "└",
        bottomMiddle: "┴", bottomRight: "┘", full: "▓", empty: "░", ellipsis: "…", arrow: "→")
    static let ascii = Glyphs(
        horizontal: "-", vertical: "|", topLeft: "+", topMiddle: "+", topRight: "+", bottomLeft: "+",
        bottomMiddle: "+", bottomRight: "+", full: "#", empty: ".", ellipsis: "...", arrow: "->")

    /// The corner where a box ends to the left, a box begins to the right, or both.
    func top(_ left: Bool, _ right: Bool) -> Character {
        left ? (right ? topMiddle : topRight) : right ? topLeft : " "
    }

    func bottom(_ left: Bool, _ right: Bool) -> Character {
        left ? (right ? bottomMiddle : bottomRight) : right ? bottomLeft : " "
    }
}

/// Characters in rows, written at places.
struct Canvas {
    private var rows: [[Character]] = []

    mutating func put(_ character: Character, _ column: Int, _ row: Int) {
        guard column >= 0, row >= 0 else { return }
        while rows.count <= row { rows.append([]) }
        while rows[row].count <= column { rows[row].append(" ") }
        rows[row][column] = character
    }

    mutating func put(_ text: String, _ column: Int, _ row: Int) {
        for (offset, character) in text.enumerated() { put(character, column + offset, row) }
    }

    /// The rows without blanks at their ends.
    var lines: [String] {
        rows.map { row in
            var row = row
            while row.last == " " { row.removeLast() }
            return String(row)
        }
    }
}

// Drawings of address spaces. A letter is a page: `w` may be written, `r` read, `x` executed, `n` none of it; a
// capital letter has a page behind it; `.` is not mapped; `|` is where an area begins or ends.
//
//     |ww|rR|..|w|     an area of two pages, one of two with the second one present, a hole, an area of one page

@testable import Quire

extension TestMachine {
    /// Draws `pages` pages from `start` on: rights and presence, or the letter that `letter` gives an area.
    func picture(_ start: UInt64, pages: Int, letter: ((Area) -> Character)? = nil) -> String {
        var text = ""
        var previous = Handle<Area>.none
        for place in 0..<pages {
            let address = start + UInt64(place) * page
            let found = space.areas.find(address)
            let area = !found.isNone && core.areas[found].start <= address ? found : .none
            if place == 0 || area != previous { text += "|" }
            previous = area
            if let letter, !area.isNone { text.append(letter(core.areas[area])) } else { text += rights(area, address) }
        }
        return text + "|"
    }

    private func rights(_ area: Handle<Area>, _ address: UInt64) -> String {
        guard !area.isNone else { return "." }
        let flags = core.areas[area].flags
        let letter =
            flags.contains(.write) ? "w" : flags.contains(.execute) ? "x" : flags.contains(.read) ? "r" : "n"
        return tables.format.isPresent(entry(address)) ? letter.uppercased() : letter
    }
}

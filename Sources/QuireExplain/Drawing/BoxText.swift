// What stands in an area's box, line by line.

import Quire

/// The lines of one box.
struct BoxText {
    /// Wider words are cut.
    private static let widest = 28
    /// The least a bar is drawn with.
    private static let leastBar = 3

    let area: AreaScene
    let mark: Mark
    let glyphs: Glyphs

    /// The width that all lines need, without bars.
    var need: Int { lines(width: 0).map(\.count).max() ?? 0 }

    /// The lines; bars fill the width.
    func lines(width: Int) -> [String] {
        var lines = ["\(area.report.permissions) \(size(area.size))"]
        lines += backing
        if let letter = area.anonVMA { lines.append("anon_vma \(letter)") }
        lines += pages(width)
        lines += wrapped(flags, Swift.max(width, 14))
        if mark.isOfArea { lines.append(mark.rawValue) }
        return lines
    }

    private var backing: [String] {
        let report = area.report
        var lines: [String] = []
        if !report.path.isEmpty { lines.append(cut(report.path)) }
        if report.inode != 0 {
            if report.path.isEmpty { lines.append("file \(report.inode)") }
            lines.append(report.offset == 0 ? "from its start" : "from \(size(report.offset))")
        } else if report.path != "[vdso]", report.pageOffset << Page.shift != report.start {
            lines.append("pgoff " + hex(report.pageOffset))
        }
        return lines
    }

    private func cut(_ text: String) -> String {
        guard text.count > Self.widest else { return text }
        let end = Self.widest - glyphs.ellipsis.count
        return glyphs.ellipsis + text.suffix(end)
    }

    private func pages(_ width: Int) -> [String] {
        let total = area.size >> Page.shift
        var first = "\(area.pages) of \(total)"
        let room = width - first.count - 1
        if area.pages > 0, room >= Self.leastBar {
            // A page more shows, and one less.
            let share = Double(area.pages) / Double(total) * Double(room)
            let filled = area.pages == total ? room : Swift.min(Swift.max(Int(share.rounded()), 1), room - 1)
            first =
                String(repeating: glyphs.full, count: filled) + String(repeating: glyphs.empty, count: room - filled)
                + " " + first
        } else {
            first += total == 1 ? " page" : " pages"
        }
        var lines = [first]
        if area.sharedPages > 0 { lines.append("\(area.sharedPages) shared") }
        if area.report.lazyFree > 0 { lines.append("\(area.report.lazyFree >> 2) lazy-free") }
        return lines
    }

    /// The letters of VmFlags that the rights do not tell, and a minus for a right that mprotect could not give.
    private var flags: [String] {
        let told: AreaFlags = [.read, .write, .execute, .shared, .mayShare, .mayRead, .mayWrite, .mayExecute]
        let may: [(AreaFlags, String)] = [(.mayRead, "-mr"), (.mayWrite, "-mw"), (.mayExecute, "-me")]
        return area.report.flags.subtracting(told).letters
            + may.filter { !area.report.flags.contains($0.0) }.map(\.1)
    }

    private func wrapped(_ words: [String], _ width: Int) -> [String] {
        var lines: [String] = []
        for word in words {
            if let last = lines.last, last.count + 1 + word.count <= width {
                lines[lines.count - 1] += " " + word
            } else {
                lines.append(word)
            }
        }
        return lines
    }
}

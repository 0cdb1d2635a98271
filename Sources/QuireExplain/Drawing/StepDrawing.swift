// A step as text: the line with its outcome, the sentences, a picture and the page tables for each process that changed.

import QuireWorkload

/// How steps are drawn.
public struct StepDrawing: Sendable {
    private static let levels = ["pte", "pmd", "pud", "p4d", "pgd"]
    /// The width of the page in characters.
    public var width: Int
    private let glyphs: Glyphs

    /// A drawing for pages of a width, with box-drawing characters or in plain ASCII.
    public init(width: Int = 100, ascii: Bool = false) {
        self.width = width
        glyphs = ascii ? .ascii : .boxes
    }

    /// The text of a comment or a step, with a line feed behind each line.
    public func text(of explanation: Explanation) -> String {
        switch explanation {
        case .comment(let text): text + "\n"
        case .step(let step): text(of: step)
        }
    }

    private func text(of step: Step) -> String {
        var lines = [head(of: step)]
        for process in step.processes {
            if process.isNamed { lines.append("  process \(process.pid)") }
            lines += process.words.map { "  " + $0 }
            guard let after = process.after, process.isDrawn else { continue }
            if !process.areas.isEmpty {
                lines += Picture(process, glyphs).lines(width: width - 2).map { "  " + $0 }
            }
            lines.append("  " + tables(process.before, after))
        }
        if step.processes.isEmpty, !step.calls.isEmpty { lines.append("  No address space changed.") }
        lines.append("")
        return lines.map { line in
            var line = line
            while line.last == " " { line.removeLast() }
            return line + "\n"
        }.joined()
    }

    private func head(of step: Step) -> String {
        var text = "line \(step.line): \(step.text)"
        let outcomes = step.calls.map(\.outcomeText).filter { !$0.isEmpty }
        if !outcomes.isEmpty { text += " \(glyphs.arrow) " + outcomes.joined(separator: ", ") }
        return text
    }

    /// `tables  pgd 1, pud 1, pmd 1, pte 2 (+1); VmPTE 16 kB (+4)`
    private func tables(_ before: ProcessScene?, _ after: ProcessScene) -> String {
        func changed(_ now: Int, _ past: Int?, unit: String = "") -> String {
            guard let past, past != now else { return "\(now)\(unit)" }
            return "\(now)\(unit) (\(now > past ? "+" : "")\(now - past))"
        }
        var parts: [String] = []
        for level in after.tables.indices.reversed() {
            // The top table is the last level, whatever it is called in between.
            let name = level == after.tables.count - 1 ? "pgd" : Self.levels[Swift.min(level, Self.levels.count - 1)]
            let past = before.flatMap { level < $0.tables.count ? $0.tables[level] : nil }
            parts.append("\(name) " + changed(after.tables[level], past))
        }
        var text = "tables  " + parts.joined(separator: ", ")
        if after.emptyTables > 0 || (before?.emptyTables ?? 0) > 0 {
            text += ", of them empty " + changed(after.emptyTables, before?.emptyTables)
        }
        return text + "; VmPTE " + changed(Int(after.tableSize), before.map { Int($0.tableSize) }, unit: " kB")
    }
}

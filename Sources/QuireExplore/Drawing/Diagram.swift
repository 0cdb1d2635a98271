// A run as kernel engineers draw it: a column for each CPU, time going down.
//
//     CPU 0                       CPU 1
//     -----                       -----
//     madvise(MADV_DONTNEED)
//       lock pte
//                                 store

/// A drawing of a run in columns.
public struct Diagram: Sendable, CustomStringConvertible {
    private let steps: [DrawnStep]
    private let cpus: Int

    /// A drawing of what `cpus` CPUs did.
    public init(_ steps: [DrawnStep], cpus: Int) {
        self.steps = steps
        self.cpus = max(cpus, 1)
    }

    /// The lines, at most about `width` columns wide where what they say allows.
    public func lines(width: Int = 110) -> [String] {
        let widest = steps.filter { $0.kind != .end }.map { text(of: $0).count }.max() ?? 0
        let column = min(max(widest + 2, 24), max(24, width / cpus))
        var lines = [row((0..<cpus).map { "CPU \($0)" }, column), row((0..<cpus).map { _ in "-----" }, column)]
        for step in steps {
            if step.kind == .end {
                lines.append("")
                lines.append("=> \(step.text)")
                continue
            }
            let cpu = step.cpu % cpus
            lines.append(String(repeating: " ", count: cpu * column) + text(of: step))
        }
        return lines
    }

    private func text(of step: DrawnStep) -> String {
        switch step.kind {
        case .call, .end: step.text
        // A store that leaves its buffer.
        case .step: step.cpu >= cpus ? "  (buffer) \(step.text)" : "  \(step.text)"
        }
    }

    private func row(_ cells: [String], _ column: Int) -> String {
        let padded = cells.map { $0 + String(repeating: " ", count: max(column - $0.count, 1)) }.joined()
        return String(padded.reversed().drop { $0 == " " }.reversed())
    }

    public var description: String { lines().joined(separator: "\n") }
}

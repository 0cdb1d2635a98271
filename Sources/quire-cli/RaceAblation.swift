// `quire race --ablate-each`: what breaks without this lock? Each class of locks that the subject takes is turned off in turn;
// the table says what comes of it that does not with the lock.

import Quire
import QuireExplore
import QuireWorkload

/// Turns one class of locks off after the other.
struct RaceAblation {
    let subject: RaceSubject
    let explorer: Explorer
    let json: Bool

    private struct Row {
        var name: SyncName
        var exploration: Exploration
        var broken: [String]
        var new: [String]
    }

    func run() throws {
        let base = try explore(.none)
        let bar = ProgressBar("locks")
        var rows: [Row] = []
        let names = onTheWay(base)
        for (place, name) in names.enumerated() {
            bar.show(place, of: names.count)
            let exploration = try explore(Omissions(locks: [name]))
            let broken = exploration.outcomes.filter { subject.isBroken($0.key, $0.value) }.keys.sorted()
            let new = exploration.outcomes.keys.filter { base.outcomes[$0] == nil && !broken.contains($0) }.sorted()
            rows.append(Row(name: name, exploration: exploration, broken: broken, new: new))
        }
        bar.finish()
        json ? try printJSON(rows) : printTable(rows)
    }

    private func explore(_ omissions: Omissions) throws -> Exploration {
        try RaceCommand.saying {
            let exploration = explorer.explore(try subject.makeScene(omissions))
            if let failure = exploration.failure { throw failure }
            return exploration
        }
    }

    /// The classes that were taken in any run, and the flushes.
    private func onTheWay(_ base: Exploration) -> [SyncName] {
        var seen: Set<SyncName> = []
        for found in base.outcomes.values {
            for step in found.trace {
                switch step.event.kind {
                case .lock, .tryLock, .readLock: seen.insert(step.event.name)
                case .readSideEnter where step.event.name == .rcu: seen.insert(.rcu)
                case .flush: seen.insert(.tlb)
                default: break
                }
            }
        }
        return SyncName.allCases.filter(seen.contains)
    }

    private func consequence(_ row: Row) -> String {
        if let first = row.broken.first {
            return row.broken.count > 1 ? "\(first) (and \(row.broken.count - 1) more)" : first
        }
        if let first = row.new.first { return "new outcome: \(first)" }
        return row.exploration.isExhausted ? "nothing, in all executions" : "nothing seen, not exhausted"
    }

    private func printTable(_ rows: [Row]) {
        var table = TextTable([
            ("without", .left), ("executions", .right), ("exhausted", .left), ("what breaks", .left),
        ])
        for row in rows {
            table.add([
                row.name.label, String(row.exploration.executions), row.exploration.isExhausted ? "yes" : "no",
                consequence(row),
            ])
        }
        print(table.render(), terminator: "")
    }

    private func printJSON(_ rows: [Row]) throws {
        var writer = JSONWriter(to: DescriptorSink(descriptor: 1))
        writer.beginArray(lines: true)
        for row in rows {
            writer.beginObject()
            writer.key("without")
            writer.value(row.name.label)
            writer.key("executions")
            writer.value(UInt64(row.exploration.executions))
            writer.key("exhausted")
            writer.value(row.exploration.isExhausted)
            writer.key("broken")
            writer.beginArray()
            for text in row.broken { writer.value(text) }
            writer.endArray()
            writer.key("new")
            writer.beginArray()
            for text in row.new { writer.value(text) }
            writer.endArray()
            writer.endObject()
        }
        writer.endArray()
        try writer.flush()
        print("")
    }
}

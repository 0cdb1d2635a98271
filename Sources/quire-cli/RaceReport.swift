// What an exploration came to, for people and for programs.

import QuireExplore
import QuireWorkload

/// The report of one subject.
struct RaceReport {
    let subject: RaceSubject
    let explorer: Explorer
    let exploration: Exploration
    /// The shortest schedule of each outcome that was looked for, by outcome.
    var shortest: [String: (replay: ReplayedRun, schedule: Schedule)] = [:]

    static func name(of strategy: Strategy) -> String {
        switch strategy {
        case .exhaustive(let preemptions): preemptions.map { "exhaustive, at most \($0) preemptions" } ?? "exhaustive"
        case .dpor: "dpor"
        case .pct(let seed, let depth): "pct, depth \(depth), seed \(seed)"
        case .random(let seed): "random, seed \(seed)"
        }
    }

    /// The conditions with their verdicts.
    var verdicts: [(text: String, verdict: Verdict)] {
        subject.conditions.map { ($0.text, Verdict(exploration, isBad: $0.isBroken)) }
    }

    /// 0: all hold; 1: one is broken; 3: not all was seen.
    var status: Int32 {
        if verdicts.contains(where: { if case .found = $0.verdict { true } else { false } }) { return 1 }
        return exploration.isExhausted ? 0 : 3
    }

    static func text(_ verdict: Verdict) -> String {
        switch verdict {
        case .holds(let executions): "holds in all \(executions) executions"
        case .found(let outcome): "found: \(outcome)"
        case .notExhausted(let executions): "not broken in \(executions) executions, not exhausted in the budget"
        }
    }

    /// As in "CPU 0 ×12, CPU 1 ×3".
    static func runs(_ trace: [Step], cpus: Int) -> String {
        var runs: [(strand: Int, count: Int)] = []
        for step in trace {
            if let last = runs.last, last.strand == step.strand {
                runs[runs.count - 1].count += 1
            } else {
                runs.append((step.strand, 1))
            }
        }
        let shown = runs.prefix(12).map { run in
            "\(run.strand < cpus ? "CPU \(run.strand)" : "buffer \(run.strand - cpus)") ×\(run.count)"
        }
        return shown.joined(separator: ", ") + (runs.count > 12 ? ", …" : "")
    }

    // MARK: For people

    func printText(drawsAll: Bool) {
        let variant = subject.variant.map { " (\($0.rawValue))" } ?? ""
        print("\(subject.name)\(variant)\(subject.title.isEmpty ? "" : ": \(subject.title)")")
        let memory = explorer.hasStoreBuffers ? "x86 store buffers" : "sequentially consistent"
        print(
            "\(subject.cpus) CPUs, \(Self.name(of: explorer.strategy)), \(memory): \(exploration.executions) executions in "
                + "\(LoopColumn.decimal(exploration.seconds)) s, \(exploration.isExhausted ? "exhausted" : "not exhausted")\n"
        )
        var table = TextTable([
            ("outcome", .left), ("executions", .right), ("preemptions", .right), ("shortest interleaving", .left),
        ])
        for (text, found) in exploration.outcomes.sorted(by: { $0.key < $1.key }) {
            let trace = shortest[text]?.replay.trace ?? found.trace
            table.add([
                text, String(found.count), String(shortest[text]?.replay.preemptions ?? found.preemptions),
                Self.runs(trace, cpus: subject.cpus),
            ])
        }
        print(table.render())
        for (text, verdict) in verdicts { print("\(text): \(Self.text(verdict))") }
        for (text, found) in exploration.outcomes.sorted(by: { $0.key < $1.key }) {
            guard drawsAll || subject.isBroken(text, found), let replay = shortest[text]?.replay else { continue }
            print("\n" + Diagram(replay.drawing, cpus: subject.cpus).description)
        }
    }

    // MARK: For programs

    func write(to writer: inout JSONWriter) {
        writer.beginObject(lines: true)
        writer.key("subject")
        writer.value(subject.name)
        writer.key("title")
        writer.value(subject.title)
        writer.key("variant")
        writer.value(subject.variant?.rawValue)
        writer.key("cpus")
        writer.value(UInt64(subject.cpus))
        writer.key("bound")
        writer.value(Self.name(of: explorer.strategy))
        writer.key("store_buffers")
        writer.value(explorer.hasStoreBuffers)
        writer.key("executions")
        writer.value(UInt64(exploration.executions))
        writer.key("steps")
        writer.value(UInt64(exploration.steps))
        writer.key("seconds")
        writer.value(decimal: exploration.seconds)
        writer.key("exhausted")
        writer.value(exploration.isExhausted)
        writer.key("conditions")
        writer.beginArray(lines: true)
        for (text, verdict) in verdicts {
            writer.beginObject()
            writer.key("condition")
            writer.value(text)
            writer.key("verdict")
            switch verdict {
            case .holds: writer.value("holds")
            case .found(let outcome):
                writer.value("found")
                writer.key("outcome")
                writer.value(outcome)
            case .notExhausted: writer.value("not exhausted")
            }
            writer.endObject()
        }
        writer.endArray()
        writer.key("outcomes")
        writer.beginArray(lines: true)
        for (text, found) in exploration.outcomes.sorted(by: { $0.key < $1.key }) {
            writer.beginObject()
            writer.key("outcome")
            writer.value(text)
            writer.key("executions")
            writer.value(UInt64(found.count))
            writer.key("first")
            writer.value(UInt64(found.first))
            writer.key("broken")
            writer.value(subject.isBroken(text, found))
            writer.key("preemptions")
            writer.value(UInt64(shortest[text]?.replay.preemptions ?? found.preemptions))
            writer.key("schedule")
            writer.beginArray()
            for choice in (shortest[text]?.schedule ?? found.schedule).choices { writer.value(UInt64(choice)) }
            writer.endArray()
            if let replay = shortest[text]?.replay {
                writer.key("steps")
                writer.beginArray(lines: true)
                for step in replay.drawing {
                    writer.beginObject()
                    writer.key("cpu")
                    writer.value(UInt64(step.cpu))
                    writer.key("step")
                    writer.value(UInt64(step.number))
                    writer.key("text")
                    writer.value(step.text)
                    writer.endObject()
                }
                writer.endArray()
            }
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
    }
}

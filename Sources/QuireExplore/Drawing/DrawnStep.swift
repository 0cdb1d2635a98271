// What each CPU did in a run, in words: the steps that another CPU's could have come before or after, calls, faults and stale
// translations. Recorded while a schedule is replayed; drawn by Diagram.swift and PerfettoTrace.swift.

import Quire

/// One line of a diagram.
public struct DrawnStep: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        /// What a CPU begins to do: a call, a line of a file.
        case call
        /// Something that happens inside: an operation on a lock, an entry, a word; a fault; a stale translation.
        case step
        /// How the run ended.
        case end
    }

    /// The CPU's number; beyond the CPUs, the store buffer of one.
    public var cpu: Int
    public var text: String
    public var kind: Kind
    /// Its place among all steps of the run, shown or not.
    public var number: Int

    public init(cpu: Int, text: String, kind: Kind, number: Int) {
        self.cpu = cpu
        self.text = text
        self.kind = kind
        self.number = number
    }

    /// Whether it says the same of the same CPU.
    func repeats(_ other: DrawnStep) -> Bool { cpu == other.cpu && text == other.text && kind == other.kind }
}

/// Writes down what happens in a run.
final class DrawingRecorder {
    private struct Line {
        var step: DrawnStep
        /// The object of an operation, 0 for a note.
        var object: UInt64 = 0
        var changes = false
        var isAlwaysShown = false
        /// Words that every step touches and no race is about.
        var isNoise = false
    }

    private let describe: (SyncEvent) -> String
    private var lines: [Line] = []
    private var number = 0
    /// Operations before the present one, whose result can be read now.
    private var unfinished: (line: Int, event: SyncEvent)?

    init(_ scheduler: Scheduler, describe: @escaping (SyncEvent) -> String) {
        self.describe = describe
        scheduler.watcher = { [unowned self] step, event in happened(step, event) }
        scheduler.notes = { [unowned self] cpu, note in noted(cpu, note) }
    }

    private func happened(_ step: Step, _ event: SyncEvent) {
        finishLine()
        number += 1
        lines.append(
            Line(
                step: DrawnStep(cpu: step.strand, text: "", kind: .step, number: number), object: event.object,
                changes: event.changes, isAlwaysShown: event.kind == .flush || (event.name == .entry && event.changes),
                isNoise: event.name == .frameFlags || event.name == .counter))
        // What it reads or leaves behind is known when the next thing happens.
        unfinished = (lines.count - 1, event)
    }

    private func finishLine() {
        guard let (line, event) = unfinished else { return }
        lines[line].step.text = describe(event)
        unfinished = nil
    }

    private func noted(_ cpu: Int, _ note: SyncNote) {
        finishLine()
        number += 1
        let (text, kind): (String, DrawnStep.Kind) =
            switch note {
            case .fault(let address): ("page fault \(hexadecimal(address))", .step)
            case .staleHit(let address): ("TLB hit \(hexadecimal(address)) (stale)", .step)
            case .access(let address, let isWrite): ("\(isWrite ? "write" : "read") \(hexadecimal(address))", .step)
            case .chance(let chance): ("(\(chance.label))", .step)
            case .label(let text): (text, .call)
            }
        lines.append(
            Line(step: DrawnStep(cpu: cpu, text: text, kind: kind, number: number), isAlwaysShown: true))
    }

    /// The lines worth drawing, with the end of the run.
    func finish(_ outcome: Outcome) -> [DrawnStep] {
        finishLine()
        var cpus: [UInt64: UInt64] = [:]
        var changed: Set<UInt64> = []
        for line in lines where line.object != 0 {
            cpus[line.object, default: 0] |= 1 << UInt64(line.step.cpu & 63)
            if line.changes { changed.insert(line.object) }
        }
        var drawn = lines.filter { line in
            if line.isAlwaysShown || line.step.number == number { return true }
            return !line.isNoise && changed.contains(line.object) && cpus[line.object, default: 0].nonzeroBitCount > 1
        }.map(\.step)
        drawn = drawn.enumerated().filter { $0.offset == 0 || !$0.element.repeats(drawn[$0.offset - 1]) }.map(\.element)
        drawn.append(DrawnStep(cpu: drawn.last?.cpu ?? 0, text: outcome.text, kind: .end, number: number + 1))
        return drawn
    }
}

func hexadecimal(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }

// Which cache lines CPUs share when each does something by itself: operations on a machine in explored mode, one CPU after the
// other, with every word that `Sync` announces noted by the line it lies in. What no operation of `Sync` touches (records
// read and written under a lock) is not seen; the lock is.

public import Quire

/// A cache line that one CPU writes and another one reads or writes.
public struct SharedLine: Sendable {
    /// What lies there.
    public var place: String
    /// What is done to it: the words' names with the kinds of operations.
    public var operations: [String]
    /// Writes and reads for each time that one CPU did its work.
    public var writes: Double
    public var reads: Double
}

/// Notes every operation of `Sync` by cache line and CPU.
final class LineRecorder: ScheduleHook {
    private struct Line {
        var places: [String] = []
        var operations: [String] = []
        var writes = [Int](repeating: 0, count: 256)
        var reads = [Int](repeating: 0, count: 256)

        /// Whether a CPU writes it that is not the only one to use it.
        var isShared: Bool {
            writes.indices.contains { writer in
                writes[writer] > 0 && writes.indices.contains { $0 != writer && writes[$0] + reads[$0] > 0 }
            }
        }
    }

    private let machine: Machine
    /// False: nothing is noted.
    var isOn = false
    private var lines: [UInt64: Line] = [:]
    private var order: [UInt64] = []

    init(_ machine: Machine) {
        self.machine = machine
        super.init()
    }

    override func point(_ event: SyncEvent, on cpu: CPU) {
        guard isOn else { return }
        // Asking the machine what lies there is no operation of it.
        isOn = false
        defer { isOn = true }
        note(event.object, on: cpu, isWrite: event.kind.isWrite, "\(event.name.label) \(event.kind)")
        for word in machine.impliedWords(event, on: cpu) {
            note(word.object, on: cpu, isWrite: word.isWrite, "by \(event.name.label) \(event.kind)")
        }
    }

    private func note(_ object: UInt64, on cpu: CPU, isWrite: Bool, _ operation: String) {
        let number = object >> 6
        if lines[number] == nil { order.append(number) }
        var line = lines[number, default: Line()]
        let place = machine.place(of: object)
        if !line.places.contains(place) { line.places.append(place) }
        if !line.operations.contains(operation) { line.operations.append(operation) }
        if isWrite { line.writes[cpu.index] += 1 } else { line.reads[cpu.index] += 1 }
        lines[number] = line
    }

    /// The shared lines, those written most first; `turns` is how often all CPUs together did their work.
    func shared(turns: Int) -> [SharedLine] {
        var shared: [SharedLine] = []
        for number in order {
            guard let line = lines[number], line.isShared else { continue }
            shared.append(
                SharedLine(
                    place: line.places.joined(separator: ", "), operations: line.operations,
                    writes: Double(line.writes.reduce(0, +)) / Double(turns),
                    reads: Double(line.reads.reduce(0, +)) / Double(turns)))
        }
        return shared.enumerated().sorted { ($1.element.writes, $0.offset) < ($0.element.writes, $1.offset) }
            .map(\.element)
    }
}

extension EventKind {
    /// Whether the operation takes the line for itself.
    var isWrite: Bool {
        switch self {
        case .load, .wait, .gracePeriod, .flush: false
        default: true
        }
    }
}

extension Machine {
    /// The lines that CPUs share while each of them does `body` so often, one CPU after the other. `prepare` comes before each
    /// time and is not counted; both get the CPU's number. The machine is sequential afterwards.
    public func sharedLines(
        turns: Int, prepare: (Int) throws -> Void = { _ in }, _ body: (Int) throws -> Void
    ) rethrows -> [SharedLine] {
        let recorder = LineRecorder(self)
        explore(with: recorder)
        defer { explore(with: nil) }
        // Two turns to warm up: lists of free frames and records are filled.
        for turn in -2..<turns {
            for cpu in 0..<configuration.cpus {
                try prepare(cpu)
                recorder.isOn = turn >= 0
                try body(cpu)
                recorder.isOn = false
            }
        }
        return recorder.shared(turns: turns * configuration.cpus)
    }
}

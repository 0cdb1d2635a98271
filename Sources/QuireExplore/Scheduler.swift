// The controlled scheduler: at every operation of `Sync` it notes what the strand is about to do and lets a chooser say
// whose next step happens now. Only strands whose step can go through are offered: one that asks for a lock that is taken
// is not. Neighbours: Strand.swift (the stacks), Chooser.swift (who decides), Explorer.swift (run after run).

import Quire

/// Runs strands under a chooser's control.
final class Scheduler: ScheduleHook {
    private let board = SwitchBoard()
    private(set) var strands: [Strand] = []
    /// Who decides.
    var chooser: Chooser
    /// The steps of the run, in order.
    private(set) var trace: [Step] = []
    /// A run that takes more steps than this is taken for one that never ends.
    var longest = 200_000
    private var end = RunEnd.completed
    /// The strand that runs.
    private var current: Strand?
    /// Numbers of objects in order of appearance.
    private let keepsTrace: Bool
    private var stepCount = 0

    init(_ chooser: Chooser, keepsTrace: Bool = true) {
        self.chooser = chooser
        self.keepsTrace = keepsTrace
        super.init()
    }

    /// Runs the bodies, each on a strand of its own, to their ends.
    func run(_ bodies: [() -> Void]) -> RunEnd {
        while strands.count < bodies.count { strands.append(Strand(number: strands.count, board: board)) }
        trace.removeAll(keepingCapacity: true)
        stepCount = 0
        end = .completed
        current = nil
        chooser.begin(strands: bodies.count)
        for (number, body) in bodies.enumerated() {
            strands[number].begin(body) { [unowned self] in choose(after: strands[number]) }
        }
        if let first = choose(after: nil) { first.enter() }
        if end != .completed {
            // Whoever did not come to its end is in the middle of something.
            for strand in strands where strand.state != .finished { strand.prepare() }
        }
        return end
    }

    // MARK: Called by the machine

    override func point(_ event: SyncEvent, on cpu: CPU) {
        let strand = strands[cpu.index]
        strand.next = event
        strand.state = .ready
        pass(from: strand)
        happens(event, strand)
    }

    override func blocked(_ event: SyncEvent, on cpu: CPU) {
        let strand = strands[cpu.index]
        strand.next = event
        strand.state = .blocked
        pass(from: strand)
    }

    /// Lets the chosen strand go on; returns when that is this one (again).
    private func pass(from strand: Strand) {
        guard let chosen = choose(after: strand) else { return strand.switchHome() }
        if chosen !== strand { strand.switchTo(chosen) }
    }

    private func happens(_ event: SyncEvent, _ strand: Strand) {
        if keepsTrace {
            trace.append(
                Step(
                    strand: strand.number,
                    event: Step.Event(kind: event.kind, name: event.name, object: event.object)))
        }
        chooser.happens(event, strand: strand.number)
        guard event.changes else { return }
        for other in strands where other.state == .blocked {
            guard let waits = other.next else { continue }
            let concerns = waits.object == event.object || (waits.name == .rcu && event.name == .rcu)
            if concerns { other.state = .ready }
        }
    }

    /// Whose step is next; nil: the run is over.
    private func choose(after strand: Strand?) -> Strand? {
        var enabled: UInt64 = 0
        var alive = false
        for other in strands where other.state != .finished {
            alive = true
            if other.state == .ready, other.next?.canProceed ?? true { enabled |= 1 << UInt64(other.number) }
        }
        guard alive else { return nil }
        guard enabled != 0 else {
            end = .deadlock(
                strands.filter { $0.state != .finished }.compactMap { strand in
                    strand.next.map {
                        Step(
                            strand: strand.number,
                            event: Step.Event(kind: $0.kind, name: $0.name, object: $0.object))
                    }
                })
            return nil
        }
        stepCount += 1
        guard stepCount <= longest else {
            end = .tooLong
            return nil
        }
        let previous = strand.map { enabled & 1 << UInt64($0.number) != 0 ? $0.number : -1 } ?? -1
        let chosen = strands[chooser.choose(enabled, running: previous) { self.strands[$0].next }]
        current = chosen
        return chosen
    }
}

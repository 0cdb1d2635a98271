// The controlled scheduler: at every operation of `Sync` it notes what the strand is about to do and lets a chooser say
// whose next step happens now. Only strands whose step can go through are offered: one that asks for a lock that is taken
// is not. Neighbours: Strand.swift (the stacks), Chooser.swift (who decides), Explorer.swift (run after run).

import Quire

/// Runs strands under a chooser's control.
final class Scheduler: ScheduleHook {
    /// One bit of a set for each.
    static let mostStrands = 64
    private let board = SwitchBoard()
    private var strands: [Strand] = []
    // What is known of the strands lies here and not in them: looking at an object counts a reference, and that at every
    // step took three quarters of the time.
    /// What each strand is about to do; nil: it has not begun.
    private var next: [SyncEvent?] = []
    /// The strands that have not ended.
    private var alive: UInt64 = 0
    /// Of these, the ones that cannot go on until somebody changes an object.
    private var waiting: UInt64 = 0
    /// Who decides.
    var chooser: Chooser
    /// The steps of the run, in order.
    private(set) var trace: [Step] = []
    /// A run that takes more steps than this is taken for one that never ends.
    var longest = 200_000
    private var end = RunEnd.completed
    private let keepsTrace: Bool
    private var stepCount = 0

    init(_ chooser: Chooser, keepsTrace: Bool = true) {
        self.chooser = chooser
        self.keepsTrace = keepsTrace
        super.init()
    }

    /// Runs the bodies, each on a strand of its own, to their ends.
    func run(_ bodies: [() -> Void]) -> RunEnd {
        precondition(bodies.count <= Self.mostStrands, "at most \(Self.mostStrands) strands")
        while strands.count < bodies.count { strands.append(Strand(number: strands.count, board: board)) }
        next = Array(repeating: nil, count: bodies.count)
        trace.removeAll(keepingCapacity: true)
        stepCount = 0
        end = .completed
        alive = 0
        waiting = 0
        chooser.begin(strands: bodies.count)
        for (number, body) in bodies.enumerated() {
            alive |= Self.bit(number)
            strands[number].begin(body) { [unowned self] in
                alive &= ~Self.bit(number)
                return choose(after: -1).map { strands[$0] }
            }
        }
        if let first = choose(after: -1) { strands[first].enter() }
        // Whoever did not come to its end is in the middle of something.
        for number in bodies.indices where alive & Self.bit(number) != 0 { strands[number].prepare() }
        return end
    }

    private static func bit(_ strand: Int) -> UInt64 { 1 << UInt64(strand) }

    // MARK: Called by the machine

    override func point(_ event: SyncEvent, on cpu: CPU) {
        let strand = cpu.index
        next[strand] = event
        waiting &= ~Self.bit(strand)
        pass(from: strand)
        happens(event, strand)
    }

    override func blocked(_ event: SyncEvent, on cpu: CPU) {
        let strand = cpu.index
        next[strand] = event
        waiting |= Self.bit(strand)
        pass(from: strand)
    }

    /// Lets the chosen strand go on; returns when that is this one (again).
    private func pass(from strand: Int) {
        let chosen = choose(after: strand)
        if chosen == strand { return }
        if let chosen { strands[strand].switchTo(strands[chosen]) } else { strands[strand].switchHome() }
    }

    private func happens(_ event: SyncEvent, _ strand: Int) {
        if keepsTrace { trace.append(step(strand, event)) }
        chooser.happens(event, strand: strand)
        guard event.changes, waiting != 0 else { return }
        var rest = waiting
        while rest != 0 {
            let other = rest.trailingZeroBitCount
            rest &= rest - 1
            guard let waits = next[other] else { continue }
            let concerns = waits.object == event.object || (waits.name == .rcu && event.name == .rcu)
            if concerns { waiting &= ~Self.bit(other) }
        }
    }

    private func step(_ strand: Int, _ event: SyncEvent) -> Step {
        Step(strand: strand, event: Step.Event(kind: event.kind, name: event.name, object: event.object))
    }

    /// Whose step is next; `strand` took the last one (-1: nobody, or it has ended). nil: the run is over.
    private func choose(after strand: Int) -> Int? {
        guard alive != 0 else { return nil }
        var enabled: UInt64 = 0
        var rest = alive & ~waiting
        while rest != 0 {
            let other = rest.trailingZeroBitCount
            rest &= rest - 1
            if next[other]?.canProceed ?? true { enabled |= Self.bit(other) }
        }
        guard enabled != 0 else {
            end = .deadlock(
                next.indices.filter { alive & Self.bit($0) != 0 }.compactMap { number in
                    next[number].map { step(number, $0) }
                })
            return nil
        }
        stepCount += 1
        guard stepCount <= longest else {
            end = .tooLong
            return nil
        }
        let previous = strand >= 0 && enabled & Self.bit(strand) != 0 ? strand : -1
        return chooser.choose(enabled, running: previous) { next[$0] }
    }
}

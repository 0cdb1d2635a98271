// The controlled scheduler: at every operation of `Sync` it notes what the strand is about to do and lets a chooser say
// whose step happens now. Only strands whose step can go through are offered: one that asks for a lock that is taken
// is not. Neighbours: Strand.swift (the stacks), Chooser.swift (who decides), Explorer.swift (run after run),
// StoreBuffers.swift (stores that happen later), TrapGuard.swift (code that traps).

import Quire

/// Runs strands under a chooser's control.
final class Scheduler: ScheduleHook {
    /// One bit of a set for each strand, and one for each store buffer.
    static let mostStrands = 32
    private let board = SwitchBoard()
    private var strands: [Strand] = []
    // What is known of the strands lies here and not in them: looking at an object counts a reference, and that at every
    // step took three quarters of the time.
    /// What each strand is about to do; nil: it has not begun. Behind the strands, the oldest store of each one's buffer.
    private var next: [SyncEvent?] = []
    /// The strands that have not ended.
    private var alive: UInt64 = 0
    /// Of these, the ones that cannot go on until somebody changes an object.
    private var waiting: UInt64 = 0
    /// The strands of this run.
    private var count = 0
    /// Who decides.
    var chooser: Chooser
    /// The steps of the run, in order.
    private(set) var trace: [Step] = []
    /// A run that takes more steps than this is taken for one that never ends.
    var longest = 200_000
    /// A strand that takes so many steps in a row lets another one go on: no processor runs alone for ever.
    var mostInARow = 20_000
    private var inARow = 0
    private var lastStrand = -1
    private var end = RunEnd.completed
    private let keepsTrace: Bool
    private(set) var stepCount = 0
    private(set) var preemptions = 0
    private var buffers: StoreBuffers?
    /// Who watches each step, to draw it: the step just before it happens.
    var watcher: ((Step, SyncEvent) -> Void)?
    /// Who hears of what is no operation.
    var notes: ((Int, SyncNote) -> Void)?
    /// Whether an operation touches what is nobody's any more; the text says what.
    var inspector: ((SyncEvent) -> String?)?

    /// `hasStoreBuffers`: plain stores of a CPU wait in a buffer of its own (x86-TSO).
    init(_ chooser: Chooser, keepsTrace: Bool = true, hasStoreBuffers: Bool = false) {
        self.chooser = chooser
        self.keepsTrace = keepsTrace
        buffers = hasStoreBuffers ? StoreBuffers() : nil
        super.init()
    }

    /// Runs the bodies, each on a strand of its own, to their ends.
    func run(_ bodies: [() -> Void]) -> RunEnd {
        precondition(bodies.count <= Self.mostStrands, "at most \(Self.mostStrands) strands")
        while strands.count < bodies.count { strands.append(Strand(number: strands.count, board: board)) }
        count = bodies.count
        let actors = buffers == nil ? count : 2 * count
        next = Array(repeating: nil, count: actors)
        buffers?.begin(count)
        trace.removeAll(keepingCapacity: true)
        (stepCount, inARow, lastStrand, preemptions) = (0, 0, -1, 0)
        end = .completed
        alive = 0
        waiting = 0
        chooser.begin(strands: actors, drains: count)
        for (number, body) in bodies.enumerated() {
            alive |= Self.bit(number)
            strands[number].begin(body) { [unowned self] in
                alive &= ~Self.bit(number)
                return choose(after: -1).map { strands[$0] }
            }
        }
        TrapGuard.enter(self)
        if let first = choose(after: -1) { strands[first].enter() }
        TrapGuard.leave()
        // Whoever did not come to its end is in the middle of something.
        for number in bodies.indices where alive & Self.bit(number) != 0 {
            if let event = next[number] { chooser.pending(event, strand: number) }
            strands[number].prepare()
        }
        return end
    }

    /// Runs something on a stack that may be abandoned: what is broken, nil where it came to its end.
    func check(_ body: @escaping () -> Void) -> String? {
        if strands.count <= count { strands.append(Strand(number: strands.count, board: board)) }
        end = .completed
        lastStrand = count
        strands[count].begin(body) { nil }
        TrapGuard.enter(self)
        strands[count].enter()
        TrapGuard.leave()
        guard case .violation(let text) = end else { return nil }
        strands[count].prepare()
        return text
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

    override func happens(_ chance: Chance, on cpu: CPU) -> Bool {
        let isChosen = chooser.chooseChance()
        if isChosen {
            preemptions += 1
            notes?(cpu.index, .chance(chance))
        }
        return isChosen
    }

    override func noted(_ note: SyncNote, on cpu: CPU) { notes?(cpu.index, note) }

    override func violated(_ text: String, on cpu: CPU) -> Never { abandon(text, strand: running) }

    /// Ends the run in the middle of a strand that has come to something broken.
    func abandon(_ text: String, strand: Int) -> Never {
        end = .violation(text)
        strands[strand].switchHome()
        fatalError("an abandoned strand goes on")
    }

    /// The strand that runs now.
    var running: Int { lastStrand }

    override func keepsStore(_ store: BufferedStore, on cpu: CPU) -> Bool {
        guard buffers != nil else { return false }
        let strand = cpu.index
        let number = count + strand
        // Going into one's own buffer is nobody else's business, and no step.
        chooser.buffered(by: strand, drain: number)
        buffers!.append(store, of: strand)
        if next[number] == nil { next[number] = buffers!.oldest(of: strand) }
        return true
    }

    override func bufferedValue(_ address: UInt64, size: UInt8, on cpu: CPU) -> UInt64? {
        guard buffers != nil else { return nil }
        switch buffers!.value(address, size: size, of: cpu.index) {
        case .none: return nil
        case .value(let value): return value
        case .overlap:
            drain(cpu.index)
            return nil
        }
    }

    override func interrupted(_ other: Int, by cpu: CPU) { if buffers != nil { drain(other) } }

    private func drain(_ strand: Int) { while buffers!.hasStores(strand) { performStore(of: strand) } }

    private func performStore(of strand: Int) {
        let number = count + strand
        let event = next[number]!
        chooser.drained(number)
        happens(event, number)
        buffers!.removeOldest(of: strand).perform()
        next[number] = buffers!.oldest(of: strand)
    }

    /// Lets the chosen strand go on; returns when that is this one (again).
    private func pass(from strand: Int) {
        let chosen = choose(after: strand)
        if chosen == strand { return }
        if let chosen { strands[strand].switchTo(strands[chosen]) } else { strands[strand].switchHome() }
    }

    private func happens(_ event: SyncEvent, _ strand: Int) {
        if keepsTrace { trace.append(step(strand, event)) }
        watcher?(step(strand, event), event)
        if let inspector, let text = inspector(event) {
            end = .violation(text)
            strands[strand < count ? strand : running].switchHome()
        }
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

    // MARK: Choosing

    private func enabledStrands() -> UInt64 {
        var enabled: UInt64 = 0
        var rest = alive & ~waiting
        while rest != 0 {
            let other = rest.trailingZeroBitCount
            rest &= rest - 1
            guard let event = next[other] else {
                enabled |= Self.bit(other)
                continue
            }
            if buffers != nil, event.drainsStores, buffers!.hasStores(other) { continue }
            if event.canProceed { enabled |= Self.bit(other) }
        }
        if buffers != nil {
            for strand in 0..<count where buffers!.hasStores(strand) { enabled |= Self.bit(count + strand) }
        }
        return enabled
    }

    /// Whose step is next; `strand` took the last one (-1: nobody, or it has ended). nil: the run is over.
    private func choose(after strand: Int) -> Int? {
        while true {
            let enabled = enabledStrands()
            guard enabled != 0 else {
                if alive != 0 { end = .deadlock(waiters()) }
                return nil
            }
            stepCount += 1
            guard stepCount <= longest else {
                end = .tooLong
                return nil
            }
            let previous = strand >= 0 && enabled & Self.bit(strand) != 0 ? strand : -1
            var chosen: Int
            if previous >= 0, inARow >= mostInARow, enabled & ~Self.bit(previous) != 0 {
                // No choice: whoever is next in the round.
                let above = enabled & ~(Self.bit(previous) << 1 &- 1)
                chosen = (above != 0 ? above : enabled).trailingZeroBitCount
            } else {
                chosen = chooser.choose(enabled, running: previous) { next[$0] }
                if previous >= 0, chosen != previous, chosen < count { preemptions += 1 }
            }
            inARow = chosen == lastStrand ? inARow + 1 : 0
            if chosen < count {
                lastStrand = chosen
                return chosen
            }
            performStore(of: chosen - count)
        }
    }

    /// Who waits, and for what.
    private func waiters() -> [Step] {
        (0..<count).filter { alive & Self.bit($0) != 0 }.compactMap { number in next[number].map { step(number, $0) } }
    }
}

extension SyncEvent {
    /// Whether a processor of x86 finishes its stores before this: everything with a lock prefix, and what says so.
    var drainsStores: Bool {
        switch kind {
        case .load, .store, .wait, .wake: false
        // A spin lock is opened by a plain store, which comes through the buffer.
        case .readSideEnter, .readSideExit: name == .rcu && kind == .readSideEnter
        default: true
        }
    }
}

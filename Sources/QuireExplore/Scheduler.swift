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
    /// One for each body, and one for the outcome.
    private var strands: [Strand] = []
    private let answer = Answer()
    // What is known of the strands lies here and not in them: looking at an object counts a reference, and that at every
    // step took three quarters of the time.
    /// What each strand is about to do; nil: it has not begun. Behind the strands, the oldest store of each one's buffer.
    private let next = RawArray<SyncEvent?>()
    /// The strands that have not ended.
    private var alive: UInt64 = 0
    /// Of these, the ones that cannot go on until somebody changes an object.
    private var waiting: UInt64 = 0
    /// Of the waiting, the ones that go on only when somebody wakes them: a change alone does not.
    private var asleep: UInt64 = 0
    /// The strands of a run.
    private let count: Int
    /// Who decides.
    let chooser: Chooser
    private let chooserHears: Bool
    /// The steps of the run, in order.
    var trace: [Step] { steps.array }
    private let steps = RawArray<Step>()
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
    private var buffers = StoreBuffers()
    /// Who watches each step, to draw it: the step just before it happens.
    var watcher: ((Step, SyncEvent) -> Void)? { didSet { isObserved = watcher != nil || inspector != nil } }
    /// Who hears of what is no operation.
    var notes: ((Int, SyncNote) -> Void)?
    /// Whether an operation touches what is nobody's any more; the text says what.
    var inspector: ((SyncEvent, Int?) -> String?)? { didSet { isObserved = watcher != nil || inspector != nil } }
    private var isObserved = false

    /// Runs one scene, again and again. `hasStoreBuffers`: plain stores of a CPU wait in a buffer of its own (x86-TSO).
    init(_ chooser: Chooser, _ scene: Scene, keepsTrace: Bool = true, hasStoreBuffers: Bool = false) {
        precondition(scene.bodies.count <= Self.mostStrands, "at most \(Self.mostStrands) strands")
        self.chooser = chooser
        chooserHears = chooser.hearsSteps
        self.keepsTrace = keepsTrace
        count = scene.bodies.count
        inspector = scene.inspect
        super.init(hasStoreBuffers: hasStoreBuffers)
        isObserved = inspector != nil
        let (answer, outcome) = (answer, scene.outcome)
        let works = scene.bodies + [{ answer.text = outcome() }]
        strands = works.enumerated().map { Strand(number: $0, board: board, scheduler: self, work: $1) }
    }

    /// Runs the scene's bodies, each on a strand of its own, to their ends.
    func run() -> RunEnd {
        let actors = hasStoreBuffers ? 2 * count : count
        next.fill(nil, count: actors)
        if hasStoreBuffers { buffers.begin(count) }
        steps.removeAll()
        (stepCount, inARow, lastStrand, preemptions) = (0, 0, -1, 0)
        end = .completed
        alive = Self.bit(count) - 1
        (waiting, asleep) = (0, 0)
        chooser.begin(strands: actors, drains: count)
        TrapGuard.enter(self)
        if let first = choose(after: -1) { board.enter(first) }
        TrapGuard.leave()
        // Whoever did not come to its end is in the middle of something.
        for number in 0..<count where alive & Self.bit(number) != 0 {
            if let event = next[number] { chooser.pending(event, strand: number) }
            strands[number].prepare()
        }
        return end
    }

    /// Asks for the scene's outcome, on a stack that may be abandoned: the answer, or what is broken.
    func ask() -> (answer: String, broken: String?) {
        end = .completed
        lastStrand = count
        TrapGuard.enter(self)
        board.enter(count)
        TrapGuard.leave()
        guard case .violation(let text) = end else { return (answer.text, nil) }
        strands[count].prepare()
        return ("", text)
    }

    /// A strand is done: who goes on; nil: the run is over, or it was no strand of a run.
    func ended(_ strand: Int) -> Int? {
        guard strand < count else { return nil }
        alive &= ~Self.bit(strand)
        return choose(after: -1)
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

    override func sleeps(on event: SyncEvent, while expected: UInt32?, on cpu: CPU) {
        point(event, on: cpu)
        if let expected, event.word != expected { return }
        asleep |= Self.bit(cpu.index)
        var sleeping = event
        sleeping.kind = .wait
        blocked(sleeping, on: cpu)
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
        board.leave(strand)
        fatalError("an abandoned strand goes on")
    }

    /// The strand that runs now.
    var running: Int { lastStrand }

    override func keepsStore(_ store: BufferedStore, on cpu: CPU) -> Bool {
        guard hasStoreBuffers else { return false }
        let strand = cpu.index
        let number = count + strand
        // Going into one's own buffer is nobody else's business, and no step.
        chooser.buffered(by: strand, drain: number)
        buffers.append(store, of: strand)
        if next[number] == nil { next[number] = buffers.oldest(of: strand) }
        return true
    }

    override func bufferedValue(_ address: UInt64, size: UInt8, on cpu: CPU) -> UInt64? {
        guard hasStoreBuffers else { return nil }
        switch buffers.value(address, size: size, of: cpu.index) {
        case .none: return nil
        case .value(let value): return value
        case .overlap:
            drain(cpu.index)
            return nil
        }
    }

    override func interrupted(_ other: Int, by cpu: CPU) { if hasStoreBuffers { drain(other) } }

    private func drain(_ strand: Int) { while buffers.hasStores(strand) { performStore(of: strand) } }

    private func performStore(of strand: Int) {
        let number = count + strand
        let event = next[number]!
        chooser.drained(number)
        happens(event, number)
        buffers.removeOldest(of: strand).perform()
        next[number] = buffers.oldest(of: strand)
    }

    /// Lets the chosen strand go on; returns when that is this one (again).
    @inline(__always) private func pass(from strand: Int) {
        let chosen = choose(after: strand)
        if chosen == strand { return }
        if let chosen { board.switchFrom(strand, to: chosen) } else { board.leave(strand) }
    }

    @inline(__always) private func happens(_ event: SyncEvent, _ strand: Int) {
        if keepsTrace { steps.append(step(strand, event)) }
        if isObserved { observe(event, strand) }
        if chooserHears { chooser.happens(event, strand: strand) }
        if waiting != 0, event.changes { letGoOn(event) }
    }

    /// Lets those go on who wait for what has just happened.
    @inline(never) private func letGoOn(_ event: SyncEvent) {
        var rest = waiting
        while rest != 0 {
            let other = rest.trailingZeroBitCount
            rest &= rest - 1
            guard let waits = next[other] else { continue }
            let concerns = waits.object == event.object || (waits.name == .rcu && event.name == .rcu)
            guard concerns, event.kind == .wake || asleep & Self.bit(other) == 0 else { continue }
            waiting &= ~Self.bit(other)
            asleep &= ~Self.bit(other)
        }
    }

    @inline(never) private func observe(_ event: SyncEvent, _ strand: Int) {
        watcher?(step(strand, event), event)
        if let inspector, let text = inspector(event, strand < count ? strand : nil) {
            end = .violation(text)
            board.leave(strand < count ? strand : running)
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
            if let event = next[other], event.blockers != 0, !event.canProceed { continue }
            enabled |= Self.bit(other)
        }
        return hasStoreBuffers ? regardingBuffers(enabled) : enabled
    }

    /// Without the strands that must empty their store buffers first, and with the buffers that could.
    private func regardingBuffers(_ strands: UInt64) -> UInt64 {
        var enabled = strands
        for strand in 0..<count where buffers.hasStores(strand) {
            if let event = next[strand], event.drainsStores { enabled &= ~Self.bit(strand) }
            enabled |= Self.bit(count + strand)
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
                preemptions += previous >= 0 && chosen != previous && chosen < count ? 1 : 0
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

/// What a scene's outcome was.
private final class Answer { var text = "" }

// Dynamic partial-order reduction: of the schedules that differ only in the order of steps that commute, about one is
// run. While a run goes, each step is held against the earlier steps that it races with (dependent, not ordered by what
// came between); in a later run, what must come first to turn the two around is tried before the earlier one. Sleep sets
// keep a strand from being tried again where nothing that it depends on has happened since. The sets of strands tried are source
// sets: with the simpler rule of trying the later step's own strand, a sleeping one would hide outcomes.
// Flanagan and Godefroid, POPL 2005; Abdulla, Aronis, Jonsson and Sagonas, POPL 2014.

import Quire

/// How far each strand had come, as seen by one of them.
private struct VectorClock {
    var counts: InlineArray<8, Int32> = InlineArray(repeating: 0)

    mutating func join(_ other: VectorClock) {
        for strand in 0..<8 where other.counts[strand] > counts[strand] { counts[strand] = other.counts[strand] }
    }
}

/// A step of the present run.
private struct Taken {
    var strand: Int
    var event: SyncEvent
    /// Its number among its strand's steps.
    var number: Int32
    var clock: VectorClock
    /// Its place in the stack of nodes.
    var depth: Int
}

/// A state on the way, with what was and what is to be tried from it.
private struct Node {
    var enabled: UInt64
    var chosen: Int
    var backtrack: UInt64
    var done: UInt64 = 0
    var sleep: UInt64
    /// Something happens or not, instead of a strand's step.
    var isChance = false
    var next: InlineArray<8, SyncEvent?> = InlineArray(repeating: nil)
}

/// DPOR's decisions, for at most eight strands.
final class DPORChooser: Chooser {
    static let mostStrands = 8
    private var nodes: [Node] = []
    private var taken: [Taken] = []
    private var clocks: [VectorClock] = []
    private var depth = 0
    private var strands = 0
    /// The steps that concern each object, in order.
    private var history: [UInt64: [Int]] = [:]
    private let choices = RawArray<UInt8>()
    /// How far the strand had come when it put each waiting store into its buffer, oldest first; by the buffer's number.
    private var whenBuffered: [[VectorClock]] = []
    /// Steps, by their places in `taken`, that do not need an earlier one.
    private var independent: [Int] = []
    /// Everything that could go on is asleep: the rest of the run is another's, told already.
    private var isAsleep = false
    override var isRedundant: Bool { isAsleep }

    override func begin(strands: Int, drains: Int) {
        precondition(strands <= Self.mostStrands, "DPOR takes at most \(Self.mostStrands) strands")
        self.strands = strands
        depth = 0
        isAsleep = false
        taken.removeAll(keepingCapacity: true)
        history.removeAll(keepingCapacity: true)
        choices.removeAll()
        clocks = Array(repeating: VectorClock(), count: strands)
        whenBuffered = Array(repeating: [], count: strands)
    }

    override func buffered(by strand: Int, drain: Int) { whenBuffered[drain].append(clocks[strand]) }

    override func drained(_ drain: Int) { clocks[drain].join(whenBuffered[drain].removeFirst()) }

    override func choose(_ enabled: UInt64, running: Int, next: (Int) -> SyncEvent?) -> Int {
        let chosen = pick(enabled, running, next)
        if enabled & (enabled - 1) != 0 { choices.append(UInt8(chosen)) }
        return chosen
    }

    private func pick(_ enabled: UInt64, _ running: Int, _ next: (Int) -> SyncEvent?) -> Int {
        if isAsleep { return running >= 0 ? running : enabled.trailingZeroBitCount }
        defer { depth += 1 }
        if depth < nodes.count {
            precondition(nodes[depth].enabled == enabled, "a run does not repeat itself")
            return nodes[depth].chosen
        }
        var node = Node(enabled: enabled, chosen: 0, backtrack: 0, sleep: 0)
        for strand in 0..<strands { node.next[strand] = next(strand) }
        node.sleep = depth > 0 ? inheritedSleep(nodes[depth - 1]) & enabled : 0
        let awake = enabled & ~node.sleep
        guard awake != 0 else {
            isAsleep = true
            return running >= 0 ? running : enabled.trailingZeroBitCount
        }
        let chosen = running >= 0 && awake & 1 << UInt64(running) != 0 ? running : awake.trailingZeroBitCount
        node.chosen = chosen
        node.backtrack = 1 << UInt64(chosen)
        nodes.append(node)
        return chosen
    }

    override func chooseChance() -> Bool {
        guard !isAsleep else { return false }
        defer { depth += 1 }
        if depth == nodes.count {
            var node = Node(enabled: 0b11, chosen: 0, backtrack: 0b11, sleep: 0)
            node.isChance = true
            node.sleep = depth > 0 ? inheritedSleep(nodes[depth - 1]) : 0
            nodes.append(node)
        }
        choices.append(UInt8(nodes[depth].chosen))
        return nodes[depth].chosen == 1
    }

    /// Who slept or was tried before, and does not depend on what was chosen.
    private func inheritedSleep(_ node: Node) -> UInt64 {
        if node.isChance { return node.sleep }
        guard let event = node.next[node.chosen] else { return 0 }
        var rest = (node.sleep | node.done) & ~(1 << UInt64(node.chosen))
        var sleep: UInt64 = 0
        while rest != 0 {
            let strand = rest.trailingZeroBitCount
            rest &= rest - 1
            if let other = node.next[strand], !event.depends(on: other) { sleep |= 1 << UInt64(strand) }
        }
        return sleep
    }

    override var hearsSteps: Bool { true }

    override func happens(_ event: SyncEvent, strand: Int) {
        guard !isAsleep else { return }
        let clock = turnAround(event, strand)
        clocks[strand] = clock
        history[Self.key(event), default: []].append(taken.count)
        taken.append(
            Taken(strand: strand, event: event, number: clock.counts[strand], clock: clock, depth: depth - 1))
    }

    /// A run ended before this step of a strand could happen: what it races with is turned around all the same.
    override func pending(_ event: SyncEvent, strand: Int) {
        if !isRedundant { _ = turnAround(event, strand) }
    }

    private static func key(_ event: SyncEvent) -> UInt64 { event.name == .rcu ? 1 : event.object }

    /// Has each earlier step that races with a strand's step tried after it; the clock of the step.
    private func turnAround(_ event: SyncEvent, _ strand: Int) -> VectorClock {
        let before = clocks[strand]
        var clock = before
        let earlier = history[Self.key(event), default: []]
        for place in earlier where event.depends(on: taken[place].event) { clock.join(taken[place].clock) }
        clock.counts[strand] += 1
        for place in earlier.reversed() {
            let step = taken[place]
            guard step.strand != strand, step.number > before.counts[step.strand], event.depends(on: step.event),
                event.mayBeCoenabled(with: step.event)
            else { continue }
            tryFirst(firstOf(after: place, strand, clock), before: step.depth)
        }
        return clock
    }

    /// The strands that could begin the steps which do not need the one at `place`, up to the present step of `strand`.
    private func firstOf(after place: Int, _ strand: Int, _ clock: VectorClock) -> UInt64 {
        let (cause, number) = (taken[place].strand, taken[place].number)
        var seen: UInt64 = 0
        var first: UInt64 = 0
        independent.removeAll(keepingCapacity: true)
        for later in (place + 1)..<max(taken.count, place + 1) where taken[later].clock.counts[cause] < number {
            let bit: UInt64 = 1 << UInt64(taken[later].strand)
            if seen & bit == 0 {
                seen |= bit
                if !isOrdered(taken[later].clock, taken[later].strand) { first |= bit }
            }
            independent.append(later)
        }
        let bit: UInt64 = 1 << UInt64(strand)
        if seen & bit == 0, !isOrdered(clock, strand) { first |= bit }
        return first
    }

    /// Whether a step with this clock comes after one of the independent ones of another strand.
    private func isOrdered(_ clock: VectorClock, _ strand: Int) -> Bool {
        independent.contains { place in
            let step = taken[place]
            return step.strand != strand && clock.counts[step.strand] >= step.number
        }
    }

    /// Has one of the strands tried in the state before an earlier step, unless one is already; all that could go on there if
    /// none of them could.
    private func tryFirst(_ strands: UInt64, before depth: Int) {
        let able = strands & nodes[depth].enabled
        if able == 0 {
            nodes[depth].backtrack |= nodes[depth].enabled
        } else if nodes[depth].backtrack & able == 0 {
            let awake = able & ~nodes[depth].sleep
            nodes[depth].backtrack |= 1 << UInt64((awake != 0 ? awake : able).trailingZeroBitCount)
        }
    }

    override func advance() -> Bool {
        if nodes.count > depth { nodes.removeLast(nodes.count - depth) }
        while !nodes.isEmpty {
            let last = nodes.count - 1
            nodes[last].done |= 1 << UInt64(nodes[last].chosen)
            let asleep = nodes[last].isChance ? 0 : nodes[last].sleep
            let rest = nodes[last].backtrack & ~nodes[last].done & ~asleep
            if rest != 0 {
                nodes[last].chosen = rest.trailingZeroBitCount
                return true
            }
            nodes.removeLast()
        }
        exhausted()
        return false
    }

    override var schedule: Schedule { Schedule(choices: choices.array) }
}

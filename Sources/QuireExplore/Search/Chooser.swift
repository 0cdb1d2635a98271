// Who decides whose step is next. A chooser sees the strands that could go on as a set of bits and the one that ran last,
// and is told of every step that happens. Between runs it prepares the next one, until it has seen what it wanted.

import Quire

/// A search's decisions. Subclasses: exhaustive, DPOR, PCT, random, replay.
class Chooser {
    /// Whether the search has ended inside its bound.
    private(set) var isExhausted = false

    /// A run begins.
    func begin(strands: Int) {}

    /// The strand whose step is next, one of `enabled`; `running` is the one that ran last if it could go on, else -1.
    /// `next` tells what a strand is about to do (nil: it has not begun).
    func choose(_ enabled: UInt64, running: Int, next: (Int) -> SyncEvent?) -> Int { enabled.trailingZeroBitCount }

    /// A step happened.
    func happens(_ event: SyncEvent, strand: Int) {}

    /// Prepares the next run; false: there is none.
    func advance() -> Bool { false }

    /// The choices of the run that ended.
    var schedule: Schedule { Schedule() }

    func exhausted() { isExhausted = true }
}

/// One place in a schedule where there was a choice.
struct ChoicePoint {
    /// The strands that could go on.
    let enabled: UInt64
    /// The one that ran last if it could go on, else -1: choosing another one is a preemption.
    let running: Int
    var chosen: Int
    /// Those tried, the chosen one among them.
    var tried: UInt64
    /// Preemptions before this point.
    let preemptions: Int

    /// Preemptions with a choice here.
    func preemptions(choosing strand: Int) -> Int { preemptions + (running >= 0 && strand != running ? 1 : 0) }
}

/// Every schedule with at most so many preemptions, depth first.
final class ExhaustiveChooser: Chooser {
    private let mostPreemptions: Int
    private var path: [ChoicePoint] = []
    private var depth = 0

    init(preemptions: Int = .max) { mostPreemptions = preemptions }

    override func begin(strands: Int) { depth = 0 }

    override func choose(_ enabled: UInt64, running: Int, next: (Int) -> SyncEvent?) -> Int {
        if enabled & (enabled - 1) == 0 { return enabled.trailingZeroBitCount }
        defer { depth += 1 }
        if depth < path.count {
            precondition(path[depth].enabled == enabled, "a run does not repeat itself")
            return path[depth].chosen
        }
        let chosen = running >= 0 ? running : enabled.trailingZeroBitCount
        let before = path.last.map { $0.preemptions(choosing: $0.chosen) } ?? 0
        path.append(
            ChoicePoint(
                enabled: enabled, running: running, chosen: chosen, tried: 1 << UInt64(chosen), preemptions: before))
        return chosen
    }

    override func advance() -> Bool {
        path.removeLast(path.count - min(path.count, depth))
        while let last = path.last {
            var rest = last.enabled & ~last.tried
            while rest != 0 {
                let other = rest.trailingZeroBitCount
                rest &= rest - 1
                if last.preemptions(choosing: other) <= mostPreemptions {
                    path[path.count - 1].chosen = other
                    path[path.count - 1].tried |= 1 << UInt64(other)
                    return true
                }
            }
            path.removeLast()
        }
        exhausted()
        return false
    }

    override var schedule: Schedule { Schedule(choices: path.prefix(depth).map { UInt8($0.chosen) }) }
}

/// A fair choice at each step.
final class RandomChooser: Chooser {
    private var random: SplitMix
    private var choices: [UInt8] = []

    init(seed: UInt64) { random = SplitMix(state: seed) }

    override func begin(strands: Int) { choices.removeAll(keepingCapacity: true) }

    override func choose(_ enabled: UInt64, running: Int, next: (Int) -> SyncEvent?) -> Int {
        let count = enabled.nonzeroBitCount
        if count == 1 { return enabled.trailingZeroBitCount }
        var rest = enabled
        for _ in 0..<random.below(count) { rest &= rest - 1 }
        let chosen = rest.trailingZeroBitCount
        choices.append(UInt8(chosen))
        return chosen
    }

    override func advance() -> Bool { true }
    override var schedule: Schedule { Schedule(choices: choices) }
}

/// Probabilistic concurrency testing: every strand has a random priority, the highest that can go on does, and at d − 1
/// random steps the running one falls below all. Finds a bug that takes d orderings with probability at least
/// 1/(n·k^(d−1)) in n strands and k steps. Burckhardt and others, ASPLOS 2010.
final class PCTChooser: Chooser {
    private var random: SplitMix
    private let depth: Int
    private var priorities: [Int] = []
    private var changes: [Int] = []
    private var steps = 0
    private var longest = 64
    private var lowest = 0
    private var choices: [UInt8] = []

    init(seed: UInt64, depth: Int = 3) {
        random = SplitMix(state: seed)
        self.depth = depth
    }

    override func begin(strands: Int) {
        longest = max(longest, steps)
        steps = 0
        lowest = 0
        choices.removeAll(keepingCapacity: true)
        priorities = (1...max(strands, 1)).map { $0 }
        for place in stride(from: priorities.count - 1, to: 0, by: -1) {
            priorities.swapAt(place, random.below(place + 1))
        }
        changes = (1..<max(depth, 1)).map { _ in random.below(longest) }
    }

    override func choose(_ enabled: UInt64, running: Int, next: (Int) -> SyncEvent?) -> Int {
        steps += 1
        var chosen = highest(enabled)
        if changes.contains(steps) {
            lowest -= 1
            priorities[chosen] = lowest
            chosen = highest(enabled)
        }
        if enabled & (enabled - 1) != 0 { choices.append(UInt8(chosen)) }
        return chosen
    }

    private func highest(_ enabled: UInt64) -> Int {
        var best = enabled.trailingZeroBitCount
        var rest = enabled
        while rest != 0 {
            let strand = rest.trailingZeroBitCount
            rest &= rest - 1
            if priorities[strand] > priorities[best] { best = strand }
        }
        return best
    }

    override func advance() -> Bool { true }
    override var schedule: Schedule { Schedule(choices: choices) }
}

/// The choices of a saved schedule, and the running strand where it says nothing.
final class ReplayChooser: Chooser {
    private let wanted: Schedule
    private var place = 0
    private var choices: [UInt8] = []
    /// Whether the run could not follow the schedule: it is of other code.
    private(set) var hasStrayed = false

    init(_ schedule: Schedule) { wanted = schedule }

    override func begin(strands: Int) {
        place = 0
        choices = []
        hasStrayed = false
    }

    override func choose(_ enabled: UInt64, running: Int, next: (Int) -> SyncEvent?) -> Int {
        if enabled & (enabled - 1) == 0 { return enabled.trailingZeroBitCount }
        var chosen = running >= 0 ? running : enabled.trailingZeroBitCount
        if place < wanted.choices.count {
            let told = Int(wanted.choices[place])
            place += 1
            if enabled & 1 << UInt64(told) != 0 { chosen = told } else { hasStrayed = true }
        }
        choices.append(UInt8(chosen))
        return chosen
    }

    override var schedule: Schedule { Schedule(choices: choices) }
}

/// Random numbers that a seed determines (SplitMix64).
struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }

    mutating func below(_ limit: Int) -> Int { limit <= 1 ? 0 : Int(next() % UInt64(limit)) }
}

// Who decides whose step is next. A chooser sees the strands that could go on as a set of bits and the one that ran last,
// and is told of every step that happens. Between runs it prepares the next one, until it has seen what it wanted.

import Quire

/// A search's decisions. Subclasses: exhaustive, DPOR, PCT, random, replay.
class Chooser {
    /// Whether the search has ended inside its bound.
    private(set) var isExhausted = false

    /// Everything that could go on is asleep: the rest of the run is another's, told already.
    var isRedundant: Bool { false }

    /// Strands from this number on are store buffers.
    private(set) var drains = Int.max

    /// A run begins.
    func begin(strands: Int, drains: Int) { self.drains = drains }

    /// The strand whose step is next, one of `enabled`; `running` is the one that ran last if it could go on, else -1.
    /// `next` tells what a strand is about to do (nil: it has not begun).
    func choose(_ enabled: UInt64, running: Int, next: (Int) -> SyncEvent?) -> Int { enabled.trailingZeroBitCount }

    /// Whether something happens that may happen or not.
    func chooseChance() -> Bool { choose(0b11, running: 0) { _ in nil } == 1 }

    /// Whether `happens` is to be called.
    var hearsSteps: Bool { false }

    /// A step happened.
    func happens(_ event: SyncEvent, strand: Int) {}

    /// The run has ended before a strand's step could happen.
    func pending(_ event: SyncEvent, strand: Int) {}

    /// A strand puts a store into its buffer, which `drain` stands for.
    func buffered(by strand: Int, drain: Int) {}

    /// The oldest store of a buffer is about to happen.
    func drained(_ drain: Int) {}

    /// Prepares the next run; false: there is none.
    func advance() -> Bool { false }

    /// The choices of the run that ended.
    var schedule: Schedule { Schedule() }

    func exhausted() { isExhausted = true }
}

/// A fair choice at each step.
final class RandomChooser: Chooser {
    private var random: SplitMix
    /// Random bits below the highest one.
    private var coins: UInt64 = 0
    private let choices = RawArray<UInt8>()

    init(seed: UInt64) { random = SplitMix(state: seed) }

    override func begin(strands: Int, drains: Int) {
        super.begin(strands: strands, drains: drains)
        choices.removeAll()
    }

    override func choose(_ enabled: UInt64, running: Int, next: (Int) -> SyncEvent?) -> Int {
        if enabled & (enabled - 1) == 0 { return enabled.trailingZeroBitCount }
        var rest = enabled
        if drains < 64 {
            // A store stays in its buffer for a while: most steps are the CPUs'.
            let strands = enabled & (1 << UInt64(drains) - 1)
            if strands != 0, random.below(8) != 0 { rest = strands }
        }
        if rest.nonzeroBitCount == 2 {
            // Without a branch, which nobody could predict.
            rest &= rest &- coin()
        } else {
            for _ in 0..<random.below(rest.nonzeroBitCount) { rest &= rest - 1 }
        }
        let chosen = rest.trailingZeroBitCount
        choices.append(UInt8(chosen))
        return chosen
    }

    /// 0 or 1. A random number gives 63 of them.
    @inline(__always) private func coin() -> UInt64 {
        if coins <= 1 { coins = random.next() | 1 << 63 }
        defer { coins >>= 1 }
        return coins & 1
    }

    override func advance() -> Bool { true }
    override var schedule: Schedule { Schedule(choices: choices.array) }
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
    private let choices = RawArray<UInt8>()

    init(seed: UInt64, depth: Int = 3) {
        random = SplitMix(state: seed)
        self.depth = depth
    }

    override func begin(strands: Int, drains: Int) {
        super.begin(strands: strands, drains: drains)
        longest = max(longest, steps)
        steps = 0
        lowest = 0
        choices.removeAll()
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
    override var schedule: Schedule { Schedule(choices: choices.array) }
}

/// The choices of a saved schedule, and the running strand where it says nothing.
final class ReplayChooser: Chooser {
    private let wanted: Schedule
    private var place = 0
    private let choices = RawArray<UInt8>()
    /// Whether the run could not follow the schedule: it is of other code.
    private(set) var hasStrayed = false

    init(_ schedule: Schedule) { wanted = schedule }

    override func begin(strands: Int, drains: Int) {
        super.begin(strands: strands, drains: drains)
        place = 0
        choices.removeAll()
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

    override var schedule: Schedule { Schedule(choices: choices.array) }
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

    mutating func below(_ limit: Int) -> Int {
        limit <= 1 ? 0 : Int(next() % UInt64(limit))
    }
}

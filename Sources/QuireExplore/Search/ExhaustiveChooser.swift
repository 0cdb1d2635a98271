// Every schedule with at most so many preemptions, depth first. A preemption is a switch away from a strand that could have
// gone on; that a store leaves its buffer is none. Most bugs take two. Musuvathi and Qadeer, PLDI 2007.

import Quire

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
    /// Whether this choice is given and not to be changed.
    let isFixed: Bool

    /// Preemptions with a choice here; strands from `drains` on are store buffers.
    func preemptions(choosing strand: Int, drains: Int) -> Int {
        preemptions + (running >= 0 && strand != running && strand < drains ? 1 : 0)
    }
}

/// Every schedule with at most so many preemptions, depth first.
final class ExhaustiveChooser: Chooser {
    private let mostPreemptions: Int
    private let prefix: [UInt8]
    private let mostDepth: Int
    private var path: [ChoicePoint] = []
    private var depth = 0

    /// Schedules that begin with `prefix`; choices beyond `depth` are not varied.
    init(preemptions: Int = .max, prefix: [UInt8] = [], depth: Int = .max) {
        mostPreemptions = preemptions
        self.prefix = prefix
        mostDepth = depth
    }

    override func begin(strands: Int, drains: Int) {
        super.begin(strands: strands, drains: drains)
        depth = 0
    }

    override func choose(_ enabled: UInt64, running: Int, next: (Int) -> SyncEvent?) -> Int {
        if enabled & (enabled - 1) == 0 { return enabled.trailingZeroBitCount }
        defer { depth += 1 }
        if depth < path.count {
            precondition(path[depth].enabled == enabled, "a run does not repeat itself")
            return path[depth].chosen
        }
        let isFixed = depth < prefix.count || depth >= mostDepth
        let usual = running >= 0 ? running : enabled.trailingZeroBitCount
        let chosen = depth < prefix.count ? Int(prefix[depth]) : usual
        let before = path.last.map { $0.preemptions(choosing: $0.chosen, drains: drains) } ?? 0
        path.append(
            ChoicePoint(
                enabled: enabled, running: running, chosen: chosen, tried: 1 << UInt64(chosen), preemptions: before,
                isFixed: isFixed))
        return chosen
    }

    override func advance() -> Bool {
        path.removeLast(path.count - min(path.count, depth))
        while let last = path.last {
            var rest = last.isFixed ? 0 : last.enabled & ~last.tried
            while rest != 0 {
                let other = rest.trailingZeroBitCount
                rest &= rest - 1
                if last.preemptions(choosing: other, drains: drains) <= mostPreemptions {
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

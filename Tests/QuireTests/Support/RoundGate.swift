// Rounds of several threads that begin together, and how often what two of them did in a round overlapped. Without any order
// between them but relaxed atomics: what orders the threads is the core alone, and the thread sanitizer sees what it does not.

import Foundation
import Synchronization

/// Where the threads of a test meet before each round.
final class RoundGate: Sendable {
    private let arrived = Atomic(0)
    private let changes: Atomic<Int>
    private let overlaps = Atomic(0)
    private let threads: Int
    /// The least of rounds that overlap, before `isEnough`.
    private let wanted: Int
    /// Rounds after which it is enough anyway: these machines' second core comes and goes.
    private let most: Int

    init(threads: Int, overlaps wanted: Int) {
        self.threads = threads
        self.wanted = wanted
        most = wanted * 100
        changes = Atomic(0)
    }

    /// Rounds in which something overlapped.
    var overlapping: Int { overlaps.load(ordering: .relaxed) }

    /// Waits for the others to come to the same round; false: there are to be no more.
    func pass(_ round: Int, _ random: inout SeededRandom) -> Bool {
        let goal = (round + 1) * threads
        // Decided by whoever comes last, for all.
        if arrived.wrappingAdd(1, ordering: .relaxed).newValue == goal, round >= most || overlapping >= wanted {
            arrived.store(.min, ordering: .relaxed)
        }
        var turn = 0
        while true {
            let now = arrived.load(ordering: .relaxed)
            if now < 0 { return false }
            if now >= goal { break }
            turn += 1
            if turn & 63 == 0 { sched_yield() }
        }
        // Not always in step.
        for _ in 0..<random.below(200) { _ = arrived.load(ordering: .relaxed) }
        return true
    }

    /// Does the one side of a round.
    func victim(_ body: () -> Void) {
        changes.wrappingAdd(1, ordering: .relaxed)
        body()
        changes.wrappingAdd(1, ordering: .relaxed)
    }

    /// Does the other side, and notes whether the first was under way meanwhile.
    func against(_ body: () -> Void) {
        let before = changes.load(ordering: .relaxed)
        body()
        let after = changes.load(ordering: .relaxed)
        if before & 1 == 1 || after != before { overlaps.wrappingAdd(1, ordering: .relaxed) }
    }
}

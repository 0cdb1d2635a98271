// Two operations on two CPUs, one of them at a time, with two switches at chosen points: CPU 0 runs up to a point, then CPU 1 up
// to a point, then each to its end. Whoever must wait for the other (a lock, an access section that a flush waits for)
// lets it run. Trying all pairs of points is a small, complete search of "one operation is cut in two by a part of another".

import Foundation
import Testing

@testable import Quire

/// A schedule hook that hands control to and fro between two threads.
final class TwoSwitches: ScheduleHook, @unchecked Sendable {
    /// How many counted points each CPU passes before it hands over.
    private var remaining: [Int]
    private let turns = [DispatchSemaphore(value: 0), DispatchSemaphore(value: 0)]
    private let isCounted: (SyncEvent, Int) -> Bool
    private var other: (@Sendable () -> Void)?
    private var hasStarted = false
    private var hasEnded = [false, false]
    /// Whether each CPU came to its point.
    private(set) var hasSwitched = [false, false]

    /// `isCounted` sees every point of either CPU until that one has switched, in order.
    init(after points: [Int], _ isCounted: @escaping (SyncEvent, Int) -> Bool) {
        remaining = points
        self.isCounted = isCounted
    }

    /// Runs one operation here, as CPU 0, and the other on a thread of its own, as CPU 1, if CPU 0 comes to its point.
    func run(_ body: () -> Void, beside other: @escaping @Sendable () -> Void) {
        self.other = other
        body()
        hasEnded[0] = true
        if hasStarted, !hasEnded[1] { hand(to: 1) }
    }

    override func point(_ event: SyncEvent, on cpu: CPU) {
        let index = cpu.index
        guard !hasSwitched[index], isCounted(event, index) else { return }
        remaining[index] -= 1
        guard remaining[index] < 0 else { return }
        hasSwitched[index] = true
        if !hasEnded[1 - index] { hand(to: 1 - index) }
    }

    override func blocked(_ event: SyncEvent, on cpu: CPU) {
        precondition(hasStarted, "CPU \(cpu.index) waits for \(event.name.label) alone")
        precondition(!hasEnded[1 - cpu.index], "CPU \(cpu.index) waits for \(event.name.label), which nobody gives up")
        hand(to: 1 - cpu.index)
    }

    private func hand(to index: Int) {
        if index == 1, !hasStarted {
            hasStarted = true
            Thread.detachNewThread {
                self.other?()
                self.hasEnded[1] = true
                self.turns[0].signal()
            }
        } else {
            turns[index].signal()
        }
        turns[1 - index].wait()
    }
}

// A pin without a lock at every point of something else.

@testable import Quire

/// One page pinned the fast way on CPU 1.
final class FastPin {
    private let flags: FollowFlags
    /// What is pinned; nil where the fast way did not get it.
    private(set) var frame: FrameNumber?

    init(_ flags: FollowFlags) { self.flags = flags }

    func take(_ test: TestMachine, _ address: UInt64) -> Bool {
        let cpu = test.machine.cpu(1)
        var seen: FrameNumber?
        let got = test.space.followFast(cpu, address, count: 1, flags) { _, frame in
            seen = frame
        } undo: {
            if let seen { test.memory.ungrab(cpu, seen, self.flags) }
            seen = nil
        }
        frame = got == 1 ? seen : nil
        return got == 1
    }

    func giveBack(_ test: TestMachine) {
        if let frame { test.memory.ungrab(test.machine.cpu(1), frame, flags) }
        frame = nil
    }
}

extension TestMachine {
    /// Runs `victim` on CPU 0 once for every point at which CPU 1 can pin the page at the address that `prepare` returns.
    /// `check` is told what was pinned. Returns how often it was.
    static func pinnedAtEveryPoint(
        _ flags: FollowFlags, sizes: [Int] = [], prepare: (TestMachine) throws -> UInt64,
        victim: (TestMachine, UInt64) -> Void, check: (TestMachine, UInt64, FrameNumber) -> Void
    ) throws -> Int {
        let pin = FastPin(flags.union(.pin))
        return try onceAtEveryPoint(
            sizes: sizes, prepare: prepare, victim: victim, act: { pin.take($0, $1) },
            check: { test, address in
                if let frame = pin.frame { check(test, address, frame) }
                pin.giveBack(test)
            })
    }
}

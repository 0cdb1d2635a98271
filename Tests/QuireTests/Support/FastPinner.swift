// A pin without a lock at the n-th schedule point of CPU 0, whatever CPU 0 holds then: the fast way needs nothing and waits
// for nobody, so it may come anywhere.

import Testing

@testable import Quire

/// A schedule hook that pins one page once, the fast way.
final class FastPinner: ScheduleHook {
    private var remaining: Int
    private let space: AddressSpace
    private let cpu: CPU
    private let address: UInt64
    private let flags: FollowFlags
    private var isInside = false
    private var isAccessing = false
    private(set) var hasActed = false
    /// What it has pinned.
    private(set) var frame: FrameNumber?

    init(after points: Int, _ space: AddressSpace, _ cpu: CPU, _ address: UInt64, _ flags: FollowFlags) {
        remaining = points
        self.space = space
        self.cpu = cpu
        self.address = address
        self.flags = flags
    }

    override func point(_ event: SyncEvent, on cpu: CPU) {
        guard cpu.index == 0, !isInside, !hasActed else { return }
        // A flush waits for accesses: one that is under way on the same thread would never end.
        if event.name == .tlb, event.kind == .readSideEnter { isAccessing = true }
        if event.name == .tlb, event.kind == .readSideExit { isAccessing = false }
        guard !isAccessing else { return }
        remaining -= 1
        guard remaining < 0 else { return }
        isInside = true
        var seen: FrameNumber?
        let got = space.followFast(self.cpu, address, count: 1, flags) { _, frame in
            seen = frame
        } undo: {
            if let seen { space.memory.ungrab(self.cpu, seen, flags) }
            seen = nil
        }
        if got == 1 { frame = seen }
        isInside = false
        hasActed = true
    }

    override func blocked(_ event: SyncEvent, on cpu: CPU) {
        preconditionFailure("CPU \(cpu.index) waits for \(event.name.label), which nobody gives up")
    }

    func unpin() {
        if let frame { space.memory.ungrab(cpu, frame, flags) }
        frame = nil
    }
}

extension TestMachine {
    /// Runs `victim` on CPU 0 once for every point at which CPU 1 can pin the page at the address that `prepare` returns.
    /// `check` is told what was pinned. Returns how often it was.
    static func pinnedAtEveryPoint(
        _ flags: FollowFlags, prepare: (TestMachine) throws -> UInt64, victim: (TestMachine, UInt64) -> Void,
        check: (TestMachine, UInt64, FrameNumber) -> Void
    ) throws -> Int {
        var points = 0
        var pinned = 0
        while true {
            let test = try TestMachine {
                $0.mode = .explored
                $0.cpus = 2
                $0.memory = 32 << 20
            }
            let address = try prepare(test)
            let hook = FastPinner(after: points, test.space, test.machine.cpu(1), address, flags.union(.pin))
            test.machine.environment.hook = hook
            victim(test, address)
            test.machine.environment.hook = nil
            if let frame = hook.frame {
                pinned += 1
                check(test, address, frame)
            }
            hook.unpin()
            test.checkAll()
            test.expectNothingLeft("point \(points)")
            guard hook.hasActed else { return pinned }
            points += 1
        }
    }
}

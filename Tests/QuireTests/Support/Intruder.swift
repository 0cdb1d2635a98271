// One intrusion: at the n-th schedule point of CPU 0 at which it holds nothing but the mmap lock or an area's for read (or
// nothing at all, where the intruder takes that lock for write), CPU 1 runs a whole operation. Trying every n is a small,
// complete search of "the other CPU acts once, in one go, anywhere". It stands in for a scheduler: it cannot stop in
// the middle of the intruder.

import Testing

@testable import Quire

/// A schedule hook that lets CPU 1 in once.
final class Intruder: ScheduleHook {
    /// How many points CPU 0 passes before; negative: never.
    private var remaining: Int
    private let takesMmapLock: Bool
    private let act: () -> Void
    private(set) var hasActed = false
    private var isInside = false
    /// CPU 0 makes an access: interrupts are off, a flush would wait for it.
    private var isAccessing = false

    init(after points: Int, takesMmapLock: Bool, _ act: @escaping () -> Void) {
        remaining = points
        self.takesMmapLock = takesMmapLock
        self.act = act
    }

    override func point(_ event: SyncEvent, on cpu: CPU) {
        guard cpu.index == 0, !isInside else { return }
        let wasAccessing = isAccessing
        if event.name == .tlb, event.kind == .readSideEnter { isAccessing = true }
        if event.name == .tlb, event.kind == .readSideExit { isAccessing = false }
        guard !wasAccessing, !hasActed, holdsOnlyAFaultsLock(cpu) else { return }
        // About to be given up: no longer noted as held, but its word is still set.
        if event.kind == .unlock || event.kind == .readUnlock { return }
        remaining -= 1
        guard remaining < 0 else { return }
        isInside = true
        act()
        isInside = false
        hasActed = true
    }

    override func blocked(_ event: SyncEvent, on cpu: CPU) {
        preconditionFailure("CPU \(cpu.index) waits for \(event.name.label), which nobody gives up")
    }

    private func holdsOnlyAFaultsLock(_ cpu: CPU) -> Bool {
        let count = unsafe Int(cpu.state.pointee.heldCount)
        guard count <= 1 else { return false }
        guard count == 1 else { return true }
        if takesMmapLock { return false }
        let held = unsafe cpu.state.pointee.held[0]
        let names = [SyncName.mmapLock, .vmaLock].map { UInt64($0.rawValue) }
        guard names.contains(held >> 56) else { return false }
        let word = unsafe UnsafeRawPointer(bitPattern: UInt(held & (1 << 56 - 1)))!
        return unsafe word.load(as: UInt32.self) >> 31 == 0
    }
}

extension TestMachine {
    /// Runs `victim` on CPU 0 once for every point at which `intruder` can run on CPU 1, each time on a machine of its
    /// own that `prepare` sets up. `check` sees the machine after each intrusion. Returns the number of points.
    @discardableResult
    static func atEveryPoint(
        takesMmapLock: Bool = false, _ configure: (inout MachineConfiguration) -> Void = { _ in },
        prepare: (TestMachine) throws -> UInt64, victim: (Quire.Task, UInt64) -> Void,
        intruder: @escaping (Quire.Task, UInt64) -> Void, check: (TestMachine, UInt64) -> Void = { _, _ in }
    ) throws -> Int {
        var points = 0
        while true {
            let test = try TestMachine {
                $0.mode = .explored
                $0.cpus = 2
                $0.memory = 32 << 20
                configure(&$0)
            }
            let start = try prepare(test)
            let other = test.process.makeTask(tid: 2, cpu: 1)
            let hook = Intruder(after: points, takesMmapLock: takesMmapLock) {
                intruder(other, start)
                for _ in 0..<3 { test.machine.afterCall(other.cpu) }
            }
            test.machine.environment.hook = hook
            victim(test.task, start)
            test.machine.environment.hook = nil
            if hook.hasActed { check(test, start) }
            test.process.checkInvariants()
            test.expectNothingLeft("point \(points)")
            guard hook.hasActed else { return points }
            points += 1
        }
    }
}

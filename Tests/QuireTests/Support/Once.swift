// Something that needs no lock and waits for nobody, at the n-th schedule point of CPU 0, whatever CPU 0 holds then: a pin
// the fast way, a store by hardware, a look by a walk without locks.

import Testing

@testable import Quire

/// A schedule hook that lets CPU 1 act once.
final class Once: ScheduleHook {
    private var remaining: Int
    private let act: () -> Void
    private var isInside = false
    private var isAccessing = false
    private(set) var hasActed = false

    init(after points: Int, _ act: @escaping () -> Void) {
        remaining = points
        self.act = act
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
        act()
        isInside = false
        hasActed = true
    }

    override func blocked(_ event: SyncEvent, on cpu: CPU) {
        preconditionFailure("CPU \(cpu.index) waits for \(event.name.label), which nobody gives up")
    }
}

/// A schedule hook that asks the same at every point of CPU 0; the question changes nothing.
final class Watcher: ScheduleHook {
    private let ask: () -> Bool
    private var isInside = false
    private(set) var points = 0
    private(set) var wasAlwaysTrue = true

    init(_ ask: @escaping () -> Bool) { self.ask = ask }

    override func point(_ event: SyncEvent, on cpu: CPU) {
        guard cpu.index == 0, !isInside else { return }
        isInside = true
        points += 1
        if !ask() { wasAlwaysTrue = false }
        isInside = false
    }
}

extension TestMachine {
    /// Runs `victim` on CPU 0 once for every point at which `act` can come in on CPU 1, each time on a machine of its own that
    /// `prepare` sets up; `check` is told whether `act` said yes. Returns how often it did.
    @discardableResult
    static func onceAtEveryPoint(
        sizes: [Int] = [], prepare: (TestMachine) throws -> UInt64, victim: (TestMachine, UInt64) -> Void,
        act: @escaping (TestMachine, UInt64) -> Bool, check: (TestMachine, UInt64) -> Void
    ) throws -> Int {
        var points = 0
        var times = 0
        while true {
            let test = try TestMachine(sizes: sizes) {
                $0.mode = .explored
                $0.cpus = 2
                $0.memory = 32 << 20
            }
            let address = try prepare(test)
            var wasDone = false
            let hook = Once(after: points) { wasDone = act(test, address) }
            test.machine.environment.hook = hook
            victim(test, address)
            test.machine.environment.hook = nil
            if wasDone {
                times += 1
                check(test, address)
            }
            test.checkAll()
            test.expectNothingLeft("point \(points)")
            guard hook.hasActed else { return times }
            points += 1
        }
    }

    /// What hardware does at a store, on CPU 1: the entry's accessed and dirty, without any lock. False: there is no such
    /// right at this moment, the store faults.
    func storeByHardware(_ address: UInt64) -> Bool {
        let (tables, cpu) = (space.tables, machine.cpu(1))
        let format = tables.format
        let isLeaf = tables.leaf(cpu, address) != nil
        let table = tables.table(cpu, address, level: isLeaf ? 1 : 0)
        guard !table.isNone else { return false }
        let index = format.index(address, level: isLeaf ? 1 : 0)
        while true {
            let seen = tables.word(cpu, table, index)
            guard format.isValidForHardware(seen), format.isWritable(seen) else { return false }
            let wanted = format.dirtied(format.used(seen))
            if memory.word(table, index).replace(cpu, seen.rawValue, with: wanted.rawValue, .entry) { return true }
        }
    }
}

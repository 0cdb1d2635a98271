// Real threads for every pair of empty-table reclaim with what must survive a vanishing table, on the same table and on the
// next. Afterwards every invariant holds and nothing is left. Scripts/stress-threads runs these under the thread sanitizer; how
// many rounds comes from the environment, since that is ten times slower.

import Foundation
import Testing

@testable import Quire

/// What runs against the reclaim.
enum TableConsumer: String, CaseIterable, Sendable {
    case fault, mprotect, mremap, pinFast, pinSlow, collapse, migrate, unmapByReclaim, movePages, pageOut, free, fork,
        munmap

    /// Once, somewhere in [base, base + 2 MiB); `other` is an area beyond.
    func act(
        _ test: TestMachine, _ task: Quire.Task, _ random: inout SeededRandom, base: UInt64, other: UInt64, round: Int
    ) {
        let at = base + UInt64(random.below(500)) * page
        switch self {
        case .fault: task.touchWrite(at, 4 * page)
        case .mprotect:
            try? task.mprotect(at, 4 * page, .read)
            try? task.mprotect(at, 4 * page, [.read, .write])
            _ = task.storeByte(at, 1)
        case .mremap:
            task.touchWrite(other, 8 * page)
            _ = try? task.mremap(other, 8 * page, 8 * page, [.mayMove, .fixed], other + span)
            _ = try? task.mremap(other + span, 8 * page, 8 * page, [.mayMove, .fixed], other)
        case .pinFast: if let pin = try? task.pinPages(at, 2 * page, .write) { try? task.unpin(pin.handle) }
        case .pinSlow:
            if let pin = try? task.pinPages(at, 2 * page, [.write, .longTerm]) { try? task.unpin(pin.handle) }
        case .collapse:
            task.touchWrite(base, span / 4)
            try? task.madvise(base, span, Advice.collapse.rawValue)
        case .migrate, .unmapByReclaim:
            _ = task.storeByte(at, 1)
            _ = actOnFolio(test, task, at, self == .migrate)
        case .movePages:
            _ = task.storeByte(other, 1)
            try? task.madvise(at, page, Advice.dontNeed.rawValue)
            _ = try? test.space.movePages(task.cpu, to: at, from: other, length: page, allowsHoles: true)
        case .pageOut:
            task.touchWrite(at, 4 * page)
            try? task.madvise(at, 4 * page, Advice.pageOut.rawValue)
        case .free:
            task.touchWrite(at, 4 * page)
            try? task.madvise(at, 4 * page, Advice.free.rawValue)
        case .fork:
            guard round % 8 == 0, let child = try? task.fork(pid: 1000 + round) else { return }
            child.main.exit()
        case .munmap:
            try? task.munmap(other, 4 * page)
            _ = try? task.mmap(
                other, length: 4 * page, protection: [.read, .write], flags: [.private, .anonymous, .fixed])
            _ = task.storeByte(other, 1)
        }
    }

    private func actOnFolio(_ test: TestMachine, _ task: Quire.Task, _ address: UInt64, _ migrates: Bool) -> Bool {
        guard let pin = try? task.pinPages(address, page, .get) else { return false }
        let frame = test.space.mappedFrame(task.cpu, address)
        try? task.unpin(pin.handle)
        guard !frame.isNone, test.memory.tryGet(task.cpu, frame) else { return false }
        let head = test.memory.head(task.cpu, frame)
        if migrates { return test.core.migrate(task.cpu, head) != nil }
        let lock = test.memory.folioLock(head)
        defer { test.memory.put(task.cpu, head) }
        guard lock.tryLock(task.cpu) else { return false }
        defer { lock.unlock(task.cpu) }
        guard let unmapped = test.core.tryToUnmap(task.cpu, head, as: .migration) else { return false }
        test.core.putBack(task.cpu, unmapped)
        return true
    }
}

@Suite struct ReclaimStressTests {
    private static let rounds = ProcessInfo.processInfo.environment["QUIRE_STRESS_ROUNDS"].flatMap(Int.init) ?? 150

    private func run(_ policy: EmptyTableReclaim, _ consumer: TableConsumer, adjacent: Bool) throws {
        let test = try TestMachine(sizes: consumer == .collapse ? [2048] : []) {
            $0.mode = .parallel
            $0.cpus = 2
            $0.reclaim = policy
        }
        let base = try test.map(2 * span, at: 0x1000_0000_0000)
        let other = try test.map(2 * span, at: 0x1000_4000_0000)
        let shared = Handed((test, [test.task, test.process.makeTask(tid: 2, cpu: 1)]))
        onThreads(2) { index in
            let (test, task) = (shared.value.0, shared.value.1[index])
            var random = SeededRandom(seed: UInt64(index + 5))
            for round in 0..<Self.rounds {
                if index == 1 {
                    let at = adjacent ? base + span : base
                    consumer.act(test, task, &random, base: at, other: other, round: round)
                    continue
                }
                task.touchWrite(base + UInt64(random.below(500)) * page, page)
                try? task.madvise(base, span, Advice.dontNeed.rawValue)
            }
        }
        test.process.checkInvariants()
        test.expectNothingLeft()
    }

    @Test(arguments: [EmptyTableReclaim.rfc, .sync], TableConsumer.allCases)
    func theSameTable(_ policy: EmptyTableReclaim, _ consumer: TableConsumer) throws {
        try run(policy, consumer, adjacent: false)
    }

    @Test(arguments: [EmptyTableReclaim.rfc, .sync], TableConsumer.allCases)
    func adjacentTables(_ policy: EmptyTableReclaim, _ consumer: TableConsumer) throws {
        try run(policy, consumer, adjacent: true)
    }
}

// Pins on real threads: taken and dropped on two CPUs while the process forks, discards and writes. Every promise holds at the
// end, and nothing is left.

import Synchronization
import Testing

@testable import Quire

@Suite struct ParallelPinTests {
    private func run(_ sizes: [Int], _ body: @escaping @Sendable (TestMachine, Int, Quire.Task, UInt64) -> Void) throws
    {
        let test = try TestMachine(sizes: sizes) {
            $0.mode = .parallel
            $0.cpus = 2
        }
        let start = try test.map(64 * page, at: 0x1000_0000_0000)
        for place in 0..<64 as Range<UInt64> { _ = test.task.storeByte(start + place * page, 1) }
        let shared = Handed((test, [test.task, test.process.makeTask(tid: 2, cpu: 1)]))
        onThreads(2) { body(shared.value.0, $0, shared.value.1[$0], start) }
        test.checkAll()
        #expect(test.core.pins.used == 0 && test.status.pinned == 0)
        test.expectNothingLeft()
    }

    @Test func pinsOfTwoCPUsKeepTheirRecordsAndHandlesApart() throws {
        try run([]) { test, index, task, start in
            var random = SeededRandom(seed: UInt64(3 + index))
            var held: [Int] = []
            for _ in 0..<4000 {
                let at = start + UInt64(random.below(60)) * page
                let flags: FollowFlags = [[.write, .longTerm], [], .get][random.below(3)]
                if held.count < 5, let pin = try? task.pinPages(at, UInt64(1 + random.below(4)) * page, flags) {
                    held.append(pin.handle)
                }
                if held.count == 5 || random.oneIn(3), !held.isEmpty {
                    try? task.unpin(held.remove(at: random.below(held.count)))
                }
                if random.oneIn(8) { try? task.madvise(at, 2 * page, Advice.dontNeed.rawValue) }
            }
            for handle in held { try? task.unpin(handle) }
        }
    }

    /// Another CPU's pin that is noted and has no page yet is none of the folio's: it was looked up like one.
    @Test func aPinThatHasNoPageYetIsNotCounted() throws {
        let test = try TestMachine(sizes: [64])
        let start = try test.map(64 * page, at: 0x1000_0000_0000)
        test.task.touchWrite(start, 64 * page)
        let flags: FollowFlags = [.write, .longTerm]
        let first = try test.task.pinPages(start, page, flags)
        let record = PinRecord(flags: flags.union(.pin), space: test.space.number, address: start + page)
        let noted = try #require(test.core.notePin(test.cpu, record))
        let second = try test.task.pinPages(start + 2 * page, page, flags)
        test.core.dropPin(test.cpu, noted)
        try test.task.unpin(first.handle)
        try test.task.unpin(second.handle)
        #expect(test.core.pins.used == 0 && test.status.pinned == 0)
        test.expectNothingLeft()
    }

    /// INV-PIN on threads (S2-03): what is pinned while forks run stays the parent's, and the child's copy is its own.
    @Test(arguments: [[], [64]]) func pinsStayWhileTheProcessForks(_ sizes: [Int]) throws {
        let wrong = Atomic(0)
        try run(sizes) { test, index, task, start in
            var random = SeededRandom(seed: UInt64(9 + index))
            for round in 0..<(index == 0 ? 300 : 6000) {
                let at = start + UInt64(random.below(64)) * page
                if index == 0 {
                    guard let child = try? task.fork(pid: 10 + round) else { continue }
                    _ = child.main.storeByte(at, 2)
                    child.main.exit()
                    continue
                }
                let flags: FollowFlags = random.oneIn(2) ? .write : []
                guard let pin = try? task.pinPages(at, page, flags) else { continue }
                let frame = test.space.mappedFrame(task.cpu, at)
                if random.oneIn(2) { _ = task.storeByte(at, 3) }
                let isStill = test.space.mappedFrame(task.cpu, at) == frame && test.space.isExclusive(task.cpu, frame)
                if !isStill { wrong.add(1, ordering: .relaxed) }
                try? task.unpin(pin.handle)
                if random.oneIn(9) {
                    try? task.madvise(at, page, Advice.dontNeed.rawValue)
                    _ = task.storeByte(at, 4)
                }
            }
        }
        #expect(wrong.load(ordering: .relaxed) == 0)
    }
}

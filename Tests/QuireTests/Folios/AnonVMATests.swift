// anon_vmas on several CPUs: related processes change the same tree at once, and whoever comes from a folio to its anon_vma
// finds the right one, or none, whatever happens on the way.

import Testing

@testable import Quire

@Suite struct AnonVMATests {
    /// Related processes are tied to each other's anon_vmas: each split, merge and unmapping counts in records of both.
    @Test func relatedProcessesThatSplitMergeAndUnmapLoseNoCount() throws {
        let test = try TestMachine {
            $0.mode = .parallel
            $0.cpus = 2
        }
        let pages: UInt64 = 64
        for epoch in 0..<20 as Range<UInt64> {
            let start = try test.map(pages * page, at: 0x1000_0000_0000)
            for place in 0..<pages { _ = test.task.storeByte(start + place * page, 1) }
            let child = try test.task.fork(pid: 2)
            let tasks = Handed([test.task, child.makeTask(tid: 3, cpu: 1)])
            onThreads(2) { index in
                let task = tasks.value[index]
                var random = SeededRandom(seed: epoch * 2 + UInt64(index))
                for round in 0..<600 {
                    let at = start + UInt64(1 + random.below(60)) * page
                    let length = UInt64(1 + random.below(3)) * page
                    switch random.below(64) {
                    case 0: try? task.munmap(at, length)
                    case 1 where index == 0 && round % 4 == 0:
                        guard let copy = try? task.fork(pid: 10) else { continue }
                        _ = copy.main.storeByte(at, 2)
                        copy.main.exit()
                    case 2..<8: _ = task.storeByte(at, UInt8(truncatingIfNeeded: round))
                    case 8..<36: try? task.mprotect(at, length, .read)
                    default: try? task.mprotect(at, length, [.read, .write])
                    }
                }
            }
            test.checkAll()
            child.main.exit()
            try test.task.munmap(start, pages * page)
        }
        test.checkAll()
        test.expectNothingLeft()
    }

    /// `movePages` gives a page to another anon_vma, at any point of the way from the page to its anon_vma's lock.
    @Test func pageThatMovesBeforeTheLockIsTakenIsNotSoughtInItsOldAnonVMA() throws {
        let target: UInt64 = 0x1001_0000_0000
        let points = try TestMachine.atEveryPoint { test in
            let start = try test.map(page, at: 0x1000_0000_0000)
            _ = test.task.storeByte(start, 5)
            _ = try test.map(page, at: target)
            return start
        } victim: { task, start in
            let (space, core) = (task.space, task.space.core)
            let frame = space.mappedFrame(task.cpu, start)
            guard !frame.isNone, let anonVMA = core.lockAnonVMA(task.cpu, of: frame) else { return }
            #expect(anonVMA.index == core.memory.mapping(frame))
            core.lock(of: anonVMA).writeUnlock(task.cpu)
        } intruder: { task, start in
            _ = try? task.space.movePages(task.cpu, to: target, from: start, length: page)
        }
        #expect(points > 2)
    }

    /// The page to which somebody holds a reference.
    private final class Held { var frame = FrameNumber.none }

    /// The page is unmapped and its anon_vma's record freed, or somebody else's by the time of the lock.
    @Test(arguments: [false, true]) func recordThatGoesBeforeTheLockIsTakenIsNotLocked(_ isReused: Bool) throws {
        let other: UInt64 = 0x1001_0000_0000
        let held = Held()
        let points = try TestMachine.atEveryPoint { test in
            let start = try test.map(page, at: 0x1000_0000_0000)
            _ = try test.map(page, at: other)
            for address in [start, other] { _ = test.task.storeByte(address, 5) }
            held.frame = test.space.mappedFrame(test.cpu, start)
            test.memory.refcount(held.frame).add(test.cpu, 1, .refcount)
            return start
        } victim: { task, _ in
            let core = task.space.core
            if let anonVMA = core.lockAnonVMA(task.cpu, of: held.frame) {
                #expect(core.memory.mappings(task.cpu, held.frame) == 1)
                core.lock(of: anonVMA).writeUnlock(task.cpu)
            }
            core.memory.put(task.cpu, held.frame)
        } intruder: { task, start in
            // The first word of a record that was freed names the one freed before it.
            for address in [other, start] { try? task.munmap(address, page) }
            guard isReused,
                let new = try? task.mmap(length: page, protection: [.read, .write], flags: [.private, .anonymous])
            else { return }
            _ = task.storeByte(new, 7)
        }
        #expect(points > 2)
    }
}

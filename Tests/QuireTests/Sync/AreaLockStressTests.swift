// Faults under their area's lock against calls that change areas, on real threads: the same areas and their neighbours are
// mapped, unmapped, protected, moved, locked and forked while others fault in them. Afterwards every invariant holds and
// nothing is left.

import Testing

@testable import Quire

@Suite struct AreaLockStressTests {
    private static let base: UInt64 = 0x4000_0000
    private static let window: UInt64 = 96

    /// One call on a few pages of the window, or faults in them.
    private static func act(_ task: Quire.Task, _ random: inout SeededRandom, file: Int) {
        let start = base + UInt64(random.below(Int(window) - 16)) * page
        let length = UInt64(1 + random.below(16)) * page
        let isShared = random.oneIn(4)
        switch random.below(9) {
        case 0:
            let flags: MapFlags = isShared ? [.shared, .fixed] : [.private, .anonymous, .fixed]
            _ = try? task.mmap(
                start, length: length, protection: [.read, .write], flags: flags, fd: isShared ? file : -1)
        case 1: try? task.munmap(start, length)
        case 2: try? task.mprotect(start, length, random.oneIn(2) ? .read : [.read, .write])
        case 3:
            let target = base + UInt64(random.below(Int(window) - 16)) * page
            _ = try? task.mremap(start, length, length, [.mayMove, .fixed], target)
        case 4: try? task.madvise(start, length, Advice.dontNeed.rawValue)
        case 5: try? task.madvise(start, length, random.oneIn(2) ? Advice.random.rawValue : Advice.normal.rawValue)
        case 6: if random.oneIn(2) { try? task.mlock(start, length) } else { try? task.munlock(start, length) }
        default: break
        }
    }

    private static func fault(_ task: Quire.Task, _ random: inout SeededRandom) {
        for _ in 0..<16 {
            let address = base + UInt64(random.below(Int(window))) * page
            _ = task.access(address, random.oneIn(3) ? .read : .write)
        }
    }

    @Test(arguments: 1...4 as ClosedRange<UInt64>) func faultsAgainstChanges(_ seed: UInt64) throws {
        let test = try TestMachine {
            $0.mode = .parallel
            $0.cpus = 3
            $0.memory = 64 << 20
        }
        let file = try test.memoryFile(pages: Self.window)
        _ = try test.map(Self.window * page, at: Self.base)
        let tasks = Handed((0..<3).map { test.process.makeTask(tid: 10 + $0, cpu: $0) })
        onThreads(3) { index in
            var random = SeededRandom(seed: seed * 16 + UInt64(index))
            for _ in 0..<1500 {
                if index == 0 { Self.act(tasks.value[0], &random, file: file) }
                Self.fault(tasks.value[index], &random)
            }
        }
        test.process.checkInvariants()
        #expect(test.counter(.areaLockSuccesses) > 0)
        test.expectNothingLeft()
    }

    /// Two who change areas, and one who faults.
    @Test(arguments: 1...2 as ClosedRange<UInt64>) func twoWriters(_ seed: UInt64) throws {
        let test = try TestMachine {
            $0.mode = .parallel
            $0.cpus = 3
            $0.memory = 64 << 20
        }
        let file = try test.memoryFile(pages: Self.window)
        let tasks = Handed((0..<3).map { test.process.makeTask(tid: 10 + $0, cpu: $0) })
        onThreads(3) { index in
            var random = SeededRandom(seed: 1000 + seed * 16 + UInt64(index))
            for _ in 0..<2000 {
                if index < 2 { Self.act(tasks.value[index], &random, file: file) }
                if index != 1 { Self.fault(tasks.value[index], &random) }
            }
        }
        test.process.checkInvariants()
        test.expectNothingLeft()
    }

    /// Forks while others fault: each child is a picture of one moment, and ends before the next.
    @Test func faultsAgainstForks() throws {
        let test = try TestMachine {
            $0.mode = .parallel
            $0.cpus = 2
            $0.memory = 64 << 20
        }
        let start = try test.map(64 * page)
        let tasks = Handed((0..<2).map { test.process.makeTask(tid: 10 + $0, cpu: $0) })
        onThreads(2) { index in
            var random = SeededRandom(seed: UInt64(index))
            for round in 0..<60 {
                if index == 0 {
                    let child = try! tasks.value[0].fork(pid: 100 + round)
                    child.main.touchWrite(start, 16 * page)
                    child.checkInvariants()
                    child.main.exit()
                } else {
                    for _ in 0..<200 { _ = tasks.value[1].storeByte(start + UInt64(random.below(64)) * page, 1) }
                }
            }
        }
        test.process.checkInvariants()
        test.expectNothingLeft()
    }
}

// Random sequences with files, shared memory, stacks, locking, guards, execve, vfork and memory that runs out now and
// then. There is no model of contents here: the invariants after every step, and that nothing is left, are the test.

import Testing

@testable import Quire

/// A machine under random operations of every kind.
struct MixedRun: OperationRun {
    let test: TestMachine
    var random: SeededRandom
    var nextPid = 2
    let base: UInt64 = 0x4000_0000

    init(_ layout: Layout, seed: UInt64) throws {
        random = SeededRandom(seed: seed)
        test = try TestMachine {
            layout.apply(&$0)
            $0.memory = 64 << 20
            $0.reclaim = EmptyTableReclaim.allPolicies[Int(seed % 3)]
            $0.tlb = seed % 2 == 1
            $0.splitLocks = seed % 5 != 0
        }
        if seed % 2 == 0 { try test.machine.set("unaccount", "exact") }
        if layout == .arm64 {
            // Folios that contiguous blocks are made of.
            try test.machine.set("/sys/kernel/mm/transparent_hugepage/hugepages-64kB/enabled", "always")
        }
        let process = test.process
        process.setHeap(start: 0x1000_0000)
        let fd = try test.task.memfdCreate("shared")
        try test.task.ftruncate(fd, 600 * page)
        _ = try test.task.openRecorded("/lib/libc.so.6", size: 400 * page)
        _ = try test.map(4 * page, at: 0x7000_0000, [.read, .write], .growsDown)
    }

    private mutating func range() -> (start: UInt64, length: UInt64) {
        let first = random.below(1200)
        return (base + UInt64(first) * page, UInt64(1 + random.below(random.oneIn(4) ? 600 : 20)) * page)
    }

    mutating func step() {
        let all = test.machine.processes
        let process = all[random.below(all.count)]
        let task = process.main
        if random.oneIn(6) { test.memory.fail(after: random.below(6)) }
        if random.oneIn(6) { test.core.failRecords(after: random.below(4)) }
        operate(process, task)
        test.memory.fail(after: -1)
        test.core.failRecords(after: -1)
    }

    private mutating func operate(_ process: Process, _ task: Quire.Task) {
        let (start, length) = range()
        let protection: Protection = [[.read, .write], .read, [.read, .execute], []][random.below(4)]
        switch random.below(22) {
        case 0, 1:
            _ = try? task.mmap(start, length: length, protection: protection, flags: [.private, .anonymous, .fixed])
        case 2:
            _ = try? task.mmap(
                start, length: length, protection: [.read, .write],
                flags: [.fixed, random.oneIn(2) ? .shared : .private],
                fd: 3, offset: UInt64(random.below(300)) * page)
        case 3:
            _ = try? task.mmap(
                start, length: length, protection: protection, flags: [.private, .fixed], fd: 4,
                offset: UInt64(random.below(300)) * page)
        case 4:
            _ = try? task.mmap(
                start, length: length, protection: [.read, .write], flags: [.shared, .anonymous, .fixed])
        case 5: try? task.munmap(start, length)
        case 6: try? task.mprotect(start, length, protection)
        case 7: try? task.madvise(start, length, Advice.dontNeed.rawValue)
        case 8: try? task.madvise(start & ~(span - 1), span, Advice.dontNeed.rawValue)
        case 9:
            let advice: [Advice] = [
                .free, .guardInstall, .guardRemove, .dontFork, .doFork, .wipeOnFork, .keepOnFork, .populateRead,
                .populateWrite, .remove, .dontNeedLocked,
            ]
            try? task.madvise(start, length, advice[random.below(advice.count)].rawValue)
        case 10:
            let flags: RemapFlags = random.oneIn(3) ? [.mayMove, .dontUnmap] : .mayMove
            _ = try? task.mremap(start, length, random.oneIn(3) ? length + 5 * page : length, flags)
        case 11: _ = try? task.mremap(start, length, length, [.mayMove, .fixed], range().start)
        case 12: random.oneIn(2) ? (try? task.mlock(start, length)) : (try? task.munlock(start, length))
        case 13: _ = task.brk(0x1000_0000 + UInt64(random.below(40)) * 2048)
        case 14: _ = task.storeByte(0x7000_0000 - UInt64(random.below(60)) * page, 1)
        case 15: try? task.ftruncate(3, UInt64(random.below(600)) * page)
        case 16: try? task.fallocate(3, random.oneIn(2) ? 3 : 0, UInt64(random.below(300)) * page, length)
        case 17: comeOrGo(process)
        case 18: random.oneIn(4) ? test.machine.dropCaches() : test.machine.discardEmptyTables()
        default:
            for place in 0..<min(length / page, 10) {
                _ = task.access(start + place * page, random.oneIn(2) ? .write : .read)
            }
        }
    }

    private mutating func comeOrGo(_ process: Process) {
        let count = test.machine.processes.count
        if count < 4 {
            if random.oneIn(4) {
                guard let child = try? process.main.vfork(pid: nextPid) else { return }
                // Borrowed: it may only execute or exit.
                if random.oneIn(2) { try? child.main.execve() }
                child.main.exit()
            } else {
                _ = try? process.main.fork(pid: nextPid)
            }
            nextPid += 1
        } else if random.oneIn(3) {
            try? process.main.execve()
        } else {
            process.main.exit()
        }
    }
}

@Suite struct MixedOperationTests {
    @Test(arguments: Layout.allCases) func nothingBreaksAndNothingIsLeft(_ layout: Layout) throws {
        for seed in 1...8 as ClosedRange<UInt64> {
            var run = try MixedRun(layout, seed: seed)
            for step in 0..<200 {
                run.step()
                if step % 20 == 19 { run.test.expectHardwareAgrees("seed \(seed), step \(step)") }
                for process in run.test.machine.processes { process.checkInvariants() }
                run.test.machine.checkInvariants()
            }
            run.test.expectNothingLeft("seed \(seed)")
        }
    }
}

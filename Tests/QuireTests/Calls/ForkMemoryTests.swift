// S3-08: fork needs records and tree nodes in bulk. It asks for them where it may sleep, so that memory which others have
// to give back first is no reason to fail; asked for under a lock, nobody could wait for it.

import Testing

@testable import Quire

@Suite struct ForkMemoryTests {
    private let base: UInt64 = 0x4000_0000

    /// A machine with many areas in process 1 and clean pages in the page cache, where no record can be had before some
    /// of those are dropped.
    private func starved(cached: Bool) throws -> TestMachine {
        let test = try TestMachine()
        for place in 0..<300 as Range<UInt64> {
            _ = try test.map(page, at: base + 2 * place * page, place % 2 == 0 ? .read : [.read, .write])
        }
        test.task.touchWrite(base + 2 * page, page)
        let fd = try test.task.openRecorded("/lib/libc.so.6", size: 400 * page)
        if cached {
            let start = try test.task.mmap(length: 64 * page, protection: .read, flags: .private, fd: fd)
            test.task.touchRead(start, 64 * page)
            try test.task.munmap(start, 64 * page)
        }
        test.core.withholdRecords(true)
        return test
    }

    /// Before: an atomic request, as whoever holds the tree's lock must make it.
    @Test func underALockTheNodesCannotBeHad() throws {
        let test = try starved(cached: true)
        let lock = SpinLock(test.words().half(0), .pageTable)
        let count = AreaTreeBuilder.nodes(for: 300)
        lock.lock(test.cpu)
        #expect(throws: Errno.ENOMEM) { try test.core.reserve(test.cpu, test.core.nodes, count, []) }
        lock.unlock(test.cpu)
        // Waiting alone helps nobody: somebody must be made to give memory back.
        #expect(throws: Errno.ENOMEM) { try test.core.reserve(test.cpu, test.core.nodes, count, .maySleep) }
    }

    /// After: the clean pages go, and fork has its memory.
    @Test func whereItMaySleepForkSucceeds() throws {
        let test = try starved(cached: true)
        let file = try #require(test.machine.namedFiles["/lib/libc.so.6"])
        #expect(test.core.files[file].indexedPages > 0)
        let child = try test.task.fork(pid: 2)
        #expect(test.core.files[file].indexedPages == 0)
        #expect(child.areaReports().count == 300)
        for process in test.machine.processes { process.checkInvariants() }
        test.expectNothingLeft()
    }

    @Test func whereNothingCanBeGivenBackForkFails() throws {
        let test = try starved(cached: false)
        #expect(throws: Errno.ENOMEM) { try test.task.fork(pid: 2) }
        #expect(test.machine.process(2) == nil)
        test.core.withholdRecords(false)
        _ = try test.task.fork(pid: 2)
        for process in test.machine.processes { process.checkInvariants() }
        test.expectNothingLeft()
    }

    /// Records that a child does not need, since areas are not copied, go back.
    @Test func whatIsNotCopiedIsNotKept() throws {
        let test = try starved(cached: true)
        test.core.withholdRecords(false)
        try? test.task.madvise(base, 400 * page, Advice.dontFork.rawValue)
        let before = test.core.areas.used
        let child = try test.task.fork(pid: 2)
        #expect(child.areaReports().count == 100 && test.core.areas.used == before + 100)
        child.checkInvariants()
        test.expectNothingLeft()
    }

    #if DEBUG
        @Test func askingForRecordsUnderASpinLockTraps() async {
            await #expect(processExitsWith: .failure) {
                let test = try TestMachine()
                SpinLock(test.words().half(0), .pageTable).lock(test.cpu)
                _ = try test.core.reserve(test.cpu, test.core.nodes, 3, .maySleep)
            }
        }

        @Test func askingForAFrameUnderASpinLockTraps() async {
            await #expect(processExitsWith: .failure) {
                let test = try TestMachine()
                SpinLock(test.words().half(0), .pte).lock(test.cpu)
                _ = test.memory.allocate(test.cpu, .maySleep)
            }
        }
    #endif
}

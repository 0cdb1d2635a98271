// The TLB model: hits and misses, a stale translation that stays until it is flushed, and that every way of taking a
// page away flushes on all CPUs before the frame is used again.

import Testing

@testable import Quire

@Suite struct TLBTests {
    private func machine(cpus: Int = 2) throws -> TestMachine {
        try TestMachine {
            $0.tlb = true
            $0.cpus = cpus
        }
    }

    @Test func theSecondAccessHits() throws {
        let test = try machine()
        let start = try test.map(4 * page)
        _ = test.task.storeByte(start, 1)
        let (hits, misses) = (test.counter(.tlbHits), test.counter(.tlbMisses))
        for _ in 0..<10 { _ = test.task.storeByte(start, 2) }
        #expect(test.counter(.tlbHits) == hits + 10 && test.counter(.tlbMisses) == misses)
        // Another CPU has its own.
        let other = test.process.makeTask(tid: 2, cpu: 1)
        _ = other.access(start, .read)
        #expect(test.counter(.tlbMisses) == misses + 1)
        test.expectNothingLeft()
    }

    @Test func aCleanTranslationDoesNotServeAStore() throws {
        let test = try machine()
        let fd = try test.task.memfdCreate("x")
        try test.task.ftruncate(fd, page)
        let start = try test.task.mmap(length: page, protection: [.read, .write], flags: .shared, fd: fd)
        _ = test.task.access(start, .read)
        let misses = test.counter(.tlbHits)
        _ = test.task.access(start, .read)
        #expect(test.counter(.tlbHits) == misses + 1)
        #expect(test.task.storeByte(start, 1) == .done)
        #expect(test.tables.format.isDirty(test.entry(start)), "the walk went to the entry to set the flag")
        test.expectNothingLeft()
    }

    /// An entry taken out behind the TLB's back goes on translating until somebody flushes.
    @Test func aStaleTranslationStaysUntilItIsFlushed() throws {
        let test = try machine()
        let start = try test.map(2 * page)
        _ = test.task.storeByte(start, 42)
        let table = test.tables.position(test.cpu, start).table
        let index = test.tables.format.index(start, level: 0)
        let lock = test.tables.pteLock(table)
        lock.lock(test.cpu)
        let taken = test.tables.takeOut(test.cpu, table, index)
        lock.unlock(test.cpu)
        let faults = test.counter(.faults)
        #expect(test.byte(start) == 42)
        #expect(test.counter(.faults) == faults, "stale: no walk, no fault")
        test.tables.flushRange(test.cpu, start + page, start + 2 * page)
        #expect(test.byte(start) == 42, "another page was flushed")
        lock.lock(test.cpu)
        test.memory.word(table, index).store(test.cpu, taken.rawValue, .entry)
        lock.unlock(test.cpu)
        try test.discard(start, page)
        #expect(test.byte(start) == 0)
        test.expectNothingLeft()
    }

    /// Whatever takes rights or pages away, the other CPU sees it at its next access.
    @Test(arguments: Layout.allCases) func everyRemovalReachesTheOtherCPU(_ layout: Layout) throws {
        let test = try TestMachine {
            $0.tlb = true
            $0.cpus = 2
            layout.apply(&$0)
        }
        let other = test.process.makeTask(tid: 2, cpu: 1)
        func fresh() throws -> UInt64 {
            let start = try test.map(span)
            for place in 0..<4 as Range<UInt64> {
                _ = other.storeByte(start + place * page, 9)
                _ = test.task.access(start + place * page, .read)
            }
            return start
        }
        func read(_ address: UInt64) -> UInt8? {
            var byte: UInt8?
            _ = other.load(address, 1) { byte = $0 }
            return byte
        }
        var start = try fresh()
        try test.discard(start, span)
        #expect(read(start) == 0)
        start = try fresh()
        try test.task.munmap(start, span)
        #expect(read(start) == nil)
        start = try fresh()
        try test.task.mprotect(start, span, .read)
        #expect(other.storeByte(start, 1) == .signal(.accessError, address: start))
        start = try fresh()
        try test.task.mprotect(start, span, [])
        #expect(read(start) == nil)
        start = try fresh()
        let moved = try test.task.mremap(start, span, span, [.mayMove, .fixed], 0x6000_0000)
        #expect(read(start) == nil && read(moved) == 9)
        start = try fresh()
        let child = try test.task.fork(pid: 2)
        #expect(other.storeByte(start, 1) == .done)
        var childs: UInt8 = 0
        _ = child.main.load(start, 1) { childs = $0 }
        #expect(childs == 9, "a translation from before the fork would have written the shared page")
        #expect(read(start) == 1)
        test.process.checkInvariants()
        child.checkInvariants()
        test.expectNothingLeft()
    }

    @Test func flushesAreCountedWithoutAModelToo() throws {
        let test = try TestMachine()
        let start = try test.map(span)
        test.task.touchWrite(start, 8 * page)
        let (flushes, pages) = (test.counter(.tlbFlushes), test.counter(.tlbFlushedPages))
        try test.discard(start, 8 * page)
        #expect(test.counter(.tlbFlushes) == flushes + 1 && test.counter(.tlbFlushedPages) == pages + 8)
        #expect(test.counter(.tlbHits) == 0 && test.counter(.tlbMisses) == 0)
        test.expectNothingLeft()
    }

    /// A fork that fails half-way has taken the right to write from pages already copied: those translations go too.
    @Test func aFailedForkFlushesAsWell() throws {
        let test = try machine(cpus: 1)
        let start = try test.map(2 * page)
        _ = test.task.storeByte(start, 1)
        _ = try test.map(2 * page, at: start + 16 * span)
        _ = test.task.storeByte(start + 16 * span, 1)
        test.core.anonVMAs.fail(after: 1)
        #expect(throws: Errno.ENOMEM) { try test.task.fork(pid: 2) }
        let reused = test.counter(.pagesReused)
        #expect(test.task.storeByte(start, 2) == .done)
        #expect(test.counter(.pagesReused) == reused + 1, "through the tables, not by the old translation")
        test.process.checkInvariants()
        test.expectNothingLeft()
    }
}

// Splitting folios: every mapping follows, pages of zeroes and pages that nobody maps become free, and whoever else has a
// reference keeps the folio whole.

import Testing

@testable import Quire

@Suite struct SplitFolioTests {
    /// Splits the folio at an address as memory pressure would.
    private func split(_ test: TestMachine, _ address: UInt64) -> FolioSplit {
        let head = test.folio(address)!.head
        let (memory, cpu) = (test.memory, test.cpu)
        memory.refcount(head).add(cpu, 1, .refcount)
        let lock = memory.folioLock(head)
        lock.lock(cpu)
        let outcome = test.core.splitFolio(cpu, head)
        lock.unlock(cpu)
        memory.put(cpu, head)
        return outcome
    }

    @Test(arguments: Layout.allCases) func pagesKeepContentsRightsAndExclusivity(_ layout: Layout) throws {
        let test = try TestMachine(sizes: [2048]) { layout.apply(&$0) }
        let start = try test.map(span)
        for place in 0..<512 as Range<UInt64> { _ = test.task.storeByte(start + place * page, UInt8(place & 0x7F) + 1) }
        #expect(test.folio(start)?.order == 9)
        #expect(split(test, start) == .done)
        test.checkAll()
        for place in 0..<512 as Range<UInt64> {
            #expect(test.folio(start + place * page)?.order == 0)
            #expect(test.byte(start + place * page) == UInt8(place & 0x7F) + 1)
        }
        let faults = test.status.minorFaults
        _ = test.task.storeByte(start, 9)
        #expect(test.status.minorFaults == faults, "an exclusive page stays writable")
        #expect(test.counter(.foliosSplit) == 1)
        test.expectNothingLeft()
    }

    @Test func mappingsOfAllProcessesFollow() throws {
        let test = try TestMachine(sizes: [2048])
        let start = try test.map(span)
        for place in 0..<512 as Range<UInt64> { _ = test.task.storeByte(start + place * page, 7) }
        // The child has it by a leaf, the grandchild by entries, a third at another address, a fourth in part.
        let child = try test.task.fork(pid: 2)
        let grandchild = try child.main.fork(pid: 3)
        try grandchild.main.mprotect(start + page, page, .read)
        let moved = try test.task.fork(pid: 4)
        try moved.main.mremap(start, span, span, [.mayMove, .fixed], start + 64 * span + 5 * page)
        let partial = try moved.main.fork(pid: 5)
        try partial.main.munmap(start + 64 * span + 5 * page, span / 2)
        test.checkAll()
        #expect(split(test, start) == .done)
        test.checkAll()
        for process in [test.process, child, grandchild] { #expect(test.folio(start + page, of: process)?.order == 0) }
        #expect(partial.status().anonymous == 1024 && moved.status().anonymous == 2048)
        test.expectNothingLeft()
    }

    @Test func pagesThatNobodyMapsAndPagesOfZeroesBecomeFree() throws {
        let test = try TestMachine(sizes: [64])
        let start = try test.map(16 * page)
        _ = test.task.storeByte(start, 1)
        _ = test.task.storeByte(start + page, 1)
        _ = test.task.storeByte(start + page, 0)
        try test.discard(start + 8 * page, 4 * page)
        let free = test.machine.frames.free
        #expect(split(test, start) == .done)
        test.checkAll()
        #expect(test.machine.frames.free == free + 15, "one page of 16 holds something")
        #expect(test.status.anonymous == 4)
        #expect(test.entry(start + page) != .none && test.byte(start + page) == 0)
        #expect(test.entry(start + 8 * page) == .none)
        test.expectNothingLeft()
    }

    @Test func pagesOfALockedAreaAreNotGivenUp() throws {
        let test = try TestMachine(sizes: [64])
        let start = try test.map(16 * page)
        _ = test.task.storeByte(start, 1)
        try test.task.mlock(start, 16 * page)
        #expect(split(test, start) == .done)
        test.checkAll()
        #expect(test.status.anonymous == 64)
        test.expectNothingLeft()
    }

    @Test func pinnedFolioStaysWholeAndMapped() throws {
        let test = try TestMachine(sizes: [64])
        let start = try test.map(16 * page)
        _ = test.task.storeByte(start, 1)
        let pin = try test.task.pinPages(start, page, .write)
        #expect(split(test, start) == .referenced)
        test.checkAll()
        #expect(test.folio(start)?.order == 4 && test.status.anonymous == 64)
        #expect(try test.statistic("split_failed", kB: 64) == 1)
        try test.task.unpin(pin.handle)
        #expect(split(test, start) == .done)
        test.expectNothingLeft()
    }

    @Test func faultThatFindsNoMemorySplitsWhatIsPartlyMapped() throws {
        let test = try TestMachine(sizes: [2048]) { $0.memory = 8 << 20 }
        let start = try test.map(2 * span)
        _ = test.task.storeByte(start, 1)
        try test.discard(start + page, span - page)
        #expect(test.memory.splitQueueLength == 1)
        try test.machine.set(hugeFolder + "hugepages-2048kB/enabled", "never")
        let more = try test.map(16 << 20, [.read, .write], .noReserve)
        var written: UInt64 = 0
        while test.task.storeByte(more + written * page, 1) == .done { written += 1 }
        #expect(test.memory.splitQueueLength == 0 && test.counter(.foliosSplit) == 1)
        #expect(test.byte(start) == 1)
        test.checkAll()
        test.expectNothingLeft()
    }

    @Test func droppedCachesSplitWhatWaitsAndNoMore() throws {
        let test = try TestMachine(sizes: [64])
        let start = try test.map(64 * page)
        for place in 0..<4 as Range<UInt64> { _ = test.task.storeByte(start + place * 16 * page, 1) }
        try test.discard(start, page)
        try test.discard(start + 16 * page, page)
        let pin = try test.task.pinPages(start + 17 * page, page, .write)
        try test.machine.set("/proc/sys/vm/drop_caches", "1")
        #expect(test.memory.splitQueueLength == 2)
        try test.machine.set("/proc/sys/vm/drop_caches", "2")
        #expect(test.memory.splitQueueLength == 1, "the pinned one waits on")
        #expect(try test.statistic("nr_anon_partially_mapped", kB: 64) == 1)
        #expect(try test.statistic("split_deferred", kB: 64) == 2)
        #expect(try test.statistic("nr_anon", kB: 64) == 3)
        try test.task.unpin(pin.handle)
        try test.machine.set("/proc/sys/vm/drop_caches", "3")
        #expect(test.memory.splitQueueLength == 0)
        #expect(test.folio(start + 32 * page)?.order == 4)
        test.checkAll()
        test.expectNothingLeft()
    }

    @Test func hugePageThatHoldsMostlyZeroesIsSplitWhereTheKnobsSaySo() throws {
        let test = try TestMachine(sizes: [2048])
        try test.machine.set(hugeFolder + "khugepaged/max_ptes_none", "100")
        let start = try test.map(2 * span)
        for place in 0..<412 as Range<UInt64> { _ = test.task.storeByte(start + place * page, 1) }
        for place in 0..<411 as Range<UInt64> { _ = test.task.storeByte(start + span + place * page, 1) }
        test.machine.dropCaches()
        #expect(test.folio(start)?.order == 9 && test.folio(start + span)?.order == 0)
        #expect(test.counter(.underusedSplits) == 1)
        test.checkAll()
        test.expectNothingLeft()
    }

    @Test func areaThatIsSplitTakesTheLeafAtItsBorderApart() throws {
        // A leaf that maps memory of two areas would be zapped or protected with the wrong one's rights.
        let advice: [Advice] = [.dontFork, .random, .noHugePage, .dontDump]
        for one in advice {
            let test = try TestMachine(sizes: [2048])
            let start = try test.map(span)
            _ = test.task.storeByte(start, 1)
            try test.advise(start + 16 * page, 16 * page, one)
            #expect(test.tables.leaf(test.cpu, start) == nil)
            #expect(test.folio(start)?.order == 9, "the folio stays")
            test.checkAll()
            test.expectNothingLeft()
        }
    }
}

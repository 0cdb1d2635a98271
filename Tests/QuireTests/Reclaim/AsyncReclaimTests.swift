// pt_reclaimd, rule by rule: which tables a pass frees, which pages it drops, what stays, and what it counts.

import Testing

@testable import Quire

@Suite struct AsyncReclaimTests {
    /// A machine with the background reclaimer on.
    private func machine(
        sizes: [Int] = [], _ configure: (inout MachineConfiguration) -> Void = { _ in }
    ) throws -> TestMachine {
        let test = try TestMachine(sizes: sizes, configure)
        try test.machine.set("pt_reclaim.async", "on")
        return test
    }

    /// A pass; how many tables and pages it freed.
    private func pass(_ test: TestMachine) -> [UInt64] {
        let counters: [Counter] = [.asyncTablesFreed, .asyncPagesDropped]
        let before = counters.map { test.counter($0) }
        test.machine.runTableReclaimer(passes: 1)
        test.checkAll()
        test.machine.checkInvariants()
        return zip(counters, before).map { test.counter($0) - $1 }
    }

    /// A written span whose memory was given to MADV_FREE.
    private func freedSpan(_ test: TestMachine, pages: UInt64 = 512) throws -> UInt64 {
        let start = try test.map(span)
        for place in 0..<pages { #expect(test.task.storeByte(start + place * page, 9) == .done) }
        try test.advise(start, span, .free)
        return start
    }

    // MARK: Empty tables

    /// Two calls of 1 MiB each empty the span: neither frees its table.
    @Test(arguments: Layout.allCases, [true, false])
    func spanThatTwoCallsEmptiedLosesItsTable(_ layout: Layout, _ splitLocks: Bool) throws {
        let test = try machine {
            layout.apply(&$0)
            $0.splitLocks = splitLocks
        }
        let start = try test.map(2 * span)
        test.task.touchWrite(start, 2 * span)
        try test.discard(start, span / 2)
        #expect(pass(test) == [0, 0], "half of it is there")
        try test.discard(start + span / 2, span / 2)
        #expect(test.status.tables[0] == 2 && test.status.emptyTables == 1)
        #expect(pass(test) == [1, 0])
        #expect(test.status.tables[0] == 1 && test.status.emptyTables == 0)
        #expect(test.byte(start) == 0)
        #expect(test.status.tables[0] == 2)
        test.expectNothingLeft()
    }

    @Test func tablesFromBeforeReclaimWasOnGo() throws {
        let test = try machine { $0.reclaim = .off }
        let start = try test.map(6 * span)
        test.task.touchWrite(start, 6 * span)
        try test.discard(start, 5 * span)
        #expect(test.status.emptyTables == 5)
        #expect(pass(test) == [5, 0])
        #expect(test.status.tables[0] == 1)
        test.expectNothingLeft()
    }

    /// What is unmapped leaves its table to the neighbour, whose entries keep it.
    @Test func tableThatANeighbourKeptGoesWhenItIsEmpty() throws {
        let test = try machine()
        let start = try test.map(span)
        let neighbour = start + 100 * page
        #expect(test.task.storeByte(neighbour, 5) == .done)
        test.task.touchWrite(start, 100 * page)
        try test.task.munmap(start, 100 * page)
        #expect(test.status.tables[0] == 1)
        #expect(pass(test) == [0, 0])
        #expect(test.byte(neighbour) == 5)
        try test.discard(neighbour, page)
        #expect(pass(test) == [1, 0])
        #expect(test.status.tables[0] == 0)
        test.expectNothingLeft()
    }

    /// One table below three areas and the holes between them is looked at once.
    @Test func tableOfSeveralAreasIsLookedAtOnce() throws {
        let test = try machine()
        let start = try test.map(span)
        test.task.touchWrite(start, page)
        try test.task.munmap(start + 10 * page, page)
        try test.task.munmap(start + 20 * page, page)
        #expect(test.process.areaReports().count == 3)
        try test.discard(start, page)
        #expect(pass(test) == [1, 0])
        #expect(test.counter(.asyncTables) == 1 && test.counter(.asyncEntries) == 2 * 512)
        test.expectNothingLeft()
    }

    @Test func guardKeepsItsTableUntilItIsRemoved() throws {
        let test = try machine()
        let start = try test.map(span)
        try test.advise(start + 300 * page, page, .guardInstall)
        #expect(pass(test) == [0, 0])
        #expect(test.byte(start + 300 * page) == nil, "the guard still guards")
        try test.advise(start + 300 * page, page, .guardRemove)
        #expect(test.status.emptyTables == 1, "which no call frees")
        #expect(pass(test) == [1, 0])
        test.expectNothingLeft()
    }

    @Test func pagesOfFilesAndTheZeroPageKeepTheirTables() throws {
        let test = try machine()
        let fd = try test.memoryFile(pages: 8)
        let file = try test.task.mmap(
            0x4000_0000, length: span, protection: [.read, .write], flags: [.private, .fixed], fd: fd)
        #expect(test.byte(file) == 1)
        let zero = try test.map(span)
        #expect(test.byte(zero) == 0)
        #expect(pass(test) == [0, 0])
        #expect(test.byte(file) == 1 && test.status.tables[0] == 2)
        test.expectNothingLeft()
    }

    // MARK: MADV_FREE

    /// S0-12: within one pass pages and table are gone, and what is touched again reads as zero.
    @Test(arguments: Layout.allCases, [[], [64], [2048]])
    func blockGivenToMadviseFreeLosesItsTableInOnePass(_ layout: Layout, _ sizes: [Int]) throws {
        let test = try machine(sizes: sizes) { layout.apply(&$0) }
        let start = try freedSpan(test)
        #expect(test.status.tables[0] == 1 && test.status.anonymous == 2048)
        #expect(pass(test) == [1, 512])
        #expect(test.status.tables[0] == 0 && test.status.anonymous == 0)
        for place in [0, 15, 16, 511] as [UInt64] { #expect(test.byte(start + place * page) == 0) }
        #expect(test.task.storeByte(start + page, 3) == .done)
        #expect(pass(test) == [0, 0])
        #expect(test.byte(start + page) == 3)
        test.checkAll()
        test.expectNothingLeft()
    }

    /// Two looks of 512 entries, one flush for the pages and the table together.
    @Test func passIsCountedExactly() throws {
        let test = try machine()
        let start = try freedSpan(test)
        let other = try test.map(span, at: start + (1 << 30))
        _ = test.task.storeByte(other + 7 * page, 1)
        #expect(pass(test) == [1, 512])
        let counters: [(Counter, UInt64)] = [
            (.asyncPasses, 1), (.asyncTables, 2), (.asyncEntries, 2 * 512 + 8), (.asyncTablesFreed, 1),
            (.asyncPagesDropped, 512), (.asyncFlushes, 1), (.asyncAbandoned, 0), (.asyncBusy, 0),
        ]
        for (counter, expected) in counters { #expect(test.counter(counter) == expected, "\(counter.label)") }
        test.expectNothingLeft()
    }

    @Test(arguments: [[], [64], [2048]]) func pageThatWasWrittenAgainStaysWithItsContents(_ sizes: [Int]) throws {
        let test = try machine(sizes: sizes)
        let start = try freedSpan(test)
        #expect(test.task.storeByte(start + 200 * page, 77) == .done)
        #expect(pass(test) == [0, 0])
        #expect(test.byte(start + 200 * page) == 77)
        #expect(test.byte(start + 100 * page) == 9, "its neighbours stay with it: no table is won by their going")
        try test.advise(start, span, .free)
        #expect(pass(test) == [1, 512])
        test.expectNothingLeft()
    }

    @Test(arguments: [[], [64], [2048]]) func pinnedPageStays(_ sizes: [Int]) throws {
        let test = try machine(sizes: sizes)
        let start = try freedSpan(test)
        let pin = try test.task.pinPages(start + 200 * page, page, [])
        #expect(pass(test) == [0, 0])
        #expect(test.byte(start + 200 * page) == 9)
        try test.task.unpin(pin.handle)
        #expect(pass(test) == [1, 512])
        test.expectNothingLeft()
    }

    @Test func pageSharedWithAChildStaysUntilTheChildIsGone() throws {
        let test = try machine()
        let start = try freedSpan(test, pages: 3)
        let child = try test.task.fork(pid: 2)
        #expect(pass(test) == [0, 0])
        #expect(test.byte(start) == 9)
        #expect(child.status().tables[0] == 1)
        child.main.exit()
        #expect(pass(test) == [1, 3])
        test.expectNothingLeft()
    }

    @Test func pageThatWasLockedSinceStays() throws {
        let test = try machine()
        let start = try freedSpan(test, pages: 3)
        // Only what is there: mlock itself would write.
        try test.task.mlock2(start + page, page, 1)
        #expect(pass(test) == [0, 0])
        try test.task.munlock(start + page, page)
        #expect(pass(test) == [1, 3])
        test.expectNothingLeft()
    }

    /// Memory that may be dropped even if it is written is for times of need.
    @Test func droppableMemoryStays() throws {
        let test = try machine()
        let start = try test.task.mmap(
            0x4000_0000, length: span, protection: [.read, .write],
            flags: MapFlags(rawValue: 8).union([.anonymous, .fixed]))
        test.task.touchWrite(start, 4 * page)
        try test.advise(start, span, .free)
        #expect(pass(test) == [0, 0])
        test.expectNothingLeft()
    }

    /// Two areas with different rights, one table: pages of both go, each out of its own area's accounts.
    @Test func lazilyFreePagesOfTwoAreasGoTogether() throws {
        let test = try machine()
        try test.machine.set("unaccount", "exact")
        let start = try freedSpan(test, pages: 20)
        try test.task.mprotect(start + 10 * page, 10 * page, .read)
        #expect(test.process.areaReports().count == 3)
        #expect(pass(test) == [1, 20])
        #expect(test.byte(start) == 0)
        test.machine.checkInvariants()
        test.expectNothingLeft()
    }

    /// A folio of which a part is mapped elsewhere is not the table's to drop.
    @Test func folioThatLiesInTwoTablesStays() throws {
        let test = try machine(sizes: [64])
        let start = try freedSpan(test, pages: 16)
        let other = try test.map(span, at: start + (1 << 30))
        _ = try test.task.mremap(start, 4 * page, 4 * page, [.mayMove, .fixed], other)
        #expect(pass(test) == [0, 0])
        #expect(test.byte(other) == 9 && test.byte(start + 4 * page) == 9)
        test.expectNothingLeft()
    }

    /// Without a frame for the gather's list, pages are given back eight at a time.
    @Test func passWithoutMemoryForItsListsFreesAllTheSame() throws {
        let test = try machine()
        _ = try freedSpan(test)
        test.memory.fail(after: 0)
        let before = test.counter(.asyncPagesDropped)
        test.machine.runTableReclaimer(passes: 1)
        #expect(test.counter(.asyncPagesDropped) - before == 512)
        #expect(test.status.tables[0] == 0)
        test.checkAll()
        test.expectNothingLeft()
    }

    // MARK: When

    @Test func nothingRunsUnlessItIsOn() throws {
        let test = try TestMachine()
        let start = try test.map(span)
        test.task.touchWrite(start, span)
        try test.advise(start, span, .free)
        test.machine.runTableReclaimer(passes: 3)
        for counter in Counter.allCases where counter.label.hasPrefix("pt_reclaimd") {
            #expect(test.counter(counter) == 0, "\(counter.label)")
        }
        #expect(test.status.tables[0] == 1)
        test.expectNothingLeft()
    }

    @Test func spaceWhoseMmapLockIsTakenIsPassedOver() throws {
        let test = try machine()
        let start = try freedSpan(test)
        test.space.mmapLock.writeLock(test.cpu)
        #expect(pass(test) == [0, 0])
        test.space.mmapLock.writeUnlock(test.cpu)
        #expect(test.counter(.asyncBusy) == 1 && test.counter(.asyncTables) == 0)
        #expect(test.byte(start) == 9)
        #expect(pass(test) == [1, 512])
        test.expectNothingLeft()
    }

    /// Every third call it wakes up and looks at two tables, of whatever process is next.
    @Test func wakeUpsGoOnWhereTheLastOneStopped() throws {
        let test = try machine { $0.reclaim = .off }
        try test.machine.set("pt_reclaim.async_period", "3")
        try test.machine.set("pt_reclaim.async_tables", "2")
        let start = try test.map(3 * span)
        test.task.touchWrite(start, 3 * span)
        let child = try test.task.fork(pid: 2)
        try child.main.madvise(start, 3 * span, Advice.dontNeed.rawValue)
        try test.discard(start, 3 * span)
        var seen: [[Int]] = []
        for call in 1...12 {
            test.machine.noteCall()
            if call % 3 == 0 { seen.append([test.status.tables[0], child.status().tables[0]]) }
        }
        #expect(seen == [[1, 3], [0, 2], [0, 0], [0, 0]])
        #expect(test.counter(.asyncTables) == 6 && test.counter(.asyncPasses) == 2)
        test.checkAll()
        test.expectNothingLeft()
    }

    /// More tables than one turn under the mmap lock takes.
    @Test func passOfManyTurnsSeesEveryTable() throws {
        let test = try machine { $0.reclaim = .off }
        try test.machine.set("/proc/sys/vm/overcommit_memory", "1")
        let start = try test.map(1100 * span)
        for block in 0..<1100 as Range<UInt64> { test.task.touchWrite(start + block * span, page) }
        try test.discard(start, 1100 * span)
        #expect(pass(test) == [1100, 0])
        #expect(test.counter(.asyncFlushes) == 3, "one for each turn of 508 tables")
        test.expectNothingLeft()
    }

    @Test(arguments: [
        ("pt_reclaim.async", "yes"), ("pt_reclaim.async_period", "often"), ("pt_reclaim.async_tables", "-1"),
    ]) func valueThatIsNoneIsRefused(_ key: String, _ value: String) throws {
        let test = try TestMachine()
        #expect(throws: MachineError.self) { try test.machine.set(key, value) }
        test.expectNothingLeft()
    }
}

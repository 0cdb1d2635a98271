// MADV_FREE, MADV_COLD and MADV_PAGEOUT on folios: whole ones are taken as they are, parts are split off first, and what
// others may map is left alone. Every figure is what Linux 6.18 shows in smaps.

import Testing

@testable import Quire

@Suite struct AdviceTests {
    private func written(_ sizes: [Int], _ bytes: UInt64) throws -> (TestMachine, UInt64) {
        let test = try TestMachine(sizes: sizes)
        let start = try test.map(Swift.max(bytes, span))
        for place in 0..<(bytes / page) { _ = test.task.storeByte(start + place * page, 1) }
        return (test, start)
    }

    private func report(_ test: TestMachine, _ start: UInt64) -> AreaReport {
        test.process.areaReports().first { $0.start <= start && start < $0.end }!
    }

    @Test func wholeHugePageIsFreeLazilyWithoutASplit() throws {
        let (test, start) = try written([2048], span)
        try test.advise(start, span, .free)
        let area = report(test, start)
        #expect(area.lazyFree == 2048 && area.anonymousHuge == 2048 && area.privateDirty == 0)
        #expect(test.counter(.foliosSplit) == 0)
        _ = test.task.storeByte(start, 2)
        #expect(report(test, start).lazyFree == 0, "the whole page is dirty again")
        test.checkAll()
        test.expectNothingLeft()
    }

    @Test(arguments: [64, 2048]) func partOfAFolioIsSplitOff(_ size: Int) throws {
        let (test, start) = try written([size], UInt64(size) << 10)
        try test.advise(start, UInt64(size) << 9, .free)
        let area = report(test, start)
        #expect(area.lazyFree == UInt64(size / 2) && area.privateDirty == UInt64(size / 2))
        #expect(area.anonymousHuge == 0)
        #expect(try test.statistic("split", kB: size) == 1)
        test.checkAll()
        test.expectNothingLeft()
    }

    @Test func sharedFolioIsTakenWholeOnlyIfMappedByEntriesAndNotInPart() throws {
        let (test, start) = try written([64], 128 << 10)
        let child = try test.task.fork(pid: 2)
        try test.advise(start, 64 << 10, .free)
        try test.advise(start + (64 << 10), 4 << 10, .free)
        #expect(report(test, start).lazyFree == 64)
        #expect(child.areaReports()[0].lazyFree == 0, "the child's entries are dirty")
        #expect(try test.statistic("split", kB: 64) == 0)
        child.main.exit()
        try test.advise(start + (64 << 10), 4 << 10, .free)
        #expect(report(test, start).lazyFree == 68)
        test.checkAll()
        test.expectNothingLeft()
    }

    @Test func sharedHugePageIsLeftAlone() throws {
        let (test, start) = try written([2048], span)
        _ = try test.task.fork(pid: 2)
        try test.advise(start, span, .free)
        #expect(report(test, start).lazyFree == 0 && report(test, start).anonymousHuge == 2048)
        test.checkAll()
        test.expectNothingLeft()
    }

    @Test func lockOfAnotherProcessKeepsAFolioFromReclaim() throws {
        let (test, start) = try written([64], 64 << 10)
        let child = try test.task.fork(pid: 2)
        try child.main.mprotect(start, 64 << 10, .read)
        try child.main.mlock(start, 64 << 10)
        try test.advise(start, 64 << 10, .free)
        #expect(report(test, start).lazyFree == 0)
        try child.main.munlock(start, 64 << 10)
        try test.advise(start, 64 << 10, .free)
        #expect(report(test, start).lazyFree == 64)
        test.expectNothingLeft()
    }

    @Test func lockOfAPartOfAFolioDoesNotLockIt() throws {
        let (test, start) = try written([64], 64 << 10)
        try test.task.mlock(start, 4 << 10)
        try test.advise(start + 4 * page, 4 << 10, .free)
        #expect(report(test, start + 4 * page).lazyFree == 4)
        test.checkAll()
        test.expectNothingLeft()
    }

    @Test func coldPagesAreOldAndAPartIsSplitOff() throws {
        let (test, start) = try written([64], 128 << 10)
        try test.advise(start, 64 << 10, .cold)
        #expect(report(test, start).referenced == 64)
        try test.advise(start + (64 << 10), 32 << 10, .cold)
        #expect(report(test, start).referenced == 32)
        #expect(try test.statistic("split", kB: 64) == 1)
        test.checkAll()
        test.expectNothingLeft()
    }

    @Test func pageOutDropsWhatWasFreeAndSplitsTheRestForWantOfSwap() throws {
        let (test, start) = try written([64], 192 << 10)
        try test.advise(start, 64 << 10, .free)
        try test.advise(start + (64 << 10), 64 << 10, .free)
        _ = test.task.storeByte(start + (64 << 10), 2)
        try test.advise(start, 192 << 10, .pageOut)
        let area = report(test, start)
        #expect(area.rss == 128 && area.lazyFree == 0, "what was written again stays")
        #expect(try test.statistic("split", kB: 64) == 1)
        #expect(test.folio(start) == nil && test.folio(start + (64 << 10))?.order == 4)
        #expect(test.folio(start + (128 << 10))?.order == 0)
        test.checkAll()
        test.expectNothingLeft()
    }

    @Test func pageOutUnmapsAFilesPageAndDropsItIfItIsClean() throws {
        let test = try TestMachine()
        let fd = try test.task.memfdCreate("m")
        try test.task.ftruncate(fd, 8 * page)
        let start = try test.task.mmap(
            length: 8 * page, protection: [.read, .write], flags: .shared, fd: fd)
        _ = test.task.storeByte(start, 1)
        #expect(test.byte(start + page) == 0)
        try test.advise(start, 8 * page, .pageOut)
        #expect(report(test, start).rss == 0)
        #expect(try test.task.mincore(start, 2 * page) == [1, 0])
        #expect(test.byte(start) == 1)
        test.checkAll()
        test.expectNothingLeft()
    }

    @Test func protectionSpreadsWhatOneEntryOfARunKnows() throws {
        let (test, start) = try written([64], 64 << 10)
        try test.advise(start, 64 << 10, .free)
        _ = test.task.storeByte(start + 4 * page, 2)
        #expect(report(test, start).privateDirty == 4)
        try test.task.mprotect(start, 64 << 10, .read)
        #expect(report(test, start).privateDirty == 64 && report(test, start).lazyFree == 0)
        test.checkAll()
        test.expectNothingLeft()
    }
}

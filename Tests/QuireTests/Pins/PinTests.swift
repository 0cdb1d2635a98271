// What a pin promises: the page stays the page that is mapped there, through forks and writes of either side, until its
// own process discards it. And what it asks: the rights of the area, an exclusive page, flags that are the caller's.

import Testing

@testable import Quire

@Suite struct PinTests {
    /// A machine with `pages` written pages; page i holds i + 1.
    private func written(_ pages: UInt64) throws -> (TestMachine, UInt64) {
        let test = try TestMachine()
        let start = try test.map(pages * page)
        for place in 0..<pages { _ = test.task.storeByte(start + place * page, UInt8(truncatingIfNeeded: place + 1)) }
        return (test, start)
    }

    private func frame(_ test: TestMachine, _ address: UInt64) -> FrameNumber {
        test.space.mappedFrame(test.cpu, address)
    }

    @Test func pinnedPageIsCopiedForTheChildAndStaysTheParents() throws {
        let (test, start) = try written(3)
        let pin = try test.task.pinPages(start + page, page, [.write, .longTerm])
        #expect(pin.pages == 1 && test.status.pinned == 4)
        let frames = (0..<3 as Range<UInt64>).map { frame(test, start + $0 * page) }
        let child = try test.task.fork(pid: 2)
        #expect(test.counter(.pagesCopied) == 1, "only the pinned page is copied by fork")
        #expect(test.tables.format.isWritable(test.entry(start + page)))
        for place in 0..<3 as Range<UInt64> { _ = test.task.storeByte(start + place * page, 77) }
        #expect(frame(test, start + page) == frames[1])
        #expect(frame(test, start) != frames[0])
        for place in 0..<3 as Range<UInt64> {
            var seen: UInt8 = 0
            _ = child.main.load(start + place * page, 1) { seen = $0 }
            #expect(seen == UInt8(place + 1))
        }
        for process in test.machine.processes { process.checkInvariants() }
        try test.task.unpin(pin.handle)
        #expect(test.status.pinned == 0)
        test.expectNothingLeft()
    }

    @Test func readPinOfASharedPageMakesItExclusiveFirst() throws {
        let (test, start) = try written(1)
        let child = try test.task.fork(pid: 2)
        let shared = frame(test, start)
        let pin = try test.task.pinPages(start, page, [])
        let own = frame(test, start)
        #expect(own != shared, "a page that might be shared is unshared")
        #expect(!test.tables.format.isWritable(test.entry(start)))
        #expect(test.task.storeByte(start, 9) == .done)
        #expect(frame(test, start) == own, "a write reuses the exclusive page")
        child.checkInvariants()
        test.process.checkInvariants()
        try test.task.unpin(pin.handle)
        test.expectNothingLeft()
    }

    @Test func readPinOfThePageThatIsLeftAloneNeedsNoCopy() throws {
        let (test, start) = try written(1)
        try test.task.fork(pid: 2).main.exit()
        let pin = try test.task.pinPages(start, page, [])
        #expect(test.counter(.pagesCopied) == 0)
        try test.task.unpin(pin.handle)
        test.expectNothingLeft()
    }

    @Test func longReadPinOfTheZeroPageGetsAPageOfItsOwn() throws {
        let test = try TestMachine()
        let start = try test.map(2 * page)
        #expect(test.byte(start) == 0 && test.byte(start + page) == 0)
        let short = try test.task.pinPages(start, page, [])
        #expect(frame(test, start) == test.core.zeroFrame)
        let long = try test.task.pinPages(start + page, page, .longTerm)
        #expect(frame(test, start + page) != test.core.zeroFrame)
        #expect(test.status.anonymous == 4)
        try test.task.unpin(short.handle)
        try test.task.unpin(long.handle)
        test.expectNothingLeft()
    }

    @Test func discardingEndsThePromiseButNotThePage() throws {
        let (test, start) = try written(2)
        let pin = try test.task.pinPages(start, 2 * page, .write)
        let pinned = frame(test, start)
        try test.discard(start, page)
        #expect(test.byte(start) == 0)
        test.process.checkInvariants()
        #expect(test.memory.byte(test.cpu, pinned, offset: 0) == 1, "the device still has its page")
        try test.task.munmap(start, 2 * page)
        test.process.checkInvariants()
        try test.task.unpin(pin.handle)
        test.expectNothingLeft()
    }

    @Test func promiseMovesAlongWithTheMapping() throws {
        let (test, start) = try written(1)
        let pin = try test.task.pinPages(start, page, .write)
        let moved = try test.task.mremap(start, page, page, [.mayMove, .fixed], start + 64 * page)
        test.process.checkInvariants()
        _ = try test.task.fork(pid: 2)
        #expect(test.task.storeByte(moved, 5) == .done)
        test.process.checkInvariants()
        try test.task.unpin(pin.handle)
        test.expectNothingLeft()
    }

    @Test func pinInAHugePageHasForkCopyItPageByPage() throws {
        let test = try TestMachine()
        let start = try test.map(2 * span)
        try test.task.madvise(start, 2 * span, Advice.hugePage.rawValue)
        _ = test.task.storeByte(start, 3)
        #expect(test.tables.leaf(test.cpu, start) != nil)
        let head = frame(test, start)
        let pin = try test.task.pinPages(start + 5 * page, page, .write)
        let child = try test.task.fork(pid: 2)
        #expect(test.counter(.pagesCopied) == 512)
        #expect(frame(test, start + 5 * page) == test.memory.page(head, 5))
        #expect(test.task.storeByte(start + 5 * page, 9) == .done)
        #expect(frame(test, start + 5 * page) == test.memory.page(head, 5))
        test.process.checkInvariants()
        child.checkInvariants()
        try test.task.unpin(pin.handle)
        test.expectNothingLeft()
    }

    @Test func pinOfAProcessThatEndedIsNotItsSuccessors() throws {
        // The number of an address space is used again.
        let (test, start) = try written(1)
        let child = try test.task.fork(pid: 2)
        let pin = try child.main.pinPages(start, page, [.write, .longTerm])
        child.main.exit()
        let next = try test.task.fork(pid: 3)
        #expect(next.space.number == child.space.number)
        #expect(throws: Errno.EINVAL) { try test.task.unpin(pin.handle) }
        #expect(next.status().pinned == 0)
        next.checkInvariants()
        test.expectNothingLeft()
    }

    @Test func pinEndsWithExecveAndWithExit() throws {
        let (test, start) = try written(2)
        let child = try test.task.fork(pid: 2)
        _ = try child.main.pinPages(start, page, [.write, .longTerm])
        let reference = try child.main.pinPages(start + page, page, .get)
        try child.main.execve()
        #expect(throws: Errno.EINVAL) { try test.task.unpin(reference.handle) }
        child.main.exit()
        test.expectNothingLeft()
    }

    @Test func rangeBeyondTheLastAddressIsNoHole() throws {
        let (test, _) = try written(1)
        #expect(throws: Errno.EOVERFLOW) { try test.task.pinPages(.max - 4095, page, [.write, .longTerm]) }
        // Rounded up it reaches 2^64, which Linux's check is about.
        #expect(throws: Errno.EOVERFLOW) { try test.task.pinPages(.max - 8190, page, [.write, .longTerm]) }
        #expect(throws: Errno.EFAULT) { try test.task.pinPages(.max - 8189, page - 2, [.write, .longTerm]) }
        #expect(throws: Errno.EFAULT) { try test.task.pinPages(.max - 4095, page, .get) }
        test.expectNothingLeft()
    }

    @Test func partOfARangeIsNothing() throws {
        let (test, start) = try written(2)
        try test.task.munmap(start + page, page)
        #expect(throws: Errno.EFAULT) { try test.task.pinPages(start, 2 * page, .write) }
        #expect(test.memory.refcount(frame(test, start)).load(test.cpu, .refcount) == 1)
        #expect(throws: Errno.EINVAL) { try test.task.pinPages(start, 0, .write) }
        #expect(throws: Errno.EINVAL) { try test.task.unpin(1) }
        test.expectNothingLeft()
    }

    @Test func rightsOfTheAreaDecideUnlessForced() throws {
        let test = try TestMachine()
        let start = try test.map(page, at: 0x1000_0000_0000, .read)
        #expect(throws: Errno.EFAULT) { try test.task.pinPages(start, page, .write) }
        let pin = try test.task.pinPages(start, page, [.write, .force])
        #expect(!test.tables.format.isWritable(test.entry(start)), "the program itself still may not write")
        #expect(test.task.storeByte(start, 1) == .signal(.accessError, address: start))
        try test.task.unpin(pin.handle)
        let closed = try test.map(page, at: start + 16 * page, [])
        #expect(throws: Errno.EFAULT) { try test.task.pinPages(closed, page, []) }
        let forced = try test.task.pinPages(closed, page, .force)
        try test.task.unpin(forced.handle)
        test.expectNothingLeft()
    }

    @Test func everyFlagIsTakenOrRefusedByEveryEntryPoint() {
        let always: FollowFlags = [.write, .force, .noFault, .peerToPeer, .honoursNUMAFaults]
        let slow: FollowFlags = [.dump, .noWait, .hardwarePoison, .anonymous, .splitLeaves, .interruptible]
        for entry in FollowEntry.allCases {
            for bit in 0..<32 {
                let flag = FollowFlags(rawValue: 1 << UInt32(bit))
                if flag == .get || flag == .longTerm { continue }
                let isFast = entry == .getFast || entry == .pinFast
                let isTaken = always.contains(flag) || !isFast && slow.contains(flag)
                #expect((entry.checked(flag) != nil) == isTaken, "\(entry), bit \(bit)")
            }
            let pins: Bool = [.pin, .pinFast, .pinRemote, .pinUnlocked].contains(entry)
            #expect(entry.checked([.longTerm, .peerToPeer]) == nil)
            #expect((entry.checked(.longTerm) != nil) == pins)
            #expect((entry.checked(.get) == nil) == pins)
        }
    }

    @Test func nothingPinnedIsAnErrorAndAHoleIsEFAULT() throws {
        let test = try TestMachine()
        let start = try test.map(page)
        let flags: FollowFlags = [.pin, .touch]
        #expect(throws: Errno.EFAULT) {
            _ = try test.space.followPages(test.cpu, start + 8 * page, count: 1, flags) { _, _ in }
        }
        #expect(throws: Errno.EFAULT) {
            _ = try test.space.followPages(test.cpu, start, count: 1, flags.union(.noFault)) { _, _ in }
        }
        #expect(throws: Errno.EINVAL) { _ = try test.space.remotePage(test.cpu, start, .noWait) }
        test.expectNothingLeft()
    }

    @Test func anotherProcessReadsAndWritesWhateverTheRights() throws {
        let (test, start) = try written(2)
        let child = try test.task.fork(pid: 2)
        try test.task.mprotect(start, 2 * page, .read)
        #expect(child.main.readMemory(of: test.process, start + page - 1, 3) == [0, 2, 0])
        #expect(child.main.writeMemory(of: test.process, start, [8, 9]) == 2)
        #expect(test.byte(start) == 8 && test.byte(start + 1) == 9)
        var own: UInt8 = 0
        _ = child.main.load(start, 1) { own = $0 }
        #expect(own == 1, "the copy was the other process's")
        #expect(child.main.writeMemory(of: test.process, start, [1], force: false) == 0)
        try test.task.munmap(start + page, page)
        #expect(child.main.readMemory(of: test.process, start + page - 2, 10).count == 2)
        test.expectNothingLeft()
    }

    @Test func fastWayGivesWhatTheTablesHaveAndNoMore() throws {
        let (test, start) = try written(2)
        try test.discard(start + page, page)
        var got: [FrameNumber] = []
        let flags: FollowFlags = [.pin, .write]
        let count = test.space.followFast(test.cpu, start, count: 2, flags) { _, frame in
            got.append(frame)
        } undo: {
        }
        #expect(count == 1 && got == [frame(test, start)])
        for frame in got { test.memory.ungrab(test.cpu, frame, flags) }
        test.space.forkSequence.beginWrite(test.cpu)
        let during = test.space.followFast(test.cpu, start, count: 1, flags) { _, _ in
        } undo: {
        }
        #expect(during == 0)
        test.space.forkSequence.endWrite(test.cpu)
        test.expectNothingLeft()
    }
}

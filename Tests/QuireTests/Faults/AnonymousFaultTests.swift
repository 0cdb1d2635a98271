// Faults on anonymous memory: the zero page, the first write, copy on write after fork and who may skip the copy,
// stacks, guards and the signals.

import Testing

@testable import Quire

@Suite struct AnonymousFaultTests {
    @Test(arguments: Layout.allCases) func readingMapsTheZeroPageAndWritingReplacesIt(_ layout: Layout) throws {
        let test = try TestMachine { layout.apply(&$0) }
        let start = try test.map(4 * page)
        #expect(test.byte(start) == 0)
        #expect(test.tables.format.frame(test.entry(start)) == test.core.zeroFrame)
        #expect(!test.tables.format.isWritable(test.entry(start)))
        #expect(test.status.resident == 0, "the zero page is nobody's")
        #expect(test.core.anonVMAs.used == 0)
        #expect(test.task.storeByte(start, 5) == .done)
        #expect(test.tables.format.frame(test.entry(start)) != test.core.zeroFrame)
        #expect(test.status.anonymous == 4 && test.status.minorFaults == 2)
        #expect(test.byte(start) == 5 && test.byte(start + 1) == 0)
        test.process.checkInvariants()
        test.expectNothingLeft()
    }

    @Test func aFreshPageReadsAsZeroWhateverItsFrameHeld() throws {
        for contents in [Contents.lazy, .eager] {
            let test = try TestMachine { $0.contents = contents }
            let start = try test.map(span)
            for place in 0..<64 as Range<UInt64> { _ = test.task.store(start + place * page, page, 0xff) }
            try test.discard(start, span)
            for place in 0..<64 as Range<UInt64> {
                #expect(test.task.storeByte(start + place * page + 7, 1) == .done)
                var sum = 0
                _ = test.task.load(start + place * page, page) { sum += Int($0) }
                #expect(sum == 1)
            }
            test.expectNothingLeft()
        }
    }

    @Test(arguments: Layout.allCases) func afterForkEachSideWritesItsOwnCopy(_ layout: Layout) throws {
        let test = try TestMachine { layout.apply(&$0) }
        let start = try test.map(3 * page)
        for place in 0..<3 as Range<UInt64> { _ = test.task.storeByte(start + place * page, 10 + UInt8(place)) }
        let child = try test.task.fork(pid: 2)
        let task = child.main
        let frame = test.tables.format.frame(test.entry(start))
        #expect(!test.tables.format.isWritable(test.entry(start)))
        #expect(test.memory.mapcount(frame).load(test.cpu, .mapcount) == 2)
        #expect(!test.memory.has(test.cpu, frame, FrameFlags.anonExclusive))
        #expect(task.storeByte(start, 99) == .done)
        var childs: UInt8 = 0
        _ = task.load(start, 1) { childs = $0 }
        #expect(childs == 99 && test.byte(start) == 10)
        #expect(test.counter(.pagesCopied) == 1)
        // The child let go of that page: the parent is alone with it and need not copy.
        #expect(test.task.storeByte(start, 50) == .done)
        #expect(test.counter(.pagesCopied) == 1 && test.counter(.pagesReused) == 1)
        #expect(test.tables.format.frame(test.entry(start)) == frame)
        // One that both still have is copied by the parent too.
        #expect(test.task.storeByte(start + page, 51) == .done)
        #expect(test.counter(.pagesCopied) == 2)
        _ = task.load(start + page, 1) { childs = $0 }
        #expect(childs == 11)
        test.process.checkInvariants()
        child.checkInvariants()
        test.expectNothingLeft()
    }

    @Test func whenTheChildHasEndedNothingIsCopied() throws {
        let test = try TestMachine()
        let start = try test.map(8 * page)
        test.task.touchWrite(start, 8 * page)
        try test.task.fork(pid: 2).main.exit()
        test.task.touchWrite(start, 8 * page)
        #expect(test.counter(.pagesCopied) == 0 && test.counter(.pagesReused) == 8)
        test.process.checkInvariants()
        test.expectNothingLeft()
    }

    @Test func forkLeavesOutAndWipesWhatItWasTold() throws {
        let test = try TestMachine()
        let start = try test.map(6 * page)
        test.task.touchWrite(start, 6 * page)
        try test.task.madvise(start, 2 * page, Advice.dontFork.rawValue)
        try test.task.madvise(start + 2 * page, 2 * page, Advice.wipeOnFork.rawValue)
        let child = try test.task.fork(pid: 2)
        #expect(child.main.access(start, .read) == .signal(.mapError, address: start))
        var byte: UInt8 = 1
        _ = child.main.load(start + 2 * page, 1) { byte = $0 }
        #expect(byte == 0)
        #expect(child.status().anonymous == 8)
        child.checkInvariants()
        test.expectNothingLeft()
    }

    @Test func signalsNameTheExactAddress() throws {
        let test = try TestMachine()
        let start = try test.map(4 * page, at: 0x50_0000)
        try test.task.mprotect(start, page, .read)
        try test.task.mprotect(start + page, page, [])
        let task = test.task
        #expect(task.storeByte(start + 123, 1) == .signal(.accessError, address: start + 123))
        #expect(task.access(start + page + 7, .read) == .signal(.accessError, address: start + page + 7))
        #expect(task.access(start + 2 * page, .execute) == .signal(.accessError, address: start + 2 * page))
        #expect(task.access(start + 4 * page, .read) == .signal(.mapError, address: start + 4 * page))
        #expect(task.access(1 << 63, .read) == .signal(.notCanonical, address: 0))
        // A store across a border does its first part.
        #expect(task.store(start + 4 * page - 2, 4, 8) == .signal(.mapError, address: start + 4 * page))
        #expect(test.byte(start + 4 * page - 1) == 8)
        try task.madvise(start + 3 * page, page, Advice.guardInstall.rawValue)
        #expect(task.access(start + 3 * page + 1, .read) == .signal(.mapError, address: start + 3 * page + 1))
        test.expectNothingLeft()
    }

    /// The stack grows down to the page that was touched and keeps 1 MiB from what lies below it.
    @Test func aStackGrowsAndKeepsItsGap() throws {
        let test = try TestMachine()
        let top: UInt64 = 0x7000_0000
        _ = try test.map(4 * page, at: top - 4 * page, [.read, .write], .growsDown)
        #expect(test.task.storeByte(top - 40 * page, 1) == .done)
        #expect(test.picture(top - 42 * page, pages: 3) == "|..|W|")
        #expect(test.status.size == 160)
        let below = try test.map(page, at: top - 400 * page)
        let nearest = below + page + 256 * page
        #expect(test.task.storeByte(nearest, 1) == .done)
        #expect(test.task.storeByte(nearest - page, 1) == .signal(.mapError, address: nearest - page))
        // 8 MiB is the limit of a stack.
        try test.task.munmap(below, page)
        let lowest = top - (8 << 20)
        #expect(test.task.storeByte(lowest - page, 1) == .signal(.mapError, address: lowest - page))
        #expect(test.task.storeByte(lowest, 1) == .done)
        test.process.checkInvariants()
        test.expectNothingLeft()
    }

    @Test func usedUpMemoryKillsAndLeavesEverythingInOrder() throws {
        let test = try TestMachine { $0.memory = 8 << 20 }
        let start = try test.map(8 << 20, [.read, .write], .noReserve)
        #expect(test.task.touchWrite(start, 8 << 20) == .killed)
        test.process.checkInvariants()
        try test.discard(start, span)
        #expect(test.task.touchWrite(start, span / 2) == .done)
        test.expectNothingLeft()
    }
}

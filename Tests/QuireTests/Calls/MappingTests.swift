// mmap, munmap, brk and the commit limit: places, merging, refusals, in pictures (Support/Picture.swift).

import Testing

@testable import Quire

@Suite struct MappingTests {
    private let base: UInt64 = 0x4000_0000

    @Test func neighboursOfOneKindAreOneArea() throws {
        let test = try TestMachine()
        _ = try test.map(2 * page, at: base)
        _ = try test.map(2 * page, at: base + 4 * page)
        #expect(test.picture(base, pages: 6) == "|ww|..|ww|")
        _ = try test.map(2 * page, at: base + 2 * page)
        #expect(test.picture(base, pages: 6) == "|wwwwww|")
        _ = try test.map(page, at: base + 6 * page, .read)
        #expect(test.picture(base, pages: 7) == "|wwwwww|r|")
        _ = try test.map(2 * page, at: base + 5 * page, .read)
        #expect(test.picture(base, pages: 7) == "|wwwww|rr|")
        test.process.checkInvariants()
        test.expectNothingLeft()
    }

    @Test func unmappingCutsAndFreesPagesAndTables() throws {
        let test = try TestMachine()
        _ = try test.map(8 * page, at: base)
        test.task.touchWrite(base, 8 * page)
        try test.task.munmap(base + 2 * page, 3 * page)
        #expect(test.picture(base, pages: 8) == "|WW|...|WWW|")
        #expect(test.status.anonymous == 20 && test.status.tables[0] == 1)
        try test.task.munmap(base + page, 6 * page)
        #expect(test.picture(base, pages: 8) == "|W|......|W|")
        try test.task.munmap(base, 8 * page)
        #expect(test.status.pageTables == 0 && test.status.size == 0)
        try test.task.munmap(base, 8 * page)
        #expect(throws: Errno.EINVAL) { try test.task.munmap(base + 1, page) }
        #expect(throws: Errno.EINVAL) { try test.task.munmap(base, 0) }
        test.expectNothingLeft()
    }

    /// Tables at every level go with the last area under them, and stay for a neighbour.
    @Test(arguments: Layout.allCases) func tablesStayForNeighboursOnly(_ layout: Layout) throws {
        let test = try TestMachine { layout.apply(&$0) }
        let upper = test.tables.format.levels - 2
        _ = try test.map(page, at: base)
        _ = try test.map(page, at: base + span)
        _ = try test.map(page, at: base + 512 * span)
        for offset in [0, span, 512 * span] { test.task.touchWrite(base + offset, page) }
        #expect(test.status.tables[0...1] == [3, 2])
        try test.task.munmap(base + span, page)
        #expect(test.status.tables[0...1] == [2, 2])
        try test.task.munmap(base + 512 * span, page)
        #expect(test.status.tables[0...1] == [1, 1])
        #expect(test.status.pageTables == UInt64(4 * (1 + upper)))
        test.process.checkInvariants()
        test.expectNothingLeft()
    }

    @Test func fixedReplacesAndNoReplaceRefuses() throws {
        let test = try TestMachine()
        _ = try test.map(4 * page, at: base)
        test.task.touchWrite(base, 4 * page)
        _ = try test.map(page, at: base + page, .read)
        #expect(test.picture(base, pages: 4) == "|W|r|WW|")
        let noReplace: MapFlags = [.private, .anonymous, .fixedNoReplace]
        #expect(throws: Errno.EEXIST) {
            try test.task.mmap(base + 3 * page, length: 2 * page, protection: .read, flags: noReplace)
        }
        #expect(test.picture(base, pages: 5) == "|W|r|WW|.|")
        let placed = try test.task.mmap(base + 4 * page, length: page, protection: .read, flags: noReplace)
        #expect(placed == base + 4 * page)
        // A hint that is taken is passed over, one that is free is followed.
        let elsewhere = try test.task.mmap(base, length: page, protection: .read, flags: [.private, .anonymous])
        #expect(elsewhere != base)
        let hinted = try test.task.mmap(
            base + 9 * page, length: page, protection: .read, flags: [.private, .anonymous])
        #expect(hinted == base + 9 * page)
        test.expectNothingLeft()
    }

    @Test func freePlacesAreTakenFromTheTop() throws {
        let test = try TestMachine { $0.mmapBase = 0x7000_0000_0000 }
        #expect(try test.map(page) == 0x7000_0000_0000 - page)
        #expect(try test.map(3 * page) == 0x7000_0000_0000 - 4 * page)
        let huge = try test.map(span)
        #expect(huge % span == 0, "anonymous memory of whole 2 MiB is aligned")
        test.expectNothingLeft()
    }

    @Test func badArgumentsAreRefusedAsLinuxDoes() throws {
        let test = try TestMachine()
        let task = test.task
        let flags: MapFlags = [.private, .anonymous]
        #expect(throws: Errno.EINVAL) { try task.mmap(length: 0, protection: .read, flags: flags) }
        #expect(throws: Errno.ENOMEM) { try task.mmap(length: .max, protection: .read, flags: flags) }
        #expect(throws: Errno.EINVAL) { try task.mmap(length: page, protection: .read, flags: .anonymous) }
        #expect(throws: Errno.EBADF) { try task.mmap(length: page, protection: .read, flags: .private, fd: 9) }
        #expect(throws: Errno.EINVAL) {
            try task.mmap(base + 1, length: page, protection: .read, flags: flags.union(.fixed))
        }
        let fd = try task.openRecorded("/etc/passwd", size: page)
        #expect(throws: Errno.EACCES) {
            try task.mmap(length: page, protection: [.read, .write], flags: .shared, fd: fd)
        }
        #expect(throws: Errno.EINVAL) {
            try task.mmap(length: page, protection: .read, flags: .private, fd: fd, offset: 1)
        }
        #expect(test.status.size == 0)
        test.expectNothingLeft()
    }

    /// 8 TiB of private writable memory on a machine of 24 GiB: refused, unless without reservation.
    @Test func moreThanThereIsIsNotPromised() throws {
        let test = try TestMachine { $0.memory = 24 << 30 }
        #expect(throws: Errno.ENOMEM) { try test.map(8 << 40) }
        #expect(test.machine.committedPages == 0 && test.status.size == 0)
        let reserved = try test.map(8 << 40, [.read, .write], .noReserve)
        #expect(test.machine.committedPages == 0)
        try test.task.munmap(reserved, 8 << 40)
        _ = try test.map(8 << 40, .read)
        let some = try test.map(1 << 30)
        #expect(test.machine.committedPages == 1 << 18)
        // Strictly: half of memory.
        try test.machine.set("/proc/sys/vm/overcommit_memory", "2")
        #expect(throws: Errno.ENOMEM) { try test.map(12 << 30) }
        _ = try test.map(10 << 30)
        try test.machine.set("/proc/sys/vm/overcommit_memory", "1")
        _ = try test.map(8 << 40)
        try test.task.munmap(some, 1 << 30)
        test.process.checkInvariants()
        test.expectNothingLeft()
    }

    @Test func theHeapGrowsAndShrinks() throws {
        let test = try TestMachine()
        test.process.setHeap(start: base)
        let task = test.task
        #expect(task.brk(0) == base)
        #expect(task.brk(base + 100) == base + 100)
        #expect(test.picture(base, pages: 2) == "|w|.|")
        #expect(task.brk(base + 4 * page) == base + 4 * page)
        task.touchWrite(base, 4 * page)
        #expect(test.picture(base, pages: 5) == "|WWWW|.|")
        #expect(task.brk(base + page + 1) == base + page + 1)
        #expect(test.picture(base, pages: 5) == "|WW|...|")
        #expect(task.brk(base - page) == base + page + 1, "below its start it stays")
        _ = try test.map(page, at: base + 6 * page)
        #expect(task.brk(base + 7 * page) == base + page + 1, "something is in the way")
        #expect(task.brk(base + 5 * page) == base + 5 * page)
        test.process.checkInvariants()
        test.expectNothingLeft()
    }

    @Test func populatingFaultsEverythingIn() throws {
        let test = try TestMachine()
        let start = try test.map(8 * page, [.read, .write], .populate)
        #expect(test.picture(start, pages: 8) == "|WWWWWWWW|")
        let readOnly = try test.map(4 * page, .read, .populate)
        #expect(test.tables.format.frame(test.entry(readOnly)) == test.core.zeroFrame)
        #expect(test.counter(.faults) == 0, "without the program's doing")
        #expect(test.status.minorFaults == 12)
        test.expectNothingLeft()
    }
}

// mprotect, mremap and mlock, in pictures (Support/Picture.swift).

import Testing

@testable import Quire

@Suite struct ProtectAndMoveTests {
    private let base: UInt64 = 0x4000_0000

    /// N-08: read-only, the middle page writable, read-only again: one area if nobody wrote, three if somebody did.
    @Test func threeAreasBecomeOneUnlessWritten() throws {
        for written in [false, true] {
            let test = try TestMachine()
            _ = try test.map(3 * page, at: base, .read)
            try test.task.mprotect(base + page, page, [.read, .write])
            #expect(test.picture(base, pages: 3) == "|r|w|r|")
            if written { test.task.touchWrite(base + page, page) }
            try test.task.mprotect(base + page, page, .read)
            #expect(test.picture(base, pages: 3) == (written ? "|r|R|r|" : "|rrr|"))
            #expect(test.machine.committedPages == (written ? 1 : 0))
            test.process.checkInvariants()
            test.expectNothingLeft()
        }
    }

    @Test func rightsDecideWhatFaults() throws {
        let test = try TestMachine()
        _ = try test.map(4 * page, at: base)
        test.task.touchWrite(base, 4 * page)
        try test.task.mprotect(base, page, .read)
        try test.task.mprotect(base + page, page, [])
        #expect(test.picture(base, pages: 4) == "|R|N|WW|")
        #expect(test.task.storeByte(base, 1) == .signal(.accessError, address: base))
        #expect(test.task.access(base + page, .read) == .signal(.accessError, address: base + page))
        try test.task.mprotect(base, 2 * page, [.read, .write])
        #expect(test.picture(base, pages: 4) == "|WWWW|")
        // The pages are this mapping's alone: writable at once, no fault.
        let faults = test.counter(.faults)
        #expect(test.task.storeByte(base + page, 9) == .done)
        #expect(test.counter(.faults) == faults && test.byte(base + page) == 9)
        test.process.checkInvariants()
        test.expectNothingLeft()
    }

    @Test func aHoleStopsMprotectWhereItIs() throws {
        let test = try TestMachine()
        _ = try test.map(2 * page, at: base)
        _ = try test.map(2 * page, at: base + 3 * page)
        #expect(throws: Errno.ENOMEM) { try test.task.mprotect(base, 5 * page, .read) }
        #expect(test.picture(base, pages: 5) == "|rr|.|ww|")
        #expect(throws: Errno.EINVAL) { try test.task.mprotect(base + 1, page, .read) }
        let fd = try test.task.openRecorded("/etc/passwd", size: page)
        let file = try test.task.mmap(length: page, protection: .read, flags: .shared, fd: fd)
        #expect(throws: Errno.EACCES) { try test.task.mprotect(file, page, [.read, .write]) }
        test.expectNothingLeft()
    }

    /// Moves of every alignment: entry by entry, whole tables, both.
    @Test(arguments: Layout.allCases, [0, 1, 37, 511] as [UInt64])
    func aMoveKeepsTheContents(_ layout: Layout, _ shift: UInt64) throws {
        let test = try TestMachine { layout.apply(&$0) }
        let start = try test.map(3 * span, at: base)
        let places: [UInt64] = [0, 1, 300, 511, 512, 513, 900, 1024, 1535]
        for place in places { _ = test.task.storeByte(start + place * page, UInt8(truncatingIfNeeded: place) | 1) }
        try test.task.madvise(start + 5 * page, page, Advice.guardInstall.rawValue)
        let target: UInt64 = 0x7000_0000 + shift * page
        #expect(try test.task.mremap(start, 3 * span, 4 * span, [.mayMove, .fixed], target) == target)
        for place in places { #expect(test.byte(target + place * page) == UInt8(truncatingIfNeeded: place) | 1) }
        #expect(test.byte(target + 5 * page) == nil, "the guard went along")
        #expect(test.byte(target + 3 * span + 7) == 0)
        #expect(test.byte(start) == nil)
        #expect(test.status.size == 4 * span >> 10 && test.status.anonymous == UInt64(places.count) * 4)
        test.process.checkInvariants()
        test.expectNothingLeft()
    }

    @Test func growingInPlaceAndShrinking() throws {
        let test = try TestMachine()
        _ = try test.map(2 * page, at: base)
        test.task.touchWrite(base, 2 * page)
        #expect(try test.task.mremap(base, 2 * page, 5 * page, []) == base)
        #expect(test.picture(base, pages: 6) == "|WWwww|.|")
        #expect(try test.task.mremap(base, 5 * page, page, []) == base)
        #expect(test.picture(base, pages: 6) == "|W|.....|")
        _ = try test.map(page, at: base + 2 * page, .read)
        #expect(throws: Errno.ENOMEM) { try test.task.mremap(base, page, 4 * page, []) }
        let moved = try test.task.mremap(base, page, 4 * page, .mayMove)
        #expect(moved != base && test.byte(moved) == UInt8(truncatingIfNeeded: base >> 12))
        #expect(throws: Errno.EFAULT) { try test.task.mremap(base, page, 2 * page, .mayMove) }
        #expect(throws: Errno.EINVAL) { try test.task.mremap(moved, page, 0, []) }
        #expect(throws: Errno.EINVAL) { try test.task.mremap(moved, page, page, .fixed, base) }
        test.process.checkInvariants()
        test.expectNothingLeft()
    }

    @Test func dontUnmapLeavesTheOldRangeEmpty() throws {
        let test = try TestMachine()
        _ = try test.map(2 * page, at: base)
        test.task.touchWrite(base, 2 * page)
        let target = try test.task.mremap(base, 2 * page, 2 * page, [.mayMove, .dontUnmap])
        #expect(test.picture(base, pages: 2) == "|ww|")
        #expect(test.picture(target, pages: 2) == "|WW|")
        #expect(test.byte(base) == 0)
        test.process.checkInvariants()
        test.expectNothingLeft()
    }

    @Test func lockedMemoryIsCountedAndPresent() throws {
        let test = try TestMachine()
        _ = try test.map(6 * page, at: base)
        try test.task.mlock(base + page, 2 * page)
        #expect(test.picture(base, pages: 6) == "|w|WW|www|")
        #expect(test.status.locked == 8)
        try test.task.mlock2(base + 4 * page, page, 1)
        #expect(test.status.locked == 12)
        #expect(test.picture(base, pages: 6) == "|w|WW|w|w|w|")
        #expect(throws: Errno.EINVAL) { try test.discard(base + page, page) }
        try test.task.munlock(base, 6 * page)
        #expect(test.status.locked == 0 && test.picture(base, pages: 6) == "|wWWwww|")
        try test.task.mlockall(3)
        #expect(test.status.locked == 24 && test.status.anonymous == 24)
        let more = try test.map(2 * page)
        #expect(test.status.locked == 32 && test.picture(more, pages: 2) == "|WW|")
        try test.task.munlockall()
        #expect(test.status.locked == 0)
        try test.task.munmap(base, 6 * page)
        test.process.checkInvariants()
        test.expectNothingLeft()
    }
}

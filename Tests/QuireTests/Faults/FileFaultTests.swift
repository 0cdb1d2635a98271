// Faults on files: the window of fault-around, the end of the file, private copies, shared writes, and what becomes
// of mapped pages when the file shrinks.

import Testing

@testable import Quire

@Suite struct FileFaultTests {
    /// The pages, relative to the area, that one read maps.
    private func window(
        areaStart: UInt64, areaPages: UInt64, filePages: UInt64, offset: UInt64 = 0, touch: UInt64
    ) throws -> [UInt64] {
        let test = try TestMachine()
        let fd = try test.task.openRecorded("/lib/libc.so.6", size: filePages * page)
        let start = try test.task.mmap(
            areaStart, length: areaPages * page, protection: .read, flags: [.private, .fixed], fd: fd,
            offset: offset * page)
        #expect(test.task.access(start + touch * page, .read) == .done)
        let mapped = (0..<areaPages).filter { !test.entry(start + $0 * page).isNone }
        #expect(test.status.file == UInt64(mapped.count) * 4)
        #expect(test.status.minorFaults == 1)
        test.process.checkInvariants()
        test.expectNothingLeft()
        return mapped
    }

    /// 16 pages from the highest of: the aligned address, the area's start, the table's start; cut off at the ends of
    /// area, table and file.
    @Test func aReadMapsSixteenPagesAroundIt() throws {
        let base: UInt64 = 0x4000_0000
        #expect(try window(areaStart: base, areaPages: 64, filePages: 64, touch: 20) == Array(16..<32))
        #expect(try window(areaStart: base, areaPages: 64, filePages: 64, touch: 16) == Array(16..<32))
        #expect(try window(areaStart: base, areaPages: 64, filePages: 64, touch: 31) == Array(16..<32))
        // The area begins inside a window: sixteen pages from its start.
        #expect(try window(areaStart: base + 5 * page, areaPages: 64, filePages: 64, touch: 3) == Array(0..<16))
        // It ends inside one, and so does the file.
        #expect(try window(areaStart: base, areaPages: 20, filePages: 64, touch: 17) == Array(16..<20))
        #expect(try window(areaStart: base, areaPages: 64, filePages: 19, touch: 17) == Array(16..<19))
        #expect(try window(areaStart: base, areaPages: 64, filePages: 64, offset: 50, touch: 3) == Array(0..<14))
        // The border of two tables.
        let late = base + span - 8 * page
        #expect(try window(areaStart: late, areaPages: 64, filePages: 64, touch: 2) == Array(0..<8))
        #expect(try window(areaStart: late, areaPages: 64, filePages: 64, touch: 9) == Array(8..<24))
    }

    @Test func theWindowIsAKnob() throws {
        let test = try TestMachine()
        let fd = try test.task.openRecorded("/data", size: 64 * page)
        let start = try test.task.mmap(length: 64 * page, protection: .read, flags: .private, fd: fd)
        try test.machine.set("/sys/kernel/debug/fault_around_bytes", "4096")
        _ = test.task.access(start + 20 * page, .read)
        #expect(test.status.file == 4)
        try test.machine.set("/sys/kernel/debug/fault_around_bytes", "131072")
        _ = test.task.access(start + 33 * page, .read)
        #expect(test.status.file == 4 + 32 * 4)
        test.expectNothingLeft()
    }

    /// Pages of a memory file that nobody made are not made by looking around.
    @Test func lookingAroundMakesNothing() throws {
        let test = try TestMachine()
        let fd = try test.task.memfdCreate("holes")
        try test.task.ftruncate(fd, 32 * page)
        _ = try test.task.write(fd, [7], at: 3 * page)
        let start = try test.task.mmap(
            0x4000_0000, length: 32 * page, protection: .read, flags: [.shared, .fixed], fd: fd)
        #expect(test.byte(start) == 0)
        #expect(test.status.shared == 8, "the page that was asked for and the one that was there")
        #expect(test.byte(start + 3 * page) == 7)
        #expect(test.status.minorFaults <= 2)
        test.expectNothingLeft()
    }

    @Test func beyondTheEndIsSIGBUS() throws {
        let test = try TestMachine()
        let fd = try test.memoryFile(pages: 2)
        try test.task.ftruncate(fd, page + 1)
        for flags in [MapFlags.shared, .private] {
            let start = try test.task.mmap(length: 4 * page, protection: [.read, .write], flags: flags, fd: fd)
            #expect(test.task.access(start + page + 4095, .read) == .done, "to the end of the last page")
            let beyond = start + 2 * page + 5
            #expect(test.task.access(beyond, .read) == .signal(.busAddressError, address: beyond))
            #expect(test.task.storeByte(beyond, 1) == .signal(.busAddressError, address: beyond))
        }
        test.process.checkInvariants()
        test.expectNothingLeft()
    }

    @Test func privateWritesStayPrivateAndSharedOnesAreSeen() throws {
        let test = try TestMachine()
        let fd = try test.memoryFile(pages: 4)
        let own = try test.task.mmap(length: 4 * page, protection: [.read, .write], flags: .private, fd: fd)
        let shared = try test.task.mmap(length: 4 * page, protection: [.read, .write], flags: .shared, fd: fd)
        #expect(test.byte(own) == 1 && test.byte(shared) == 1)
        #expect(test.task.storeByte(own, 100) == .done)
        #expect(test.byte(own) == 100 && test.byte(shared) == 1)
        #expect(test.task.storeByte(shared + page, 200) == .done)
        #expect(test.byte(own + page) == 200, "not copied yet: the file's page")
        #expect(try test.task.read(fd, 1, at: page) == [200])
        #expect(test.status.anonymous == 4)
        #expect(test.counter(.pagesCopied) == 1)
        test.process.checkInvariants()
        test.expectNothingLeft()
    }

    @Test func truncationTakesMappedPagesAndCopiesAway() throws {
        let test = try TestMachine()
        let fd = try test.memoryFile(pages: 6)
        let own = try test.task.mmap(length: 6 * page, protection: [.read, .write], flags: .private, fd: fd)
        let shared = try test.task.mmap(length: 6 * page, protection: [.read, .write], flags: .shared, fd: fd)
        test.task.touchWrite(own, 6 * page)
        test.task.touchRead(shared, 6 * page)
        try test.task.ftruncate(fd, 2 * page)
        #expect(test.status.anonymous == 8 && test.status.shared == 8)
        #expect(test.task.access(own + 2 * page, .read) == .signal(.busAddressError, address: own + 2 * page))
        // A hole punched keeps private copies and reads as zero elsewhere.
        try test.task.fallocate(fd, 3, 0, page)
        #expect(test.status.anonymous == 8 && test.status.shared == 4)
        #expect(test.byte(shared) == 0)
        test.process.checkInvariants()
        test.expectNothingLeft()
    }

    @Test func executingMapsCodeAndTheCacheKeepsIt() throws {
        let test = try TestMachine()
        let fd = try test.task.openRecorded("/bin/true", size: 40 * page)
        let code = try test.task.mmap(length: 40 * page, protection: [.read, .execute], flags: .private, fd: fd)
        #expect(test.task.access(code, .execute) == .done)
        let free = test.machine.frames.free
        try test.task.munmap(code, 40 * page)
        let table = UInt64(test.tables.format.levels - 1)
        #expect(test.machine.frames.free <= free + table, "the pages stay cached")
        try test.task.close(fd)
        test.machine.dropCaches()
        #expect(test.machine.frames.free >= free + 16)
        test.expectNothingLeft()
    }
}

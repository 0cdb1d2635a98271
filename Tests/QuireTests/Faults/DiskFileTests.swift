// Files on a disk: what is read when, what is written back, and that contents outlive the page cache.

import Testing

@testable import Quire

@Suite struct DiskFileTests {
    /// A file of the workload's own directory; byte i of page p is p + 1.
    private func file(_ test: TestMachine, pages: UInt64) throws -> Int {
        let fd = try test.task.openOwn("own", OpenRequest(flags: 0x42))
        for place in 0..<pages { _ = try test.task.write(fd, [UInt8(truncatingIfNeeded: place + 1)], at: place * page) }
        return fd
    }

    private func map(_ test: TestMachine, _ fd: Int, pages: UInt64, _ flags: MapFlags = .shared) throws -> UInt64 {
        try test.task.mmap(length: pages * page, protection: [.read, .write], flags: flags, fd: fd)
    }

    /// Maps the file's pages, makes them clean and takes them out of the tables and the cache.
    private func cool(_ test: TestMachine, _ start: UInt64, pages: UInt64) throws {
        test.task.touchRead(start, pages * page)
        try test.task.msync(start, pages * page, 4)
        try test.task.madvise(start, pages * page, Advice.pageOut.rawValue)
    }

    private func expectNothingLeft(_ test: TestMachine) {
        test.process.checkInvariants()
        test.machine.shutDown()
        test.expectNothingLeft()
    }

    /// S3-26: a fault finds a page without contents also where nothing was read ahead of it; that is no error.
    @Test func coldRandomFaultsFindTheirPageNotUptodateAndReadIt() throws {
        let test = try TestMachine()
        let fd = try file(test, pages: 64)
        let start = try map(test, fd, pages: 64)
        try cool(test, start, pages: 64)
        #expect(try test.task.mincore(start, 64 * page).allSatisfy { $0 == 0 })
        try test.task.madvise(start, 64 * page, Advice.random.rawValue)
        let before = test.status
        for place in 0..<UInt64(64) { #expect(test.byte(start + place * page) == UInt8(place + 1)) }
        #expect(test.counter(.fileFaultsNotUptodate) == 64)
        #expect(test.status.majorFaults - before.majorFaults == 64)
        #expect(test.status.minorFaults == before.minorFaults)
        expectNothingLeft(test)
    }

    @Test func readingAroundMakesOneMajorFault() throws {
        let test = try TestMachine()
        let fd = try file(test, pages: 32)
        let start = try map(test, fd, pages: 32)
        try cool(test, start, pages: 32)
        let before = test.status
        for place in 0..<UInt64(16) { #expect(test.byte(start + place * page) == UInt8(place + 1)) }
        #expect(test.counter(.fileFaultsNotUptodate) == 0)
        #expect(test.status.majorFaults - before.majorFaults == 1)
        #expect(try test.task.mincore(start, 32 * page).allSatisfy { $0 == 1 })
        expectNothingLeft(test)
    }

    @Test func withoutReadaheadTheFaultReadsItsPageAlone() throws {
        let test = try TestMachine()
        try test.machine.set("machine.read_ahead_kb", "0")
        let fd = try file(test, pages: 8)
        let start = try map(test, fd, pages: 8)
        try cool(test, start, pages: 8)
        #expect(test.byte(start + 3 * page) == 4)
        #expect(try test.task.mincore(start, 8 * page) == [0, 0, 0, 1, 0, 0, 0, 0])
        #expect(test.counter(.fileFaultsNotUptodate) == 1)
        expectNothingLeft(test)
    }

    @Test func droppedCachesKeepContentsAndWhatIsDirty() throws {
        let test = try TestMachine()
        let fd = try file(test, pages: 4)
        let start = try map(test, fd, pages: 4)
        try test.task.msync(start, 4 * page, 4)
        #expect(test.task.storeByte(start + page, 99) == .done)
        try test.task.munmap(start, 4 * page)
        test.machine.dropCaches()
        let again = try map(test, fd, pages: 4)
        #expect(try test.task.mincore(again, 4 * page) == [0, 1, 0, 0])
        #expect(try test.task.read(fd, 1, at: page) == [99])
        #expect(try test.task.read(fd, 1, at: 3 * page) == [4])
        expectNothingLeft(test)
    }

    @Test func writtenBackPagesFaultAtTheNextWrite() throws {
        let test = try TestMachine()
        let fd = try file(test, pages: 2)
        let start = try map(test, fd, pages: 2)
        let private_ = try map(test, fd, pages: 2, .private)
        test.task.touchWrite(start, 2 * page)
        test.task.touchWrite(private_, page)
        let before = test.status.minorFaults
        test.task.touchWrite(start, 2 * page)
        #expect(test.status.minorFaults == before)
        try test.task.msync(start, page, 4)
        test.task.touchWrite(start, 2 * page)
        test.task.touchWrite(private_, page)
        #expect(test.status.minorFaults == before + 1, "one page was written back; the copy is nobody's business")
        expectNothingLeft(test)
    }

    @Test func collapsedAndInsertedRangesMoveContents() throws {
        let test = try TestMachine()
        let fd = try file(test, pages: 6)
        try test.task.fallocate(fd, 8, page, 2 * page)
        #expect(try test.task.read(fd, 1, at: page) == [4])
        #expect(try test.task.read(fd, 1, at: 3 * page) == [6])
        try test.task.fallocate(fd, 0x20, page, page)
        #expect(try test.task.read(fd, 1, at: page) == [0])
        #expect(try test.task.read(fd, 1, at: 2 * page) == [4])
        #expect(throws: Errno.EINVAL) { try test.task.fallocate(fd, 8, 1, page) }
        #expect(throws: Errno.EINVAL) { try test.task.fallocate(fd, 0x20, 1 << 20, page) }
        expectNothingLeft(test)
    }

    @Test func bytesBehindTheEndDoNotComeBack() throws {
        let test = try TestMachine()
        let fd = try test.task.openOwn("own", OpenRequest(flags: 0x42))
        _ = try test.task.write(fd, [1, 2, 3], at: 0)
        let start = try map(test, fd, pages: 1)
        #expect(test.task.storeByte(start + 100, 9) == .done)
        try test.task.ftruncate(fd, page)
        #expect(test.byte(start + 100) == 0)
        expectNothingLeft(test)
    }
}

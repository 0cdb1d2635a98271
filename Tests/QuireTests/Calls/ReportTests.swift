// What /proc says of a small scene, field by field; and that a machine without reclaim or with another seed says what
// it should.

import Testing

@testable import Quire

@Suite struct ReportTests {
    private let base: UInt64 = 0x4000_0000

    @Test func smapsOfASmallScene() throws {
        let test = try TestMachine()
        let fd = try test.task.openRecorded("/lib/libc.so.6", size: 64 * page)
        let code = try test.task.mmap(
            base, length: 32 * page, protection: [.read, .execute], flags: [.private, .fixed], fd: fd, offset: 16 * page
        )
        let data = try test.task.mmap(
            base + 64 * page, length: 4 * page, protection: [.read, .write], flags: [.private, .fixed], fd: fd)
        let heap = try test.map(8 * page, at: base + 128 * page)
        _ = test.task.access(code, .execute)
        _ = test.task.storeByte(data + page, 1)
        test.task.touchWrite(heap, 4 * page)
        test.task.touchRead(heap + 4 * page, 2 * page)
        try test.task.madvise(heap, page, Advice.free.rawValue)
        try test.task.mlock(heap + 7 * page, page)
        let child = try test.task.fork(pid: 2)

        let areas = test.process.areaReports()
        #expect(areas.count == 4)
        #expect(areas.map(\.permissions) == ["r-xp", "rw-p", "rw-p", "rw-p"])
        #expect(areas[0].path == "/lib/libc.so.6" && areas[0].offset == 16 * page && areas[2].path == "")
        #expect(areas[0].rss == 64 && areas[0].pss == 64 && areas[0].anonymous == 0)
        #expect(areas[0].privateClean == 64 && areas[0].sharedClean == 0)
        #expect(areas[1].anonymous == 4)
        // Shared with the child now: a page of two counts half.
        #expect(areas[2].rss == 16 && areas[2].anonymous == 16 && areas[2].pss == 8)
        #expect(areas[2].sharedDirty == 12 && areas[2].sharedClean == 4 && areas[2].lazyFree == 4)
        #expect(areas[2].referenced == 12, "the lazily freed page is old")
        #expect(areas[3].locked == 2 && areas[3].flags.contains(.locked))
        #expect(areas[2].flags.letters.starts(with: ["rd", "wr", "mr", "mw", "me", "ac"]))
        let status = test.status
        #expect(status.size == 4 * (32 + 4 + 8) && status.data == 4 * 12)
        #expect(status.anonymous == 4 * 6 && status.file == areas[0].rss + areas[1].rss - 4)
        #expect(status.locked == 4 && child.status().locked == 0)
        #expect(status.peak == status.size && status.highWater == status.resident)
        child.checkInvariants()
        test.process.checkInvariants()
        test.expectNothingLeft()
    }

    @Test func peaksStayWhenMemoryGoes() throws {
        let test = try TestMachine()
        let start = try test.map(16 * page)
        test.task.touchWrite(start, 16 * page)
        try test.task.munmap(start, 12 * page)
        let status = test.status
        #expect(status.peak == 64 && status.size == 16)
        #expect(status.highWater == 64 && status.resident == 16)
        #expect(status.peakTables == 1)
        test.expectNothingLeft()
    }

    @Test func mincoreTellsWhatIsThere() throws {
        let test = try TestMachine()
        _ = try test.map(4 * page, at: base)
        test.task.touchWrite(base + page, page)
        #expect(try test.task.mincore(base, 4 * page) == [0, 1, 0, 0])
        #expect(throws: Errno.ENOMEM) { try test.task.mincore(base + 3 * page, 2 * page) }
        test.expectNothingLeft()
    }

    @Test func knobsAreReadAndWrittenByTheirPaths() throws {
        let test = try TestMachine()
        for (key, value) in [
            ("pt_reclaim", "rfc"), ("/proc/sys/vm/overcommit_memory", "2"), ("/proc/sys/vm/max_map_count", "100"),
            ("/sys/kernel/debug/fault_around_bytes", "16384"),
        ] {
            try test.machine.set(key, value)
            #expect(try test.machine.get(key) == value)
        }
        #expect(throws: MachineError.self) { try test.machine.set("pt_reclaim", "perhaps") }
        #expect(throws: MachineError.self) { try test.machine.set("/proc/sys/vm/overcomit_memory", "1") }
        #expect(throws: MachineError.self) { try test.machine.set("machine.cpus", "2") }
        // More areas than max_map_count are refused.
        for place in 0..<101 as Range<UInt64> { _ = try test.map(page, at: base + 2 * place * page, .read) }
        #expect(throws: Errno.ENOMEM) { try test.map(page, at: base + 900 * page, .read) }
        test.expectNothingLeft()
    }
}

// vm.overcommit_memory 2: the limit to the page, what is kept back from it, and how refusals look. Asked of a live 6.18.

import Testing

@testable import Quire

@Suite struct OvercommitTests {
    private let base: UInt64 = 0x4000_0000

    /// A machine of 256 MiB where nothing beyond `pages` is promised, with nothing kept back.
    private func strict(_ pages: UInt64) throws -> TestMachine {
        let test = try TestMachine()
        try test.machine.set("/proc/sys/vm/overcommit_kbytes", String(pages * 4))
        try test.machine.set("/proc/sys/vm/user_reserve_kbytes", "0")
        try test.machine.set("/proc/sys/vm/overcommit_memory", "2")
        return test
    }

    /// The most pages that can be had at once.
    private func largest(_ test: TestMachine, _ flags: MapFlags = [.private, .anonymous], _ rights: Protection = .all)
        -> UInt64
    {
        var (low, high): (UInt64, UInt64) = (0, 1 << 20)
        while high - low > 1 {
            let middle = (low + high) / 2
            if let start = try? test.task.mmap(length: middle * page, protection: rights, flags: flags) {
                try? test.task.munmap(start, middle * page)
                low = middle
            } else {
                high = middle
            }
        }
        return low
    }

    @Test func theLimitIsAShareOfMemoryOrANumber() throws {
        let test = try TestMachine()
        func get(_ name: String) throws -> String { try test.machine.get("/proc/sys/vm/" + name) }
        #expect(test.machine.commitLimitPages == 65536 / 2)
        try test.machine.set("/proc/sys/vm/overcommit_ratio", "80")
        #expect(test.machine.commitLimitPages == 65536 * 80 / 100)
        // Setting one makes the other 0.
        try test.machine.set("/proc/sys/vm/overcommit_kbytes", "1000")
        #expect(test.machine.commitLimitPages == 250)
        #expect(try get("overcommit_ratio") == "0" && get("overcommit_kbytes") == "1000")
        try test.machine.set("/proc/sys/vm/overcommit_ratio", "50")
        #expect(try get("overcommit_ratio") == "50" && get("overcommit_kbytes") == "0")
        test.expectNothingLeft()
    }

    /// Less than the limit, not up to it.
    @Test func theLimitItselfIsTooMuch() throws {
        let test = try strict(1000)
        #expect(largest(test) == 999)
        // MAP_NORESERVE is not heeded, shared memory counts, what cannot be written does not.
        #expect(largest(test, [.private, .anonymous, .noReserve]) == 999)
        #expect(largest(test, [.shared, .anonymous]) == 999)
        #expect(largest(test, [.shared, .anonymous, .noReserve]) == 999)
        #expect(largest(test, [.private, .anonymous], .read) == 1 << 20 - 1)
        let start = try test.map(4 * page, [.read, .write], .noReserve)
        #expect(test.process.areaReports()[0].flags.contains(.account))
        try test.task.munmap(start, 4 * page)
        test.machine.checkInvariants()
        test.expectNothingLeft()
    }

    /// A 32nd of what the program has, at most user_reserve_kbytes; for all but root admin_reserve_kbytes on top.
    @Test func somethingIsKeptBack() throws {
        let test = try strict(1000)
        try test.machine.set("/proc/sys/vm/user_reserve_kbytes", "400")
        try test.machine.set("/proc/sys/vm/admin_reserve_kbytes", "200")
        _ = try test.map(320 * page, at: base, .read)
        #expect(largest(test) == 1000 - 10 - 1)
        _ = try test.map(32 << 20, at: base, .read)
        #expect(largest(test) == 1000 - 100 - 1)
        try test.machine.set("machine.capabilities", "none")
        #expect(largest(test) == 1000 - 100 - 50 - 1)
        try test.machine.set("/proc/sys/vm/admin_reserve_kbytes", "80000")
        #expect(largest(test) == 0)
        test.expectNothingLeft()
    }

    @Test func everyCallThatPromisesIsRefused() throws {
        let test = try strict(100)
        let task = test.task
        test.process.setHeap(start: 0x1000_0000)
        _ = try test.map(60 * page, at: base)
        task.touchWrite(base, page)
        let readOnly = try test.map(90 * page, .read)
        #expect(throws: Errno.ENOMEM) { try test.map(40 * page) }
        #expect(throws: Errno.ENOMEM) { try task.mprotect(readOnly, 40 * page, .all) }
        #expect(throws: Errno.ENOMEM) { try task.mremap(base, 60 * page, 100 * page, .mayMove) }
        #expect(throws: Errno.ENOMEM) { try task.mremap(base, 60 * page, 60 * page, [.mayMove, .dontUnmap]) }
        #expect(throws: Errno.ENOMEM) { try task.fork(pid: 2) }
        #expect(task.brk(0x1000_0000 + 40 * page) == 0x1000_0000)
        // A move takes its charge along: only what is new is asked for.
        let target = base + span
        #expect(try task.mremap(base, 60 * page, 98 * page, [.mayMove, .fixed], target) == target)
        try task.madvise(target, 98 * page, Advice.dontFork.rawValue)
        _ = try task.fork(pid: 2)
        test.machine.checkInvariants()
        test.expectNothingLeft()
    }

    /// A mapping in place of another needs only the difference.
    @Test func whatIsReplacedMakesRoom() throws {
        let test = try strict(100)
        _ = try test.map(90 * page, at: base)
        _ = try test.map(95 * page, at: base)
        #expect(throws: Errno.ENOMEM) { try test.map(101 * page, at: base) }
        #expect(test.picture(base, pages: 96).hasSuffix("w|.|"), "and what was there is there")
        test.machine.checkInvariants()
        test.expectNothingLeft()
    }

    /// A page of a memory file that may not be promised is as if the file had ended.
    @Test func aMemoryFileThatMayNotGrowIsABusError() throws {
        let test = try strict(10)
        let task = test.task
        let fd = try task.memfdCreate("data")
        try task.ftruncate(fd, 1 << 20)
        let start = try task.mmap(base, length: 64 * page, protection: .all, flags: [.shared, .fixed], fd: fd)
        #expect(task.touchWrite(start, 9 * page) == .done)
        let next = start + 9 * page
        #expect(task.storeByte(next, 1) == .signal(.busAddressError, address: next))
        #expect(task.access(next, .read) == .signal(.busAddressError, address: next))
        #expect(throws: Errno.ENOSPC) { try task.write(fd, [1], at: 20 * page) }
        #expect(throws: Errno.ENOSPC) { try task.fallocate(fd, 0, 20 * page, page) }
        #expect(throws: Errno.EFAULT) { try task.madvise(next, page, Advice.populateWrite.rawValue) }
        try task.fallocate(fd, 3, 0, page)
        #expect(task.storeByte(next, 1) == .done)
        test.machine.checkInvariants()
        test.process.checkInvariants()
        test.expectNothingLeft()
    }

    @Test func alwaysIsAlways() throws {
        let test = try TestMachine()
        try test.machine.set("/proc/sys/vm/overcommit_memory", "1")
        _ = try test.map(8 << 40)
        #expect(test.machine.committedPages == 8 << 28, "and is counted")
        _ = try test.map(8 << 40, [.read, .write], .noReserve)
        #expect(test.machine.committedPages == 8 << 28)
        test.machine.checkInvariants()
        test.expectNothingLeft()
    }
}

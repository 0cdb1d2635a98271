// Who is charged for what, and when: Committed_AS to the page. Every number was asked of a live 6.18.

import Testing

@testable import Quire

@Suite struct AccountingTests {
    private let base: UInt64 = 0x4000_0000

    /// The change of Committed_AS by what `body` does.
    private func charge(_ test: TestMachine, _ body: () throws -> Void) rethrows -> Int {
        let before = Int(test.machine.committedPages)
        try body()
        test.machine.checkInvariants()
        return Int(test.machine.committedPages) - before
    }

    @Test func privateMemoryIsChargedWhileItMayBeWritten() throws {
        let test = try TestMachine()
        let task = test.task
        #expect(try charge(test) { _ = try test.map(64 * page, at: base, .read) } == 0)
        #expect(try charge(test) { try task.mprotect(base, 16 * page, [.read, .write]) } == 16)
        // Never faulted: what cannot be written any more gives its charge up, also a part of it.
        #expect(try charge(test) { try task.mprotect(base + 4 * page, 4 * page, .read) } == -4)
        #expect(try charge(test) { try task.mprotect(base + 4 * page, page, []) } == 0)
        #expect(try charge(test) { try task.mprotect(base, 16 * page, [.read, .write]) } == 4)
        task.touchRead(base, 16 * page)
        #expect(try charge(test) { try task.mprotect(base, 16 * page, .read) } == -16, "the zero page is nobody's")
        #expect(try charge(test) { try task.mprotect(base, 16 * page, [.read, .write]) } == 16)
        task.touchWrite(base + page, page)
        #expect(try charge(test) { try task.mprotect(base, 16 * page, .read) } == 0, "all stays charged")
        #expect(try charge(test) { try test.discard(base, 16 * page) } == 0)
        #expect(try charge(test) { try task.mprotect(base + 8 * page, 8 * page, []) } == 0)
        #expect(try charge(test) { try task.mprotect(base, 16 * page, [.read, .write]) } == 0)
        #expect(try charge(test) { try task.munmap(base, 64 * page) } == -16)
        #expect(test.machine.committedPages == 0)
        // Without reservation, whatever rights come and go.
        #expect(try charge(test) { _ = try test.map(8 * page, at: base, [.read, .write], .noReserve) } == 0)
        #expect(try charge(test) { try task.mprotect(base, 8 * page, .read) } == 0)
        #expect(try charge(test) { try task.mprotect(base, 8 * page, [.read, .write]) } == 0)
        test.expectNothingLeft()
    }

    @Test func aPrivateFileStaysChargedOnceItMayBeWritten() throws {
        let test = try TestMachine()
        let fd = try test.task.openRecorded("/data", size: 64 * page)
        func map(_ rights: Protection) throws {
            _ = try test.task.mmap(base, length: 16 * page, protection: rights, flags: [.private, .fixed], fd: fd)
        }
        #expect(try charge(test) { try map(.read) } == 0)
        #expect(try charge(test) { try test.task.mprotect(base, 16 * page, [.read, .write]) } == 16)
        #expect(try charge(test) { try test.task.mprotect(base, 16 * page, .read) } == 0)
        #expect(try charge(test) { try map([.read, .write]) } == 0, "what is replaced gives its charge to what comes")
        #expect(try charge(test) { try map(.read) } == -16)
        test.expectNothingLeft()
    }

    @Test func sharedMemoryIsItsFilesCharge() throws {
        let test = try TestMachine()
        let task = test.task
        let shared: MapFlags = [.shared, .anonymous, .fixed]
        for rights in [Protection.read, [.read, .write]] {
            #expect(
                try charge(test) { _ = try task.mmap(base, length: 64 * page, protection: rights, flags: shared) } == 64
            )
            #expect(charge(test) { _ = task.touchRead(base, 8 * page) } == 0)
            #expect(
                try charge(test) { try task.munmap(base, 32 * page) } == 0, "all of it, until the last mapping goes")
            #expect(try charge(test) { _ = try task.fork(pid: 2) } == 0)
            #expect(try charge(test) { try task.munmap(base, 64 * page) } == 0)
            #expect(charge(test) { test.machine.process(2)!.main.exit() } == -64)
        }
        // Without reservation each page counts when it comes into being, also one that is only read.
        let unreserved = shared.union(.noReserve)
        #expect(
            try charge(test) { _ = try task.mmap(base, length: 64 * page, protection: .all, flags: unreserved) } == 0)
        #expect(charge(test) { task.touchWrite(base, 8 * page) } == 8)
        #expect(charge(test) { task.touchRead(base + 8 * page, 4 * page) } == 4)
        #expect(try charge(test) { try task.madvise(base, 6 * page, Advice.remove.rawValue) } == -6)
        #expect(try charge(test) { try task.munmap(base, 64 * page) } == -6)
        test.expectNothingLeft()
    }

    @Test func aMemoryFileIsChargedByThePage() throws {
        let test = try TestMachine()
        let task = test.task
        let fd = try task.memfdCreate("data")
        #expect(try charge(test) { try task.ftruncate(fd, 1 << 30) } == 0)
        #expect(try charge(test) { _ = try task.write(fd, [1], at: 5 * page) } == 1)
        #expect(try charge(test) { try task.fallocate(fd, 0, 16 * page, 4 * page) } == 4)
        func map(_ flags: MapFlags) throws {
            _ = try task.mmap(base, length: 64 * page, protection: .all, flags: flags.union(.fixed), fd: fd)
        }
        #expect(try charge(test) { try map(.shared) } == 0)
        #expect(charge(test) { task.touchWrite(base, 8 * page) } == 7)
        #expect(try charge(test) { try task.fallocate(fd, 3, 0, 4 * page) } == -4)
        #expect(try charge(test) { try map(.private) } == 64)
        #expect(charge(test) { task.touchWrite(base + 4 * page, 4 * page) } == 0, "copies are the area's")
        #expect(charge(test) { task.touchWrite(base, 2 * page) } == 2, "and of the holes below them the file's")
        #expect(try charge(test) { try task.ftruncate(fd, 6 * page) } == -6)
        #expect(try charge(test) { try task.munmap(base, 64 * page) } == -64)
        #expect(try charge(test) { try task.close(fd) } == -4)
        test.expectNothingLeft()
    }

    @Test func aChildIsChargedAnew() throws {
        let test = try TestMachine()
        let task = test.task
        _ = try test.map(64 * page, at: base)
        try task.madvise(base, 32 * page, Advice.wipeOnFork.rawValue)
        try task.mprotect(base + 60 * page, 4 * page, .read)
        for place in [0, 32] as [UInt64] { task.touchWrite(base + place * page, page) }
        #expect(try charge(test) { _ = try task.fork(pid: 2) } == 60)
        let child = test.machine.process(2)!.main
        // The wiped half has no anon_vma in the child, the other has.
        #expect(try charge(test) { try child.mprotect(base, 32 * page, .read) } == -32)
        #expect(try charge(test) { try child.mprotect(base + 32 * page, 28 * page, .read) } == 0)
        #expect(charge(test) { child.exit() } == -28)
        try task.madvise(base, 32 * page, Advice.dontFork.rawValue)
        #expect(try charge(test) { _ = try task.fork(pid: 3) } == 28)
        test.expectNothingLeft()
    }

    @Test func theHeapAndMovesAreCharged() throws {
        let test = try TestMachine()
        let task = test.task
        test.process.setHeap(start: 0x1000_0000)
        #expect(charge(test) { task.brk(0x1000_4001) } == 5)
        #expect(charge(test) { task.brk(0x1000_1000) } == -4)
        _ = try test.map(16 * page, at: base)
        #expect(try charge(test) { try task.mremap(base, 16 * page, 20 * page, []) } == 4)
        #expect(try charge(test) { try task.mremap(base, 20 * page, 18 * page, []) } == -2)
        let target = base + span
        #expect(try charge(test) { try task.mremap(base, 18 * page, 24 * page, [.mayMove, .fixed], target) } == 6)
        #expect(try charge(test) { try task.mremap(target, 24 * page, 24 * page, [.mayMove, .dontUnmap]) } == 24)
        test.expectNothingLeft()
    }

    @Test func aStackIsChargedAsItGrows() throws {
        let test = try TestMachine()
        #expect(try charge(test) { _ = try test.map(page, at: base, [.read, .write], .growsDown) } == 1)
        #expect(charge(test) { test.task.touchWrite(base - 7 * page, page) } == 7)
        #expect(test.status.stack == 32 && test.status.data == 0)
        #expect(try charge(test) { try test.task.munmap(base - 7 * page, 8 * page) } == -8)
        test.expectNothingLeft()
    }

    /// Linux charges its growth and never takes that back (measured: 20 such stacks of 7 MiB leave 35,840 pages behind).
    @Test func aReadOnlyStackIsNotCharged() throws {
        let test = try TestMachine()
        _ = try test.map(page, at: base, .read, .growsDown)
        #expect(charge(test) { test.task.touchRead(base - 7 * page, page) } == 0)
        #expect(test.status.stack == 32)
        // It is asked all the same.
        try test.machine.set("/proc/sys/vm/overcommit_kbytes", "4")
        try test.machine.set("/proc/sys/vm/overcommit_memory", "2")
        #expect(test.task.access(base - 9 * page, .read) == .signal(.mapError, address: base - 9 * page))
        test.process.checkInvariants()
        test.expectNothingLeft()
    }

    /// What is refused leaves what it would have replaced, cut at the borders.
    @Test func aRefusedMappingReplacesNothing() throws {
        let test = try TestMachine()
        _ = try test.map(8 * page, at: base)
        test.task.touchWrite(base, 8 * page)
        try test.task.prlimit(.addressSpace, ResourceLimit(soft: 20 * page))
        #expect(throws: Errno.ENOMEM) { try test.map(100 * page, at: base + 4 * page) }
        #expect(test.picture(base, pages: 9) == "|WWWW|WWWW|.|")
        try test.task.prlimit(.addressSpace, ResourceLimit())
        let big = try test.map(1 << 40, at: 1 << 40, [])
        #expect(throws: Errno.ENOMEM) { try test.map(1 << 39, at: big + 1 << 38) }
        #expect(test.process.areaReports().count == 5 && test.status.size == 32 + 1 << 30)
        #expect(throws: Errno.ENOMEM) { try test.task.mprotect(big, 1 << 38, [.read, .write]) }
        test.process.checkInvariants()
        test.machine.checkInvariants()
        test.expectNothingLeft()
    }
}

extension Protection {
    static let all: Protection = [.read, .write]
}

// Resource limits and capabilities: RLIMIT_AS, DATA, STACK, MEMLOCK, as a live 6.18 heeds them.

import Testing

@testable import Quire

@Suite struct LimitTests {
    private let base: UInt64 = 0x4000_0000

    @Test func limitsAreSetAsByPrlimit() throws {
        let test = try TestMachine()
        let task = test.task
        #expect(try task.prlimit(.stack) == ResourceLimit(soft: 8 << 20))
        #expect(try task.prlimit(.data, ResourceLimit(soft: page, hard: 2 * page)) == ResourceLimit())
        #expect(throws: Errno.EINVAL) { try task.prlimit(.data, ResourceLimit(soft: 5, hard: 3)) }
        try task.prlimit(.data, ResourceLimit(soft: page, hard: 4 * page))
        try test.machine.set("machine.capabilities", "none")
        #expect(throws: Errno.EPERM) { try task.prlimit(.data, ResourceLimit(soft: page, hard: 5 * page)) }
        #expect(throws: Errno.EINVAL) { try task.prlimit(.data, ResourceLimit(soft: 9 * page, hard: 5 * page)) }
        let child = try task.fork(pid: 2)
        try child.main.execve()
        #expect(try child.main.prlimit(.data) == ResourceLimit(soft: page, hard: 4 * page), "a child's too")
        try test.machine.set("rlimit.data", "1M")
        #expect(try task.prlimit(.data) == ResourceLimit(soft: 1 << 20, hard: 1 << 20))
        #expect(try test.machine.get("rlimit.data") == "1048576" && test.machine.get("rlimit.as") == "unlimited")
        test.expectNothingLeft()
    }

    @Test func addressSpaceIsLimited() throws {
        let test = try TestMachine()
        let task = test.task
        test.process.setHeap(start: 0x1000_0000)
        _ = try test.map(8 * page, at: base)
        try task.prlimit(.addressSpace, ResourceLimit(soft: 10 * page + 1))
        #expect(throws: Errno.ENOMEM) { try test.map(3 * page, .read) }
        #expect(throws: Errno.ENOMEM) { try task.mremap(base, 8 * page, 11 * page, .mayMove) }
        #expect(throws: Errno.ENOMEM) { try task.mremap(base, 8 * page, 8 * page, [.mayMove, .dontUnmap]) }
        #expect(task.brk(0x1000_0000 + 3 * page) == 0x1000_0000)
        // What is replaced makes room.
        _ = try test.map(10 * page, at: base)
        test.expectNothingLeft()
    }

    @Test func dataIsLimited() throws {
        let test = try TestMachine()
        let task = test.task
        test.process.setHeap(start: 0x1000_0000)
        _ = try test.map(8 * page, at: base)
        try task.prlimit(.data, ResourceLimit(soft: page))
        #expect(throws: Errno.ENOMEM) { try test.map(page) }
        #expect(throws: Errno.ENOMEM) { try task.mremap(base, 4 * page, 200 * page, .mayMove) }
        #expect(throws: Errno.ENOMEM) { try task.mremap(base + 4 * page, 4 * page, 4 * page, [.mayMove, .dontUnmap]) }
        #expect(task.brk(0x1000_0000 + 2 * page) == 0x1000_0000)
        // Stacks, shared memory and what cannot be written are no data.
        _ = try test.map(page, at: 0x2000_0000, .all, .growsDown)
        _ = try task.mmap(length: page, protection: .all, flags: [.shared, .anonymous])
        let readOnly = try test.map(4 * page, .read)
        #expect(throws: Errno.ENOMEM) { try task.mprotect(readOnly, page, .all) }
        try task.mprotect(base, 8 * page, .read)
        #expect(test.status.data == 0)
        try task.mprotect(readOnly, page, .all)
        #expect(test.status.data == 4)
        // A soft limit of 0 is not heeded: the hard one is (Valgrind's workaround).
        try task.prlimit(.data, ResourceLimit(soft: 0, hard: 3 * page))
        _ = try test.map(2 * page)
        #expect(throws: Errno.ENOMEM) { try test.map(page) }
        test.process.checkInvariants()
        test.expectNothingLeft()
    }

    @Test func lockingWithoutCapabilitiesIsLimited() throws {
        let test = try TestMachine()
        let task = test.task
        test.process.setHeap(start: 0x1000_0000)
        _ = try test.map(16 * page, at: base)
        try task.prlimit(.lockedMemory, ResourceLimit(soft: 4 * page))
        try task.mlock(base, 5 * page)
        try task.munlock(base, 16 * page)
        try test.machine.set("machine.capabilities", "none")
        try task.mlock(base, 4 * page)
        try task.mlock(base, 4 * page)
        #expect(throws: Errno.ENOMEM) { try task.mlock(base, 5 * page) }
        #expect(throws: Errno.ENOMEM) { try task.mlock(base + 2 * page, 4 * page) }
        try task.munlock(base, 2 * page)
        try task.mlock(base + 2 * page, 4 * page)
        #expect(test.status.locked == 16 && test.picture(base, pages: 16) == "|WW|WWWW|wwwwwwwwww|")
        #expect(throws: Errno.ENOMEM) { try task.mlock(base + 99 * page, 9 * page) }
        #expect(throws: Errno.EINVAL) { try task.mlock2(base, 9 * page, 2) }
        #expect(throws: Errno.EAGAIN) { try test.map(page, .all, .locked) }
        #expect(throws: Errno.EAGAIN) { try task.mremap(base + 4 * page, 2 * page, 3 * page, .mayMove) }
        #expect(throws: Errno.ENOMEM) { try task.mlockall(1) }
        try task.mlockall(2)
        #expect(throws: Errno.EAGAIN) { try test.map(page) }
        #expect(task.brk(0x1000_0000 + 9 * page) == 0x1000_0000)
        try task.munlockall()
        test.process.checkInvariants()
        test.expectNothingLeft()
    }

    @Test func lockingMayBeForbidden() throws {
        let test = try TestMachine()
        let task = test.task
        _ = try test.map(4 * page, at: base)
        try task.prlimit(.lockedMemory, ResourceLimit(soft: 0))
        try task.mlock(base, page)
        try test.machine.set("machine.capabilities", "none")
        for length in [page, 0] { #expect(throws: Errno.EPERM) { try task.mlock(base, length) } }
        #expect(throws: Errno.EPERM) { try task.mlockall(1) }
        #expect(throws: Errno.EPERM) { try task.mlockall(2) }
        #expect(throws: Errno.EINVAL) { try task.mlockall(4) }
        #expect(throws: Errno.EINVAL) { try task.mlock2(base, page, 4) }
        try task.munlock(base, page)
        let locked: MapFlags = [.private, .anonymous, .fixed, .locked]
        #expect(throws: Errno.EPERM) { try task.mmap(base, length: page, protection: .all, flags: locked) }
        #expect(throws: Errno.EPERM) {
            try task.mmap(base, length: page, protection: .all, flags: locked.union([.shared, .private]))
        }
        #expect(throws: Errno.EINVAL) { try task.mmap(base + 1, length: page, protection: .all, flags: locked) }
        #expect(throws: Errno.EEXIST) {
            try task.mmap(
                base, length: page, protection: .all, flags: [.private, .anonymous, .locked, .fixedNoReplace])
        }
        test.expectNothingLeft()
    }

    @Test func stacksAreLimited() throws {
        let test = try TestMachine()
        let task = test.task
        try task.prlimit(.stack, ResourceLimit(soft: 16 * page))
        _ = try test.map(page, at: base, .all, .growsDown)
        #expect(task.storeByte(base - 15 * page, 1) == .done)
        #expect(task.storeByte(base - 16 * page, 1) == .signal(.mapError, address: base - 16 * page))
        // Locked, it grows as far as may be locked.
        try task.prlimit(.lockedMemory, ResourceLimit(soft: 4 * page))
        try test.machine.set("machine.capabilities", "none")
        let locked = try test.map(page, at: base + 2 * span, .all, .growsDown)
        try task.mlock(locked, page)
        #expect(task.storeByte(locked - 3 * page, 1) == .done && test.status.locked == 16)
        #expect(task.storeByte(locked - 4 * page, 1) == .signal(.mapError, address: locked - 4 * page))
        // 256 pages stay free below it, but for a neighbour that nobody can use.
        let below = try test.map(page, at: base - 300 * page)
        try task.prlimit(.stack, ResourceLimit())
        #expect(task.storeByte(below + 257 * page, 1) == .done)
        #expect(task.storeByte(below + 256 * page, 1) == .signal(.mapError, address: below + 256 * page))
        try task.mprotect(below, page, [])
        #expect(task.storeByte(below + page, 1) == .done)
        test.process.checkInvariants()
        test.machine.checkInvariants()
        test.expectNothingLeft()
    }

    /// VmData, VmStk and VmExe follow the rights.
    @Test func kindsOfMemoryAreCounted() throws {
        let test = try TestMachine()
        let task = test.task
        func counts() -> [UInt64] { [test.status.size, test.status.data, test.status.stack, test.status.code] }
        _ = try test.map(4 * page, at: base)
        _ = try test.map(2 * page, at: base + span, [.read, .execute])
        _ = try test.map(page, at: base + 2 * span, .all, .growsDown)
        #expect(counts() == [28, 16, 4, 8])
        try task.mprotect(base, page, [.read, .execute])
        try task.mprotect(base + page, page, .read)
        try task.mprotect(base + span, page, [.read, .write, .execute])
        #expect(counts() == [28, 12, 4, 8])
        let child = try task.fork(pid: 2)
        #expect(child.status().stack == 4 && child.status().code == 8 && child.status().data == 12)
        try task.munmap(base, 4 * page)
        #expect(counts() == [12, 4, 4, 4])
        for process in test.machine.processes { process.checkInvariants() }
        test.expectNothingLeft()
    }
}

// PR_SET_VMA_ANON_NAME. The kernel that the model follows is built without it, so what it does with it is its
// documentation's and has not been asked of a live one: the knob is off unless somebody sets it.

import Testing

@testable import Quire

@Suite struct AreaNameTests {
    private let base: UInt64 = 0x4000_0000

    private func machine() throws -> TestMachine {
        let test = try TestMachine()
        try test.machine.set("machine.anon_vma_name", "on")
        return test
    }

    private func paths(_ process: Process) -> [String] { process.areaReports().map(\.path) }

    @Test func withoutTheKnobItIsRefused() throws {
        let test = try TestMachine()
        _ = try test.map(page, at: base)
        #expect(throws: Errno.EINVAL) { try test.task.setAreaName(base, page, "name") }
        #expect(try test.machine.get("machine.anon_vma_name") == "off")
        test.expectNothingLeft()
    }

    @Test func namesSplitAndMerge() throws {
        let test = try machine()
        _ = try test.map(6 * page, at: base)
        try test.task.setAreaName(base + page, 2 * page, "one")
        #expect(paths(test.process) == ["", "[anon:one]", ""])
        try test.task.setAreaName(base + 3 * page, page, "two")
        #expect(paths(test.process) == ["", "[anon:one]", "[anon:two]", ""])
        try test.task.setAreaName(base + 3 * page, page, "one")
        #expect(test.picture(base, pages: 6) == "|w|www|ww|")
        // Another record, the same name.
        try test.task.setAreaName(base + 5 * page, page, "one")
        try test.task.setAreaName(base + 4 * page, page, "one")
        #expect(test.picture(base, pages: 6) == "|w|wwwww|")
        _ = try test.map(page, at: base + 6 * page)
        #expect(test.picture(base, pages: 7) == "|w|wwwww|w|", "a new mapping has no name")
        try test.task.setAreaName(base, 7 * page, nil)
        #expect(test.picture(base, pages: 7) == "|wwwwwww|")
        #expect(test.core.extrasPool.used == 0)
        test.process.checkInvariants()
        test.expectNothingLeft()
    }

    @Test func aChildInheritsAndAMoveKeepsTheName() throws {
        let test = try machine()
        _ = try test.map(4 * page, at: base)
        try test.task.setAreaName(base, 4 * page, "kept")
        test.task.touchWrite(base, 2 * page)
        let child = try test.task.fork(pid: 2)
        #expect(paths(child) == ["[anon:kept]"])
        try test.task.mremap(base, 4 * page, 4 * page, [.mayMove, .fixed], 0x7000_0000)
        #expect(paths(test.process) == ["[anon:kept]"])
        try child.main.setAreaName(base + page, page, nil)
        #expect(paths(child) == ["[anon:kept]", "", "[anon:kept]"])
        for process in test.machine.processes { process.checkInvariants() }
        test.expectNothingLeft()
    }

    @Test func sharedMemoryIsNamedOtherwiseAndFilesAreNot() throws {
        let test = try machine()
        let shared = try test.task.mmap(length: page, protection: .read, flags: [.shared, .anonymous])
        try test.task.setAreaName(shared, page, "shared")
        #expect(paths(test.process) == ["[anon_shmem:shared]"])
        let memory = try test.memoryFile(pages: 1)
        let mapped = try test.task.mmap(length: page, protection: .read, flags: .private, fd: memory)
        try test.task.setAreaName(mapped, page, "memfd")
        #expect(paths(test.process).contains("[anon_shmem:memfd]"))
        let file = try test.task.openRecorded("/etc/passwd", size: page)
        let passwd = try test.task.mmap(base, length: page, protection: .read, flags: [.private, .fixed], fd: file)
        #expect(throws: Errno.EBADF) { try test.task.setAreaName(passwd, page, "file") }
        #expect(throws: Errno.EBADF) { try test.task.setAreaName(passwd, page, nil) }
        // An area before it is named, one behind it is not.
        _ = try test.map(page, at: base - page)
        _ = try test.map(page, at: base + page)
        #expect(throws: Errno.EBADF) { try test.task.setAreaName(base - page, 3 * page, "around") }
        #expect(paths(test.process).filter { $0 == "[anon:around]" }.count == 1)
        test.expectNothingLeft()
    }

    @Test func theHeapIsTheHeap() throws {
        let test = try machine()
        test.process.setHeap(start: base)
        test.task.brk(base + 2 * page)
        try test.task.setAreaName(base, page, "name")
        #expect(paths(test.process) == ["[heap]", "[heap]"])
        test.expectNothingLeft()
    }

    @Test func badArgumentsAreRefused() throws {
        let test = try machine()
        _ = try test.map(4 * page, at: base)
        let long = String(repeating: "x", count: 79)
        try test.task.setAreaName(base, page, long)
        for name in [long + "x", "a\\b", "`", "$HOME", "[", "]", "tab\t", "\u{7f}", "ü"] {
            #expect(throws: Errno.EINVAL) { try test.task.setAreaName(base, page, name) }
        }
        try test.task.setAreaName(base, page, "")
        #expect(throws: Errno.EINVAL) { try test.task.setAreaName(base + 1, page, "a") }
        #expect(throws: Errno.EINVAL) { try test.task.setAreaName(base, .max, "a") }
        #expect(throws: Errno.EINVAL) { try test.task.setAreaName(base, .max - 2 * page, "a") }
        try test.task.setAreaName(base + 100 * page, 0, "a")
        #expect(throws: Errno.ENOMEM) { try test.task.setAreaName(base + 100 * page, page, "a") }
        try test.task.munmap(base + page, page)
        #expect(throws: Errno.ENOMEM) { try test.task.setAreaName(base, 4 * page, "a") }
        #expect(test.process.areaReports().map(\.path) == ["[anon:a]", "[anon:a]"], "both sides of a hole")
        test.process.checkInvariants()
        test.expectNothingLeft()
    }

    /// madvise and names say EAGAIN where a split cannot be had, mprotect and mlock ENOMEM.
    @Test func oneAreaTooManyIsTryAgain() throws {
        let test = try machine()
        try test.machine.set("/proc/sys/vm/max_map_count", "2")
        _ = try test.map(4 * page, at: base)
        #expect(throws: Errno.EAGAIN) { try test.task.setAreaName(base + page, page, "a") }
        #expect(throws: Errno.EAGAIN) { try test.task.madvise(base + page, page, Advice.dontFork.rawValue) }
        test.process.checkInvariants()
        test.expectNothingLeft()
    }
}

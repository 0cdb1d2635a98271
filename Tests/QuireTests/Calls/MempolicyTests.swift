// mbind and set_mempolicy: errors and borders as a Linux 6.18 with one node gave them.

import Testing

@testable import Quire

@Suite struct MempolicyTests {
    private let base: UInt64 = 0x4000_0000
    private let preferred: UInt64 = 1, bind: UInt64 = 2, interleave: UInt64 = 3, local: UInt64 = 4
    private let fixed: UInt64 = 1 << 15, relative: UInt64 = 1 << 14, balancing: UInt64 = 1 << 13

    @Test func modesFlagsAndNodesMustGoTogether() throws {
        let test = try TestMachine()
        _ = try test.map(page, at: base)
        let refused: [(mode: UInt64, nodes: UInt64)] = [
            (7, 1), (.max, 1), (bind | fixed | relative, 1), (preferred | balancing, 1), (bind, 0), (bind, 2),
            (interleave, 0), (preferred | fixed, 0), (local, 1), (local | fixed, 0), (0, 1), (preferred, 2),
            (bind | fixed, 2), (5, 0), (6, 0),
        ]
        for (mode, nodes) in refused {
            #expect(throws: Errno.EINVAL, "\(mode) \(nodes)") {
                try test.task.mbind(base, page, mode: mode, nodes: nodes)
            }
            #expect(throws: Errno.EINVAL, "\(mode) \(nodes)") { try test.task.setMempolicy(mode: mode, nodes: nodes) }
        }
        let taken: [(mode: UInt64, nodes: UInt64)] = [
            (0, 0), (fixed, 0), (preferred, 0), (preferred, 1), (bind, 1), (bind, 3), (bind | balancing, 1),
            (bind | relative, 2), (interleave, 1), (local, 0), (5, 1), (6, 1),
        ]
        for (mode, nodes) in taken {
            try test.task.mbind(base, page, mode: mode, nodes: nodes)
            try test.task.setMempolicy(mode: mode, nodes: nodes)
        }
        // Only maxNode − 1 bits count.
        #expect(throws: Errno.EINVAL) { try test.task.mbind(base, page, mode: bind, nodes: 1, maxNode: 1) }
        try test.task.mbind(base, page, mode: bind, nodes: 3, maxNode: 2)
        #expect(throws: Errno.EINVAL) { try test.task.mbind(base, page, mode: bind, nodes: 1, maxNode: 32770) }
        test.expectNothingLeft()
    }

    @Test func checksComeInLinuxsOrder() throws {
        let test = try TestMachine()
        _ = try test.map(page, at: base)
        #expect(throws: Errno.EINVAL) { try test.task.mbind(base, page, mode: bind, nodes: 1, flags: 8) }
        #expect(throws: Errno.EINVAL) { try test.task.mbind(base + 1, page, mode: bind, nodes: 1) }
        #expect(throws: Errno.EINVAL) { try test.task.mbind(base, .max - 5000, mode: bind, nodes: 1) }
        // A length that rounds up to nothing is nothing, and nobody looks at the nodes then.
        try test.task.mbind(base, .max, mode: bind, nodes: 1)
        try test.task.mbind(base, 0, mode: bind, nodes: 0)
        #expect(throws: Errno.EINVAL) { try test.task.mbind(base, 0, mode: 77) }
        #expect(throws: Errno.EINVAL) { try test.task.mbind(base + 8 * page, page, mode: bind, nodes: 2) }
        #expect(throws: Errno.EFAULT) { try test.task.mbind(base + 8 * page, page, mode: bind, nodes: 1) }
        try test.task.mbind(base, page, mode: bind, nodes: 1, flags: 4)
        try test.machine.set("machine.capabilities", "none")
        #expect(throws: Errno.EPERM) { try test.task.mbind(base + 1, page, mode: bind, nodes: 2, flags: 4) }
        #expect(throws: Errno.EINVAL) { try test.task.mbind(base, page, mode: 77, nodes: 1, flags: 4) }
        try test.task.mbind(base, page, mode: bind, nodes: 1, flags: 2)
        test.expectNothingLeft()
    }

    @Test func aHoleIsAFaultBeforeAnythingChanges() throws {
        let test = try TestMachine()
        _ = try test.map(8 * page, at: base)
        try test.task.munmap(base + 4 * page, page)
        for (start, length) in [(base, 8 * page), (base + 4 * page, 4 * page), (base, 5 * page)] {
            #expect(throws: Errno.EFAULT) { try test.task.mbind(start, length, mode: bind, nodes: 1) }
        }
        #expect(test.picture(base, pages: 8) == "|wwww|.|www|")
        // The default policy minds no hole, only nothing at all.
        try test.task.mbind(base, 8 * page, mode: 0)
        try test.task.mbind(base, 5 * page, mode: 0)
        #expect(throws: Errno.EFAULT) { try test.task.mbind(base + 4 * page, page, mode: 0) }
        test.expectNothingLeft()
    }

    @Test func policiesSplitAndMergeByValue() throws {
        let test = try TestMachine()
        let task = test.task
        _ = try test.map(8 * page, at: base)
        try task.mbind(base + 2 * page, 2 * page, mode: bind, nodes: 1)
        #expect(test.picture(base, pages: 8) == "|ww|ww|wwww|")
        try task.mbind(base + 4 * page, 2 * page, mode: bind, nodes: 1)
        #expect(test.picture(base, pages: 8) == "|ww|wwww|ww|")
        try task.mbind(base + 3 * page, page, mode: bind | fixed, nodes: 1)
        #expect(test.picture(base, pages: 8) == "|ww|w|w|ww|ww|")
        try task.mbind(base + 3 * page, page, mode: bind, nodes: 1)
        #expect(test.picture(base, pages: 8) == "|ww|wwww|ww|")
        try task.mbind(base, 8 * page, mode: local)
        #expect(test.picture(base, pages: 8) == "|wwwwwwww|")
        // Preferring no node is the nearest one.
        try task.mbind(base, page, mode: preferred)
        #expect(test.picture(base, pages: 8) == "|wwwwwwww|")
        _ = try test.map(page, at: base + 8 * page)
        #expect(test.picture(base, pages: 9) == "|wwwwwwww|w|", "a new mapping has no policy")
        try task.mbind(base, 9 * page, mode: 0)
        #expect(test.picture(base, pages: 9) == "|wwwwwwwww|" && test.core.extrasPool.used == 0)
        // Written while apart: apart for good.
        try task.mbind(base + 2 * page, 2 * page, mode: bind, nodes: 1)
        task.touchWrite(base, page)
        task.touchWrite(base + 3 * page, page)
        try task.mbind(base + 2 * page, 2 * page, mode: 0)
        #expect(test.picture(base, pages: 9) == "|Ww|wWwwwww|")
        test.process.checkInvariants()
        test.expectNothingLeft()
    }

    /// Nothing lies on the nodes of an empty set, so STRICT finds every page in the wrong place, unless pages may move.
    @Test func strictnessFindsPagesOfNoNode() throws {
        let test = try TestMachine()
        _ = try test.map(4 * page, at: base)
        test.task.touchWrite(base, page)
        _ = test.task.access(base + page, .read)
        #expect(throws: Errno.EIO) { try test.task.mbind(base, page, mode: local, flags: 1) }
        #expect(throws: Errno.EIO) { try test.task.mbind(base, page, mode: preferred, flags: 1) }
        #expect(test.picture(base, pages: 4) == "|WWww|")
        try test.task.mbind(base, page, mode: local, flags: 3)
        try test.task.mbind(base, page, mode: 0, flags: 1)
        try test.task.mbind(base, page, mode: bind, nodes: 1, flags: 1)
        // The zero page is nobody's.
        try test.task.mbind(base + page, page, mode: local, flags: 1)
        test.expectNothingLeft()
    }

    /// A child and a moved area keep the policy; a task's own goes to its child.
    @Test func policiesAreInherited() throws {
        let test = try TestMachine()
        _ = try test.map(4 * page, at: base)
        try test.task.mbind(base, 2 * page, mode: bind, nodes: 1)
        try test.task.setMempolicy(mode: interleave, nodes: 1)
        let child = try test.task.fork(pid: 2)
        #expect(child.main.policy == MemoryPolicy(mode: 3, nodes: 1))
        try child.main.execve()
        #expect(child.main.policy == MemoryPolicy(mode: 3, nodes: 1))
        let second = try test.task.fork(pid: 3)
        try second.main.mbind(base + 2 * page, 2 * page, mode: bind, nodes: 1)
        #expect(second.areaReports().count == 1)
        try test.task.mremap(base, 2 * page, 2 * page, [.mayMove, .fixed], base + 4 * page)
        #expect(test.picture(base, pages: 6) == "|..|ww|ww|")
        for process in test.machine.processes { process.checkInvariants() }
        test.expectNothingLeft()
    }
}

// Ranges that a userfaultfd serves: borders, flags and errors as a Linux 6.18 gave them.

import Testing

@testable import Quire

@Suite struct UserfaultRangeTests {
    private let base: UInt64 = 0x4000_0000
    private let missing = AreaFlags.userfaultMissing, protect = AreaFlags.userfaultWriteProtect
    private let minor = AreaFlags.userfaultMinor

    private func open(_ test: TestMachine) throws -> Handle<UserfaultContext> {
        try #require(test.core.userfaults.allocate(test.cpu, UserfaultContext(space: test.space.number)))
    }

    /// `m` missing, `p` write-protect, `b` both, `i` any with minor, `-` none.
    private func picture(_ test: TestMachine, _ start: UInt64, pages: Int) -> String {
        test.picture(start, pages: pages) { area in
            let flags = area.flags.intersection(.userfault)
            return flags.isEmpty
                ? "-" : flags == missing ? "m" : flags == protect ? "p" : flags.contains(minor) ? "i" : "b"
        }
    }

    @Test func registeringSplitsAndMerges() throws {
        let test = try TestMachine()
        let (one, other) = (try open(test), try open(test))
        let space = test.space
        _ = try test.map(8 * page, at: base)
        func register(_ context: Handle<UserfaultContext>, _ from: UInt64, _ to: UInt64, _ flags: AreaFlags) throws {
            try space.registerUserfault(test.cpu, context, base + from * page, base + to * page, flags)
        }
        try register(one, 2, 4, missing)
        #expect(picture(test, base, pages: 8) == "|--|mm|----|")
        try register(one, 4, 6, missing)
        #expect(picture(test, base, pages: 8) == "|--|mmmm|--|")
        try register(one, 3, 4, [missing, protect])
        #expect(picture(test, base, pages: 8) == "|--|m|b|mm|--|")
        try register(one, 2, 6, [missing, protect])
        #expect(picture(test, base, pages: 8) == "|--|bbbb|--|")
        // What is served in this mode already is left as it is.
        try register(one, 2, 3, protect)
        #expect(picture(test, base, pages: 8) == "|--|bbbb|--|")
        try register(other, 6, 7, missing)
        try register(other, 7, 8, protect)
        #expect(picture(test, base, pages: 8) == "|--|bbbb|m|p|")
        #expect(throws: Errno.EBUSY) { try register(other, 2, 6, missing) }
        #expect(throws: Errno.EBUSY) { try register(other, 0, 8, missing) }
        #expect(throws: Errno.EINVAL) {
            try space.unregisterUserfault(test.cpu, other, base + 2 * page, base + 3 * page)
        }
        try space.unregisterUserfault(test.cpu, one, base + 2 * page, base + 3 * page)
        #expect(picture(test, base, pages: 8) == "|---|bbb|m|p|")
        #expect(throws: Errno.EINVAL) { try space.unregisterUserfault(test.cpu, one, base, base + 8 * page) }
        space.releaseUserfault(test.cpu, one)
        #expect(picture(test, base, pages: 8) == "|------|m|p|")
        space.releaseUserfault(test.cpu, other)
        #expect(picture(test, base, pages: 8) == "|--------|" && test.core.extrasPool.used == 0)
        test.process.checkInvariants()
        test.expectNothingLeft()
    }

    /// The end of a userfaultfd passes each area's own bounds: nothing is split, page offsets stay.
    @Test func releaseKeepsBoundsAndOffsets() throws {
        let test = try TestMachine()
        let context = try open(test)
        _ = try test.map(8 * page, at: base)
        try test.space.registerUserfault(test.cpu, context, base + 2 * page, base + 4 * page, missing)
        // Written while apart, so that only one side can merge.
        test.task.touchWrite(base, page)
        test.task.touchWrite(base + 5 * page, page)
        let splits = test.counter(.areaSplits)
        test.space.releaseUserfault(test.cpu, context)
        #expect(picture(test, base, pages: 8) == "|----|----|" && test.counter(.areaSplits) == splits)
        for report in test.process.areaReports() {
            #expect(test.core.areas[test.space.areas.find(report.start)].pageOffset == report.start >> 12)
        }
        test.process.checkInvariants()
        test.expectNothingLeft()
    }

    @Test func whatItCannotServeIsRefused() throws {
        let test = try TestMachine()
        let context = try open(test)
        let (space, cpu) = (test.space, test.cpu)
        _ = try test.map(8 * page, at: base)
        for (start, end) in [
            (base + 1, base + page), (base, base), (base, base + page + 1), (base + 99 * page, base + 100 * page),
        ] {
            #expect(throws: Errno.EINVAL) { try space.registerUserfault(cpu, context, start, end, missing) }
            #expect(throws: Errno.EINVAL) { try space.unregisterUserfault(cpu, context, start, end) }
        }
        #expect(throws: Errno.EINVAL) { try space.registerUserfault(cpu, context, base, base + page, []) }
        #expect(throws: Errno.EINVAL) { try space.registerUserfault(cpu, context, base, base + page, .locked) }
        #expect(throws: Errno.EINVAL) { try space.registerUserfault(cpu, context, base, base + page, minor) }
        try test.task.munmap(base + 3 * page, page)
        try space.registerUserfault(cpu, context, base, base + 8 * page, missing)
        #expect(picture(test, base, pages: 8) == "|mmm|.|mmmm|", "a hole is not in the way")
        #expect(throws: Errno.EINVAL) {
            try space.registerUserfault(cpu, context, base + 3 * page, base + 4 * page, missing)
        }
        try space.unregisterUserfault(cpu, context, base, base + 8 * page)
        let readOnly = try test.map(page, .read)
        try space.registerUserfault(cpu, context, readOnly, readOnly + page, missing)
        let file = try test.task.openRecorded("/etc/passwd", size: page)
        let mapped = try test.task.mmap(length: page, protection: .read, flags: .private, fd: file)
        #expect(throws: Errno.EINVAL) { try space.registerUserfault(cpu, context, mapped, mapped + page, missing) }
        #expect(throws: Errno.EINVAL) { try space.unregisterUserfault(cpu, context, mapped, mapped + page) }
        let shared = try test.task.mmap(length: 4 * page, protection: .read, flags: [.shared, .anonymous])
        try space.registerUserfault(cpu, context, shared, shared + 4 * page, [missing, protect, minor])
        #expect(picture(test, shared, pages: 4) == "|iiii|")
        let letters = test.process.areaReports().first { $0.start == shared }!.flags.letters
        #expect(letters.filter { $0.hasPrefix("u") } == ["um", "uw", "ui"])
        space.releaseUserfault(cpu, context)
        test.expectNothingLeft()
    }

    /// A child and a moved area are not served; an area that a moved one merges into is not served any more either.
    @Test func forkAndMovesLoseIt() throws {
        let test = try TestMachine()
        let context = try open(test)
        let (space, cpu, task) = (test.space, test.cpu, test.task)
        _ = try test.map(4 * page, at: base)
        try space.registerUserfault(cpu, context, base, base + 4 * page, protect)
        task.touchWrite(base, 4 * page)
        let child = try task.fork(pid: 2)
        #expect(child.areaReports()[0].flags.isDisjoint(with: .userfault) && picture(test, base, pages: 4) == "|pppp|")
        child.main.exit()
        try task.mremap(base, 2 * page, 2 * page, [.mayMove, .fixed], 0x7000_0000)
        #expect(picture(test, base, pages: 4) == "|..|pp|" && picture(test, 0x7000_0000, pages: 2) == "|--|")
        let one = try test.map(4 * page, at: 0x8000_0000)
        let other = try test.map(4 * page, at: 0x9000_0000)
        _ = try test.map(4 * page, at: one + 8 * page)
        try space.registerUserfault(cpu, context, one, one + 4 * page, protect)
        try space.registerUserfault(cpu, context, other, other + 4 * page, protect)
        // It is told from a plain neighbour while it merges, and from nothing afterwards.
        try task.mremap(other + 2 * page, page, page, [.mayMove, .fixed], one + 7 * page)
        #expect(picture(test, one, pages: 12) == "|pppp|...|-|----|")
        try task.mremap(other, 2 * page, 2 * page, [.mayMove, .fixed], one + 4 * page)
        #expect(picture(test, one, pages: 12) == "|------|.|-|----|")
        // DONTUNMAP leaves the old range served.
        let kept = try test.map(2 * page, at: 0xa000_0000)
        try space.registerUserfault(cpu, context, kept, kept + 2 * page, protect)
        let copy = try task.mremap(kept, 2 * page, 2 * page, [.mayMove, .dontUnmap])
        #expect(picture(test, kept, pages: 2) == "|pp|" && picture(test, copy, pages: 2) == "|--|")
        space.releaseUserfault(cpu, context)
        test.process.checkInvariants()
        test.expectNothingLeft()
    }

    /// Neither a split nor a merge nor a record can be had: the release goes through all the same.
    @Test func releaseNeedsNoMemory() throws {
        let test = try TestMachine()
        let context = try open(test)
        try test.machine.set("machine.anon_vma_name", "on")
        _ = try test.map(8 * page, at: base)
        try test.task.setAreaName(base + 2 * page, 4 * page, "served")
        try test.space.registerUserfault(test.cpu, context, base + 2 * page, base + 6 * page, missing)
        try test.task.mprotect(base + 3 * page, page, .read)
        test.core.extrasPool.fail(after: 0)
        test.space.releaseUserfault(test.cpu, context)
        test.core.extrasPool.fail(after: -1)
        #expect(picture(test, base, pages: 8).filter { $0 != "|" } == "--------")
        #expect(test.process.areaReports().map(\.path) == ["", "[anon:served]", "[anon:served]", "[anon:served]", ""])
        test.process.checkInvariants()
        test.expectNothingLeft()
    }
}

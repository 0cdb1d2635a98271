// khugepaged and MADV_COLLAPSE: what is collapsed, who is looked at, and that nothing is lost when somebody comes in between
// the look and the act (S4-13).

import Testing

@testable import Quire

@Suite struct CollapseTests {
    /// A machine whose sizes are for advised areas, and memory that was written page by page before the advice.
    private func written(_ pages: UInt64, spans: UInt64 = 1) throws -> (TestMachine, UInt64) {
        let test = try TestMachine()
        let start = try test.map(spans * span)
        for place in 0..<pages { _ = test.task.storeByte(start + place * page, UInt8(place & 0x7F) + 1) }
        return (test, start)
    }

    private func set(_ test: TestMachine, _ name: String, _ value: Int) throws {
        try test.machine.set(hugeFolder + "khugepaged/" + name, String(value))
    }

    @Test(arguments: Layout.allCases) func pagesBecomeOneAndKeepTheirContents(_ layout: Layout) throws {
        let test = try TestMachine { layout.apply(&$0) }
        let start = try test.map(span)
        for place in 0..<300 as Range<UInt64> { _ = test.task.storeByte(start + place * page, UInt8(place & 0x7F) + 1) }
        let tables = test.status.pageTables
        try test.advise(start, span, .hugePage)
        test.machine.runKhugepaged(passes: 1)
        #expect(test.tables.leaf(test.cpu, start) != nil)
        #expect(test.status.anonymous == 2048 && test.status.pageTables == tables)
        for place in 0..<300 as Range<UInt64> { #expect(test.byte(start + place * page) == UInt8(place & 0x7F) + 1) }
        #expect(test.byte(start + 400 * page) == 0)
        #expect(try test.machine.get(hugeFolder + "khugepaged/pages_collapsed") == "1")
        test.checkAll()
        try test.discard(start, span)
        test.expectNothingLeft()
    }

    @Test func spaceIsLookedAtOnlyOnceItHasAskedForHugePages() throws {
        let (test, start) = try written(512)
        test.machine.runKhugepaged(passes: 1)
        #expect(test.tables.leaf(test.cpu, start) == nil)
        try test.advise(start, span, .hugePage)
        let child = try test.task.fork(pid: 2)
        test.machine.runKhugepaged(passes: 1)
        #expect(test.tables.leaf(test.cpu, start) == nil, "more shared pages than max_ptes_shared")
        test.task.exit()
        test.machine.runKhugepaged(passes: 1)
        #expect(child.space.tables.leaf(test.cpu, start) == nil, "fork leaves the child's entries old")
        _ = child.main.access(start, .read)
        test.machine.runKhugepaged(passes: 1)
        #expect(child.space.tables.leaf(test.cpu, start) != nil, "a child of one that asked is looked at")
        child.checkInvariants()
        test.expectNothingLeft()
    }

    @Test func mergedAreaThatIsLargeEnoughAsksByItself() throws {
        let test = try TestMachine(sizes: [2048])
        let start: UInt64 = 0x1000_0000_0000
        // Half of an aligned range is too small for a huge page.
        _ = try test.map(span / 2, at: start)
        for place in 0..<256 as Range<UInt64> { _ = test.task.storeByte(start + place * page, 1) }
        test.machine.runKhugepaged(passes: 1)
        #expect(test.space.enrolment.load(test.cpu, .counter) == 0)
        _ = try test.map(span / 2, at: start + span / 2)
        #expect(test.space.enrolment.load(test.cpu, .counter) != 0)
        test.machine.runKhugepaged(passes: 1)
        #expect(test.tables.leaf(test.cpu, start) != nil)
        test.checkAll()
        test.expectNothingLeft()
    }

    @Test func limitsAreExact() throws {
        for (pages, none, isCollapsed) in [(412, 100, true), (411, 100, false), (1, 511, true), (512, 0, true)] {
            let (test, start) = try written(UInt64(pages))
            try set(test, "max_ptes_none", none)
            try test.advise(start, span, .hugePage)
            test.machine.runKhugepaged(passes: 1)
            #expect((test.tables.leaf(test.cpu, start) != nil) == isCollapsed, "\(pages) pages, max_ptes_none=\(none)")
            test.checkAll()
            test.expectNothingLeft()
        }
        for (shared, most, isCollapsed) in [(16, 16, true), (17, 16, false)] {
            let (test, start) = try written(512)
            try set(test, "max_ptes_shared", most)
            let child = try test.task.fork(pid: 2)
            try child.main.munmap(start + UInt64(shared) * page, span - UInt64(shared) * page)
            try test.advise(start, span, .hugePage)
            test.machine.runKhugepaged(passes: 1)
            #expect((test.tables.leaf(test.cpu, start) != nil) == isCollapsed, "\(shared) shared, at most \(most)")
            var seen: UInt8 = 0
            _ = child.main.load(start, 1) { seen = $0 }
            #expect(seen == 1)
            test.checkAll()
            test.expectNothingLeft()
        }
    }

    @Test func whatIsNotUsedOrNotMeantIsLeftAlone() throws {
        let (test, start) = try written(5 * 512, spans: 6)
        try test.advise(start, span, .cold)
        try test.task.mprotect(start + span, span, .read)
        try test.advise(start + 2 * span, page, .guardInstall)
        try test.advise(start + 3 * span, span, .noHugePage)
        try test.task.mlock(start + 4 * span, span)
        for place in 0..<512 as Range<UInt64> { _ = test.byte(start + 5 * span + place * page) }
        for one in [0, 1, 2, 4, 5] as [UInt64] { try test.advise(start + one * span, span, .hugePage) }
        test.machine.runKhugepaged(passes: 2)
        let leaves = (0..<6).map { test.tables.leaf(test.cpu, start + UInt64($0) * span) != nil }
        #expect(leaves == [false, true, false, false, true, false])
        #expect(test.counter(.collapses) == 2)
        test.checkAll()
        test.expectNothingLeft()
    }

    @Test func pinnedPageKeepsItsRangeAsItIs() throws {
        let (test, start) = try written(512)
        let pin = try test.task.pinPages(start + 9 * page, page, .write)
        try test.advise(start, span, .hugePage)
        test.machine.runKhugepaged(passes: 1)
        #expect(test.tables.leaf(test.cpu, start) == nil)
        #expect(throws: Errno.EAGAIN) { try test.advise(start, span, .collapse) }
        try test.task.unpin(pin.handle)
        try test.advise(start, span, .collapse)
        #expect(test.tables.leaf(test.cpu, start) != nil)
        test.checkAll()
        test.expectNothingLeft()
    }

    @Test func adviceAnswersAsLinuxDoes() throws {
        let test = try TestMachine()
        let start = try test.map(8 * span)
        #expect(throws: Errno.EINVAL, "nothing was written") { try test.advise(start, span, .collapse) }
        _ = test.task.storeByte(start, 1)
        try test.advise(start, span, .collapse)
        try test.advise(start, span, .collapse)
        #expect(throws: Errno.EINVAL, "no table") { try test.advise(start + span, span, .collapse) }
        _ = test.task.storeByte(start + 2 * span, 1)
        #expect(throws: Errno.EINVAL, "the first one stops it") {
            try test.advise(start + span, 2 * span, .collapse)
        }
        #expect(test.tables.leaf(test.cpu, start + 2 * span) == nil)
        // Less than an aligned range is nothing where the rounded ends meet, and an error where they cross.
        try test.advise(start + page, span, .collapse)
        try test.advise(start, page, .collapse)
        #expect(throws: Errno.EINVAL) { try test.advise(start + page, page, .collapse) }
        try test.task.munmap(start + 3 * span, span)
        #expect(throws: Errno.ENOMEM) { try test.advise(start + 2 * span, 2 * span, .collapse) }
        #expect(test.tables.leaf(test.cpu, start + 2 * span) != nil)
        // A table of nothing but none is collapsed, as is one of zero pages.
        _ = test.task.storeByte(start + 4 * span, 1)
        try test.discard(start + 4 * span, page)
        try test.advise(start + 4 * span, span, .collapse)
        #expect(test.status.anonymous == 3 * 2048)
        _ = test.task.storeByte(start + 5 * span, 1)
        test.memory.fail(after: 0)
        #expect(throws: Errno.ENOMEM) { try test.advise(start + 5 * span, span, .collapse) }
        test.memory.fail(after: -1)
        #expect(test.byte(start + 5 * span) == 1)
        test.checkAll()
        test.expectNothingLeft()
    }

    @Test func processWithoutHugePagesHasNone() throws {
        let (test, start) = try written(512, spans: 3)
        try test.task.setHugePagesDisabled(1, flags: 0, [])
        #expect(try test.task.hugePagesDisabled([]) == 1)
        try test.advise(start, 3 * span, .hugePage)
        #expect(throws: Errno.EINVAL) { try test.advise(start, span, .collapse) }
        _ = test.task.storeByte(start + span, 1)
        #expect(test.folio(start + span)?.order == 0)
        try test.task.setHugePagesDisabled(1, flags: 2, [])
        #expect(try test.task.hugePagesDisabled([]) == 3)
        _ = test.task.storeByte(start + 2 * span, 1)
        #expect(test.folio(start + 2 * span)?.order == 9, "advice counts")
        try test.advise(start, span, .collapse)
        #expect(throws: Errno.EINVAL) { try test.task.setHugePagesDisabled(0, flags: 2, []) }
        #expect(throws: Errno.EINVAL) { try test.task.setHugePagesDisabled(1, flags: 1, []) }
        let child = try test.task.fork(pid: 2)
        #expect(try child.main.hugePagesDisabled([]) == 3)
        test.expectNothingLeft()
    }

    @Test func nothingIsLostWhateverComesBetweenTheLookAndTheAct() throws {
        // S4-13 and R-07: the table may be reclaimed, refilled, unmapped or shared in between.
        let intruders: [(name: String, takesLock: Bool, act: (Quire.Task, UInt64) -> Void)] = [
            ("discard", false, { try? $0.madvise($1, span, Advice.dontNeed.rawValue) }),
            (
                "discard and touch", false,
                {
                    try? $0.madvise($1, span, Advice.dontNeed.rawValue)
                    _ = $0.storeByte($1 + 7 * page, 9)
                }
            ),
            ("touch", false, { _ = $0.storeByte($1 + 300 * page, 9) }),
            ("free lazily", false, { try? $0.madvise($1, span, Advice.free.rawValue) }),
            ("unmap", true, { try? $0.munmap($1 + 100 * page, 10 * page) }),
            ("protect", true, { try? $0.mprotect($1 + 100 * page, 10 * page, .read) }),
        ]
        for intruder in intruders {
            let points = try TestMachine.atEveryPoint(takesMmapLock: intruder.takesLock) { test in
                let start = try test.map(span)
                for place in 0..<8 as Range<UInt64> { _ = test.task.storeByte(start + place * page, 3) }
                return start
            } victim: { task, start in
                try? task.madvise(start, span, Advice.collapse.rawValue)
            } intruder: { task, start in
                intruder.act(task, start)
            } check: { test, start in
                let value = test.byte(start + 3 * page)
                let isZeroed = intruder.name.hasPrefix("discard")
                #expect(value == 3 || isZeroed && value == 0, "\(intruder.name)")
                if intruder.name == "touch" { #expect(test.byte(start + 300 * page) == 9) }
            }
            #expect(points > 0)
        }
    }
}

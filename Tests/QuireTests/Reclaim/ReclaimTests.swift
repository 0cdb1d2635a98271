// Empty-table reclaim, row by row: the end state of each policy, the slow path, what survives, and the broken-off zap.

import Testing

@testable import Quire

@Suite struct ReclaimTests {
    /// Everything about a process but its page tables.
    private func withoutTables(_ status: ProcessStatus) -> ProcessStatus {
        var status = status
        status.pageTables = 0
        status.tables = []
        status.emptyTables = 0
        status.peakTables = 0
        return status
    }

    /// S0-01: n blocks touched and given back; the count of tables falls by n, the areas stay, and what is touched
    /// again reads as zero and makes the count rise.
    @Test(arguments: [EmptyTableReclaim.rfc, .sync], Layout.allCases)
    func blocksLoseTheirTablesAndGetThemBack(_ policy: EmptyTableReclaim, _ layout: Layout) throws {
        let test = try TestMachine {
            $0.reclaim = policy
            layout.apply(&$0)
        }
        let blocks: UInt64 = 6
        let start = try test.map(blocks * span)
        for block in 0..<blocks { test.task.touchWrite(start + block * span + block * page, 3 * page) }
        #expect(test.status.tables[0] == Int(blocks))
        let areas = test.process.areaReports().count
        try test.discard(start, blocks * span)
        #expect(test.status.tables[0] == 0 && test.status.anonymous == 0)
        #expect(test.process.areaReports().count == areas)
        #expect(test.byte(start + 3 * page) == 0)
        #expect(test.status.tables[0] == 1)
        #expect(test.task.storeByte(start + 5 * span, 9) == .done)
        #expect(test.byte(start + 5 * span) == 9)
        #expect(test.status.tables[0] == 2)
        test.process.checkInvariants()
        test.expectNothingLeft()
    }

    /// S0-01, S0-10: the same accesses under the three policies differ in nothing but page tables.
    @Test func policiesDifferInTablesOnly() throws {
        var states: [(status: ProcessStatus, areas: [AreaReport], faults: UInt64)] = []
        for policy in EmptyTableReclaim.allPolicies {
            let test = try TestMachine { $0.reclaim = policy }
            var random = SeededRandom(seed: 5)
            let start = try test.map(8 * span)
            for _ in 0..<60 {
                let from = start + UInt64(random.below(4000)) * page
                if random.oneIn(3) {
                    try test.discard(Page.floor(from & ~(span - 1)), span)
                } else {
                    test.task.touchWrite(from, UInt64(random.below(30)) * page)
                }
            }
            states.append((withoutTables(test.status), test.process.areaReports(), test.counter(.faults)))
            if policy == .off {
                let ofReclaim = [
                    Counter.tablesFreedFast, .tablesFreedSlow, .reclaimSkipped, .reclaimRetried, .tablesFreed,
                ]
                for counter in ofReclaim {
                    #expect(test.counter(counter) == 0, "\(counter.label) with reclaim off")
                }
                #expect(test.status.emptyTables > 0)
            } else {
                #expect(test.status.emptyTables == 0)
            }
            test.process.checkInvariants()
            test.expectNothingLeft()
        }
        for state in states.dropFirst() {
            #expect(state.status == states[0].status)
            #expect(state.areas == states[0].areas)
            #expect(state.faults == states[0].faults)
        }
    }

    /// S4-05, S4-06: with the PMD lock contended, or shared with the PTE's, the slow path does it.
    @Test(arguments: [false, true]) func theSlowPathFreesWhatTheFastPathCannot(_ splitLocks: Bool) throws {
        let test = try TestMachine { $0.splitLocks = splitLocks }
        test.core.settings.failTryLock = splitLocks
        let start = try test.map(4 * span)
        test.task.touchWrite(start, 4 * span)
        try test.discard(start, 4 * span)
        #expect(test.status.tables[0] == 0)
        #expect(test.counter(.tablesFreedFast) == 0)
        #expect(test.counter(.tablesFreedSlow) == 4)
        test.expectNothingLeft()
    }

    /// S4-04: one entry that survives is enough.
    @Test(arguments: [EmptyTableReclaim.rfc, .sync], [0, 1, 200, 511] as [UInt64])
    func aSurvivingMarkerKeepsTheTable(_ policy: EmptyTableReclaim, _ place: UInt64) throws {
        let test = try TestMachine { $0.reclaim = policy }
        let start = try test.map(span)
        test.task.touchWrite(start, 20 * page)
        try test.task.madvise(start + place * page, page, Advice.guardInstall.rawValue)
        try test.discard(start, span)
        #expect(test.status.tables[0] == 1 && test.status.anonymous == 0)
        #expect(test.tables.format.kind(test.entry(start + place * page)) == .guardMarker)
        #expect(test.byte(start + place * page) == nil, "the guard still guards")
        try test.task.madvise(start + place * page, page, Advice.guardRemove.rawValue)
        #expect(test.status.tables[0] == 1 && test.status.emptyTables == 1, "removing a guard is no zap")
        try test.discard(start, span)
        #expect(test.status.tables[0] == 0)
        test.process.checkInvariants()
        test.expectNothingLeft()
    }

    /// S4-04, S4-12: the zap breaks off after k entries, for every k; one call still finishes its span.
    @Test(arguments: [false, true]) func aBrokenOffZapEndsInTheSameState(_ failTryLock: Bool) throws {
        let test = try TestMachine { $0.contents = .off }
        let start = try test.map(span)
        test.core.settings.failTryLock = failTryLock
        for k in 0...512 {
            try test.task.madvise(start, span, Advice.populateWrite.rawValue)
            test.core.settings.rescheduleAfter = k + 1
            let freed = test.counter(.tablesFreed)
            try test.discard(start, span)
            #expect(test.core.settings.rescheduleAfter == (k < 512 ? 0 : 1))
            test.core.settings.rescheduleAfter = 0
            let status = test.status
            #expect(status.anonymous == 0 && status.tables[0] == 0, "broken off after \(k)")
            #expect(test.counter(.tablesFreed) == freed + 1)
        }
        #expect(test.counter(.reclaimRetried) == 0)
        test.expectNothingLeft()
    }

    /// S0-11: writable private file mappings. The RFC passes them over; the final form reclaims, and the content is
    /// the file's again.
    @Test(arguments: EmptyTableReclaim.allPolicies)
    func privateCopiesOfAFileGoAndTheFileIsSeenAgain(_ policy: EmptyTableReclaim) throws {
        let test = try TestMachine { $0.reclaim = policy }
        let fd = try test.memoryFile(pages: 512)
        let start = try test.task.mmap(
            0x4000_0000, length: span, protection: [.read, .write], flags: [.private, .fixed], fd: fd)
        for place in [0, 3, 511] as [UInt64] {
            #expect(test.task.storeByte(start + place * page, 200) == .done)
            #expect(test.byte(start + place * page) == 200)
        }
        #expect(test.status.anonymous == 12)
        try test.discard(start, span)
        #expect(test.status.tables[0] == (policy == .sync ? 0 : 1))
        #expect(test.counter(.reclaimSkipped) == (policy == .rfc ? 1 : 0))
        #expect(test.status.anonymous == 0)
        for place in [0, 3, 511] as [UInt64] {
            #expect(test.byte(start + place * page) == UInt8(truncatingIfNeeded: place + 1))
        }
        test.process.checkInvariants()
        test.expectNothingLeft()
    }

    /// S0-11: the kinds that either variant takes: shared memory (content kept) and read-only files.
    @Test(arguments: [EmptyTableReclaim.rfc, .sync]) func sharedMemoryLosesItsTableAndKeepsItsContent(
        _ policy: EmptyTableReclaim
    ) throws {
        let test = try TestMachine { $0.reclaim = policy }
        let start = try test.task.mmap(
            0x4000_0000, length: span, protection: [.read, .write], flags: [.shared, .anonymous, .fixed])
        test.task.touchWrite(start, 8 * page)
        #expect(test.task.storeByte(start + page, 77) == .done)
        try test.discard(start, span)
        #expect(test.status.tables[0] == 0 && test.status.shared == 0)
        #expect(test.byte(start + page) == 77)
        test.expectNothingLeft()
    }

    /// What the RFC looks at, area by area.
    @Test func theRFCFiltersByKindOfArea() throws {
        let test = try TestMachine()
        func area(_ kind: AreaKind, _ flags: AreaFlags) -> Area {
            Area(start: 0, end: span, flags: flags, pageOffset: 0, kind: kind, space: 1)
        }
        let cases: [(Area, Bool)] = [
            (area(.anonymous, [.read, .write, .mayWrite]), true),
            (area(.anonymous, [.read, .hugetlb]), false),
            (area(.file, [.read, .write, .mayWrite]), false),
            (area(.file, [.read, .mayWrite]), false),
            (area(.file, [.read]), true),
            (area(.file, [.read, .write, .shared, .mayWrite]), true),
            (area(.shared, [.read, .write, .shared, .mayWrite]), true),
            (area(.shared, [.read, .write, .mayWrite]), false),
        ]
        for (area, expected) in cases { #expect(test.space.rfcConsiders(area) == expected) }
    }
}

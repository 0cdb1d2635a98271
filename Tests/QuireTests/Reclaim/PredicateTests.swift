// The two predicates of the zap: whether private copies go (S4-02) and whether a call may free a span's table
// (S4-03), as truth tables.

import Testing

@testable import Quire

/// One row of the first table.
struct CowCase: Sendable {
    var details: (evenCows: Bool, reclaim: Bool)?
    var zaps: Bool
}

@Suite struct ZapPredicateTests {
    /// should_zap_cows: without a descriptor, with even_cows, or with reclaim_pt.
    @Test(arguments: [
        CowCase(details: nil, zaps: true),
        CowCase(details: (false, false), zaps: false),
        CowCase(details: (true, false), zaps: true),
        CowCase(details: (false, true), zaps: true),
        CowCase(details: (true, true), zaps: true),
    ])
    func privateCopiesGo(_ row: CowCase) {
        let details = row.details.map { ZapDetails(evenCows: $0.evenCows, reclaimTables: $0.reclaim) }
        #expect(ZapDetails.zapsCows(details) == row.zaps)
    }

    /// reclaim_pt_is_enabled: a descriptor that asks for it, and 2 MiB; only the final policy does it in the zap.
    @Test func aCallReclaimsIfItAskedAndCoversASpan() {
        let start: UInt64 = 16 * span
        let asking = ZapDetails(evenCows: true, reclaimTables: true)
        let lengths: [(bytes: UInt64, enough: Bool)] = [
            (page, false), (span - page, false), (span, true), (span + page, true),
        ]
        for (bytes, enough) in lengths {
            for policy in [EmptyTableReclaim.off, .rfc, .sync] {
                #expect(ZapDetails.reclaims(asking, start, start + bytes, policy) == (enough && policy == .sync))
                #expect(!ZapDetails.reclaims(nil, start, start + bytes, policy))
                #expect(!ZapDetails.reclaims(ZapDetails(evenCows: true), start, start + bytes, policy))
                #expect(!ZapDetails.reclaims(ZapDetails(), start, start + bytes, policy))
            }
        }
    }

    /// The range of a DONTNEED against the tables it may take: `[` `)` on a line of two spans of 2 MiB each.
    ///
    ///     |--------|--------|
    ///     [........)            1   one span, aligned
    ///     [.......)             0   2 MiB − 4 KiB
    ///         [........)        0   2 MiB, half in each span
    ///     [................)    2   both
    ///     [...............)     1   4 MiB − 4 KiB: the first
    ///      [...............)    1   4 MiB − 4 KiB from 4 KiB on: the second
    @Test(
        arguments: [EmptyTableReclaim.rfc, .sync],
        [
            (0, 512, 1), (0, 511, 0), (256, 512, 0), (0, 1024, 2), (0, 1023, 1), (1, 1023, 1), (512, 512, 1),
            (1, 511, 0),
        ] as [(UInt64, UInt64, Int)])
    func onlyWholeSpansLoseTheirTable(_ policy: EmptyTableReclaim, _ row: (UInt64, UInt64, Int)) throws {
        let (first, pages, expected) = row
        let test = try TestMachine { $0.reclaim = policy }
        let start = try test.map(2 * span)
        // Only what the call covers is touched, so that every table is empty afterwards.
        test.task.touchWrite(start + first * page, pages * page)
        let before = test.status.tables[0]
        try test.discard(start + first * page, pages * page)
        #expect(before - test.status.tables[0] == expected)
        #expect(test.status.emptyTables == test.status.tables[0])
        #expect(test.status.anonymous == 0)
        #expect(test.status.size == 2 * span >> 10, "the areas stay")
        test.process.checkInvariants()
        test.expectNothingLeft()
    }

    @Test func noOtherCallReclaims() throws {
        let test = try TestMachine()
        let start = try test.map(2 * span)
        test.task.touchWrite(start, 2 * span)
        try test.task.madvise(start, span, Advice.free.rawValue)
        #expect(test.status.tables[0] == 2)
        try test.task.munmap(start, span)
        #expect(test.status.tables[0] == 1, "unmapping frees tables, its own way")
        let fd = try test.memoryFile(pages: 512)
        let shared = try test.task.mmap(length: span, protection: .read, flags: .shared, fd: fd)
        test.task.touchRead(shared, span)
        try test.task.fallocate(fd, 3, 0, span)
        try test.task.ftruncate(fd, 0)
        for counter in [Counter.tablesFreedFast, .tablesFreedSlow, .reclaimSkipped, .reclaimRetried] {
            #expect(test.counter(counter) == 0, "\(counter.label)")
        }
        test.expectNothingLeft()
    }

    /// Besides MADV_DONTNEED its locked sister reclaims, as the live kernel does.
    @Test func dontNeedLockedReclaims() throws {
        let test = try TestMachine()
        let start = try test.map(span)
        try test.task.mlock(start, span)
        #expect(throws: Errno.EINVAL) { try test.discard(start, span) }
        #expect(test.status.tables[0] == 1)
        try test.task.madvise(start, span, Advice.dontNeedLocked.rawValue)
        #expect(test.status.tables[0] == 0 && test.counter(.tablesFreedFast) == 1)
        test.expectNothingLeft()
    }
}

// Counting and estimating without a kernel: spans shared by areas, fill buckets, and the arithmetic of empty tables.

import Testing

@testable import QuireLive

private let page: UInt64 = 4096
private let span: UInt64 = 2 << 20

@Suite struct SpanCensusTests {
    //   span 0      span 1
    //   |----------|----------|
    //   [ A    ][ B      ][ C ]
    //     x      x  x      x
    @Test func tableOfNeighboursCountsOnceInTotal() {
        var census = SpanCensus()
        census.add(page..<2 * page, .present)
        let first = census.endArea()
        census.add(span - page..<span, .present)
        census.add(span + page..<span + 2 * page, .swapped)
        let second = census.endArea()
        census.add(span + 9 * page..<span + 10 * page, .present)
        let third = census.endArea()
        let total = census.finish()
        #expect([first.populated, second.populated, third.populated] == [1, 2, 1])
        #expect(second.withoutPages == 1)
        #expect(total.populated == 2)
        #expect(total.withoutPages == 0)
        #expect(total[.upTo7] == 2)
        #expect(total.entries == 4)
        #expect(total.presentEntries == 3)
        #expect(census.pmdTables.count == 1)
        #expect(census.pudTables.count == 1)
    }

    @Test(arguments: [
        (1, FillBucket.one), (2, .upTo7), (7, .upTo7), (8, .upTo63), (63, .upTo63), (64, .upTo255),
        (255, .upTo255), (256, .upTo511), (511, .upTo511), (512, .full),
    ])
    func bucketOf(entries: Int, bucket: FillBucket) {
        var census = SpanCensus()
        census.add(0..<UInt64(entries) * page, .present)
        #expect(census.endArea()[bucket] == 1)
        #expect(census.finish()[bucket] == 1)
    }

    @Test func longRunCountsEveryTable() {
        var census = SpanCensus()
        // Half a span, five full ones, one page of the seventh; told in three pieces that do not end at spans.
        census.add(span / 2..<3 * span - page, .present)
        census.add(3 * span - page..<4 * span, .swapped)
        census.add(4 * span..<6 * span + page, .present)
        _ = census.endArea()
        let total = census.finish()
        #expect(total.populated == 7)
        #expect(total[.full] == 5)
        #expect(total[.upTo511] == 1)
        #expect(total[.one] == 1)
        #expect(total.withoutPages == 1)
        #expect(total.entries == 256 + 5 * 512 + 1)
    }

    @Test func hugeMappingsUseNoTable() {
        var census = SpanCensus()
        census.add(0..<3 * span, [.present, .huge])
        census.add(3 * span..<3 * span + page, .present)
        let area = census.endArea()
        #expect(area.huge == 3)
        #expect(area.populated == 1)
        // The fallback sees full tables and is told how many of them are none.
        var blind = SpanCensus()
        blind.add(0..<3 * span, .present)
        blind.add(3 * span..<3 * span + page, .present)
        #expect(blind.endArea(hugeSpans: 3) == area)
        #expect(blind.finish() == census.finish())
    }

    @Test func hugetlbUsesUpperTablesOnly() {
        var census = SpanCensus()
        census.addHugetlb(0..<1 << 30, pageSize: 2 << 20)
        census.addHugetlb(1 << 30..<2 << 30, pageSize: 1 << 30)
        #expect(census.endArea().populated == 0)
        #expect(census.pmdTables.count == 1)
        #expect(census.pudTables.count == 1)
    }

    @Test func blocksCountOnce() {
        var blocks = DistinctBlocks(shift: 30)
        blocks.add(0..<4096)
        blocks.add(8192..<1 << 31)
        blocks.add((1 << 31) - 4096..<1 << 31)
        blocks.add(5 << 30..<5 << 30)
        blocks.add(5 << 30..<(5 << 30) + 1)
        #expect(blocks.count == 3)
    }
}

@Suite struct TableEstimateTests {
    private func estimate(tables: UInt64, populated: UInt64, deposited: UInt64 = 0, unseen: UInt64 = 0) -> TableEstimate
    {
        var found = SpanTally()
        found.populated = populated
        return TableEstimate(
            vmPTE: Kilobytes(rawValue: tables * 4), found: found, deposited: deposited, upperNeeded: 4,
            upperPossible: 6,
            coveredSpans: 1000, unseenSpans: unseen)
    }

    @Test func whatIsLeftIsEmpty() {
        let tables = estimate(tables: 120, populated: 10, deposited: 3)
        #expect(tables.empty == 101...103)
        #expect(tables.reclaimable == Kilobytes(rawValue: 404)...Kilobytes(rawValue: 412))
        #expect(tables.upperLevels == 4...6)
    }

    @Test func skippedAreasWidenTheRange() {
        #expect(estimate(tables: 120, populated: 10, unseen: 7).empty == 97...106)
    }

    @Test func neverBelowZeroNorAboveWhatAreasCover() {
        #expect(estimate(tables: 5, populated: 10).empty == 0...0)
        #expect(estimate(tables: 5000, populated: 10).empty == 990...990)
    }
}

@Suite struct ScanChunkTests {
    @Test func shrinksWithLongHoldsAndGrowsWithShortOnes() {
        var chunk = ScanChunk(longHold: 1000)
        for _ in 0..<50 { chunk.follow(hold: 2000) }
        #expect(chunk.length == ScanChunk.smallest)
        chunk.follow(hold: 500)
        #expect(chunk.length == ScanChunk.smallest)
        for _ in 0..<50 { chunk.follow(hold: 10) }
        #expect(chunk.length == ScanChunk.largest)
    }

    @Test func endsAtMultiplesOfItsLengthAndAtTheLimit() {
        let chunk = ScanChunk()
        let length = chunk.length
        #expect(chunk.end(from: 4096, limit: .max) == length)
        #expect(chunk.end(from: length, limit: .max) == 2 * length)
        #expect(chunk.end(from: length, limit: length + 4096) == length + 4096)
        #expect(chunk.end(from: .max - 4096, limit: .max) == UInt64.max)
    }
}

@Suite struct WalkCostTests {
    private let cost = WalkCost(call: 300, table: 600, page: 10, region: 5)

    @Test func timeBeyondWhatWasFoundIsEmptyTables() {
        var found = SpanTally()
        found.populated = 10
        found.presentEntries = 10
        #expect(cost.emptyTables(in: 300 + 6000 + 100 + 50 + 60_000, calls: 1, regions: 10, found: found) == 100)
    }

    @Test func noiseIsNone() {
        #expect(cost.emptyTables(in: 400, calls: 1, regions: 0, found: SpanTally()) == 0)
        var found = SpanTally()
        found.populated = 100
        #expect(cost.emptyTables(in: 70_000, calls: 1, regions: 0, found: found) == 0)
    }
}

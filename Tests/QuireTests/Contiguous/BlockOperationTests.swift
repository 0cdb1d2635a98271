// What each operation on entries does to a folded block (S1-03, S1-05 to S1-07, S1-10, S1-11), at every place of the block and
// over every format that has blocks.

import Testing

@testable import Quire

@Suite struct BlockOperationTests {
    /// A walk notes accessed and dirty in one word; every entry reports it (S1-03).
    @Test(arguments: BlockLayout.allCases) func oneWordsAgeIsTheBlocks(_ layout: BlockLayout) throws {
        for place in [0, 7, 15] {
            let bench = try BlockBench(layout.format)
            let format = bench.format
            let head = bench.blockFolio()
            bench.tables.installRun(
                bench.cpu, bench.table, 0, count: bench.size, format.withoutAge(bench.leaf(head)))
            #expect(!format.isAccessed(bench.load(0)) && !format.isDirty(bench.load(0)))
            bench.access(place, write: false)
            for other in 0..<bench.size {
                #expect(format.isAccessed(bench.load(other)) && !format.isDirty(bench.load(other)))
                #expect(format.firstFrame(bench.load(other)) == bench.memory.page(head, other * bench.step))
            }
            bench.access(place, write: true)
            // Unfolding loses none of it, whichever entry goes first.
            let taken = bench.tables.takeOut(bench.cpu, bench.table, (place + 5) % bench.size)
            #expect(format.isDirty(taken))
            for other in 0..<bench.size where other != (place + 5) % bench.size {
                #expect(format.isDirty(bench.load(other)) && !format.isFolded(bench.word(other)))
            }
            bench.check()
        }
    }

    /// Taking one entry out makes the block plain and leaves the others (S1-05), for each place.
    @Test(arguments: BlockLayout.allCases) func takingOneOutLeavesTheOthersPlain(_ layout: BlockLayout) throws {
        let bench = try BlockBench(layout.format)
        for place in 0..<min(bench.size, 16) {
            let start = (place % 4) * bench.size
            if bench.folded(start) == 0 {
                for index in start..<(start + bench.size) {
                    bench.memory.word(bench.table, index).store(bench.cpu, 0, .entry)
                }
                _ = bench.foldedBlock(start)
            }
            let before = (0..<bench.size).map { bench.load(start + $0) }
            let unfolds = bench.unfolds
            #expect(bench.tables.takeOut(bench.cpu, bench.table, start + place) == before[place])
            #expect(bench.unfolds == unfolds + 1)
            for other in 0..<bench.size {
                #expect(bench.word(start + other) == (other == place ? .none : before[other]))
            }
            bench.check()
        }
    }

    /// Whether a block was used is asked once for all of it, and it stays folded (S1-06).
    @Test(arguments: BlockLayout.allCases) func youngIsClearedForTheBlockAtOnce(_ layout: BlockLayout) throws {
        let bench = try BlockBench(layout.format)
        let format = bench.format
        _ = bench.foldedBlock()
        for place in [0, 5, bench.size - 1] {
            bench.access((place * 3) % bench.size, write: false)
            #expect(bench.tables.testAndClearYoung(bench.cpu, bench.table, place))
            #expect(!bench.tables.testAndClearYoung(bench.cpu, bench.table, (place + 1) % bench.size))
            for other in 0..<bench.size { #expect(!format.isAccessed(bench.load(other))) }
            #expect(bench.folded() == bench.size)
        }
        #expect(bench.unfolds == 0)
        bench.check()
    }

    /// Clearing with a flush invalidates the whole block and waits for nobody (S1-06, S1-11).
    @Test(arguments: BlockLayout.allCases) func youngWithAFlushHasNoBarrier(_ layout: BlockLayout) throws {
        let bench = try BlockBench(layout.format)
        _ = bench.foldedBlock()
        let (flushes, pages, barriers) = (
            bench.count(.tlbFlushes), bench.count(.tlbFlushedPages), bench.count(.tlbBarriers)
        )
        #expect(bench.tables.clearYoungFlush(bench.cpu, bench.table, 3))
        #expect(bench.count(.tlbFlushes) == flushes + 1)
        #expect(bench.count(.tlbFlushedPages) == pages + UInt64(bench.size * bench.step))
        #expect(bench.count(.tlbBarriers) == barriers)
        #expect(!bench.tables.clearYoungFlush(bench.cpu, bench.table, 3))
        #expect(bench.count(.tlbFlushes) == flushes + 1, "nothing was used: nothing to flush")
        // Of a plain entry, one page.
        _ = bench.tables.takeOut(bench.cpu, bench.table, 0)
        bench.access(5, write: false)
        let before = bench.count(.tlbFlushedPages)
        #expect(bench.tables.clearYoungFlush(bench.cpu, bench.table, 5))
        #expect(bench.count(.tlbFlushedPages) == before + UInt64(bench.step))
    }

    /// Protecting one entry makes the block plain; the others may still be written (S1-07).
    @Test(arguments: BlockLayout.allCases) func protectingOneLeavesTheOthersWritable(_ layout: BlockLayout) throws {
        let bench = try BlockBench(layout.format)
        let format = bench.format
        _ = bench.foldedBlock()
        bench.access(2, write: true)
        let now = bench.tables.writeProtectRun(bench.cpu, bench.table, 6, count: 1)
        #expect(!format.isWritable(now) && format.isDirty(now))
        #expect(bench.folded() == 0 && bench.unfolds == 1)
        for place in 0..<bench.size { #expect(format.isWritable(bench.load(place)) == (place != 6)) }
        // Writable again: the same block as before, once its last entry is set.
        bench.tables.update(bench.cpu, bench.table, 6, format.writable(bench.load(6)))
        #expect(bench.folded() == 0)
        bench.tables.update(bench.cpu, bench.table, bench.size - 1, bench.load(bench.size - 1))
        #expect(bench.folded() == bench.size)
        bench.check()
    }

    /// Protecting whole blocks changes every word in place; a part at either end is unfolded (S1-07, S1-09).
    @Test(arguments: BlockLayout.allCases) func protectingWholeBlocksKeepsThemFolded(_ layout: BlockLayout) throws {
        let bench = try BlockBench(layout.format)
        let format = bench.format
        let size = bench.size
        let blocks = bench.blocks
        let head = bench.folio(blocks: blocks)
        bench.tables.installRun(bench.cpu, bench.table, 0, count: blocks * size, bench.leaf(head))
        bench.access(size + 3, write: true)
        // All but the last page.
        let now = bench.tables.writeProtectRun(bench.cpu, bench.table, 0, count: blocks * size - 1)
        #expect(format.isDirty(now) && !format.isFolded(now))
        for block in 0..<blocks { #expect(bench.folded(block * size) == (block < blocks - 1 ? size : 0)) }
        #expect(bench.unfolds == 1)
        for index in 0..<(blocks * size) {
            #expect(format.isWritable(bench.load(index)) == (index == blocks * size - 1))
        }
        bench.check()
    }

    /// An access-flags fault: accessed and dirty come on in every word, and the block stays; a right to write that only one
    /// entry gets makes it plain (S1-07).
    @Test(arguments: BlockLayout.allCases) func accessFlagsAreSetForTheBlock(_ layout: BlockLayout) throws {
        let bench = try BlockBench(layout.format)
        let format = bench.format
        let head = bench.blockFolio()
        let entry = format.withoutAge(bench.leaf(head, write: false))
        bench.tables.installRun(bench.cpu, bench.table, 0, count: bench.size, entry)
        bench.tables.update(bench.cpu, bench.table, 4, format.used(bench.load(4)))
        #expect(bench.folded() == bench.size && bench.unfolds == 0)
        for place in 0..<bench.size { #expect(format.isAccessed(bench.word(place))) }
        bench.tables.update(bench.cpu, bench.table, 4, format.dirtied(bench.load(4)))
        for place in 0..<bench.size { #expect(format.isDirty(bench.word(place))) }
        #expect(bench.folded() == bench.size && bench.unfolds == 0)
        bench.check()
        bench.tables.update(bench.cpu, bench.table, 4, format.writable(bench.load(4)))
        #expect(bench.folded() == 0 && bench.unfolds == 1)
        for place in 0..<bench.size { #expect(format.isWritable(bench.load(place)) == (place == 4)) }
        bench.check()
    }

    /// Teardown takes whole blocks without a conversion and hands their age on; a part is unfolded first (S1-10).
    @Test(arguments: BlockLayout.allCases) func takingOutWholeBlocksUnfoldsNothing(_ layout: BlockLayout) throws {
        let bench = try BlockBench(layout.format)
        let format = bench.format
        let size = bench.size
        _ = bench.foldedBlock()
        bench.access(size - 2, write: true)
        let first = bench.load(0)
        let writes = bench.count(.pteWrites)
        let taken = bench.tables.takeOutRun(bench.cpu, bench.table, 0, count: size)
        bench.tables.removed(bench.cpu, bench.table, size)
        #expect(taken == first && format.isDirty(taken))
        #expect(bench.unfolds == 0 && bench.count(.pteWrites) - writes == UInt64(size))
        #expect((0..<size).allSatisfy { bench.word($0).isNone } && bench.tables.populated(bench.table) == 0)
        _ = bench.foldedBlock()
        _ = bench.tables.takeOutRun(bench.cpu, bench.table, 4, count: 3)
        #expect(bench.unfolds == 1 && bench.folded() == 0)
        #expect((0..<size).count { bench.word($0).isNone } == 3)
        bench.check()
    }

    /// A conversion is one ranged invalidation of the block's addresses, and its barrier (S1-17).
    @Test(arguments: BlockLayout.allCases) func aConversionFlushesTheBlockOnce(_ layout: BlockLayout) throws {
        let bench = try BlockBench(layout.format)
        let start = 3 * bench.size
        bench.set(start, bench.pages(bench.blockFolio()))
        #expect(bench.folds == 1 && bench.count(.tlbFlushes) == 1 && bench.count(.tlbBarriers) == 1)
        #expect(bench.count(.tlbFlushedPages) == UInt64(bench.size * bench.step))
        #expect(bench.tables.address(bench.table, start) == bench.base + UInt64(start) << bench.format.pageShift)
        _ = bench.tables.takeOut(bench.cpu, bench.table, start)
        #expect(bench.unfolds == 1 && bench.count(.tlbFlushes) == 2 && bench.count(.tlbBarriers) == 2)
    }

    /// A caller that asks how long a run is gets whole blocks, and stops where pages or rights differ.
    @Test(arguments: BlockLayout.allCases) func runsAreFoundAcrossBlocks(_ layout: BlockLayout) throws {
        let bench = try BlockBench(layout.format)
        let size = bench.size
        let head = bench.folio(blocks: 2)
        bench.tables.installRun(bench.cpu, bench.table, 0, count: 2 * size, bench.leaf(head))
        func run(_ first: Int, limit: Int, _ match: RunMatch) -> Int {
            bench.tables.run(bench.cpu, bench.table, first, bench.load(first), limit: limit, match)
        }
        #expect(run(0, limit: 4 * size, .rights) == 2 * size)
        #expect(run(3, limit: 4 * size, .rights) == 2 * size - 3)
        #expect(run(3, limit: size, .pages) == size)
        #expect(bench.tables.batch(bench.cpu, bench.table, 3, limit: 100_000) == size - 3)
        _ = bench.tables.writeProtectRun(bench.cpu, bench.table, size + 2, count: 1)
        #expect(run(0, limit: 4 * size, .rights) == size + 2)
        #expect(run(0, limit: 4 * size, .pages) == 2 * size)
        _ = bench.tables.takeOut(bench.cpu, bench.table, size + 5)
        #expect(run(0, limit: 4 * size, .pages) == size + 5)
        #expect(bench.tables.batch(bench.cpu, bench.table, size, limit: 100) == 1)
    }
}

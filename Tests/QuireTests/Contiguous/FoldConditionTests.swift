// When a block folds, by breaking each condition singly (S1-02), and by which operations (S1-04). Over every format that has
// blocks.

import Testing

@testable import Quire

/// One way to break a condition.
enum Flaw: String, CaseIterable, Sendable {
    case none, aHole, aGuard, noAccess, otherRights, otherFolio, unalignedFrames, wrongOrder, smallPages, notTheLast
}

@Suite struct FoldConditionTests {
    /// The entries of a block with one flaw, from 0 on.
    private func entries(_ bench: BlockBench, _ flaw: Flaw) -> [Entry] {
        let head = bench.blockFolio()
        var entries = bench.pages(head)
        let middle = bench.size / 2
        switch flaw {
        case .none: break
        case .aHole: entries[middle] = .none
        case .aGuard: entries[middle] = bench.format.nonPresent(.guardMarker, 0)
        case .noAccess: entries = (0..<bench.size).map { bench.leaf(head, $0, read: false) }
        case .otherRights: entries[middle] = bench.leaf(head, middle, write: false)
        case .otherFolio:
            // Two folios of half a block whose frames follow each other.
            let order = (bench.size * bench.step).trailingZeroBitCount - 1
            let first = bench.folio(order: order)
            let second = bench.folio(order: order)
            let halves = [first, second].sorted()
            #expect(halves[1] == bench.memory.page(halves[0], 1 << order))
            entries = (0..<bench.size).map { bench.leaf(halves[$0 / middle], $0 % middle) }
            #expect(bench.format.beginsBlock(entries[0]), "only the folio is wrong")
        case .unalignedFrames:
            // A folio of two blocks, mapped from its second page on.
            let large = bench.folio(order: (bench.size * bench.step).trailingZeroBitCount + 1)
            entries = bench.pages(large, from: 1)
        case .wrongOrder: entries.swapAt(1, 2)
        case .smallPages:
            entries = (0..<bench.size).map { _ in
                bench.leaf(bench.folio(order: bench.step == 1 ? 0 : bench.step.trailingZeroBitCount))
            }
        case .notTheLast: entries[bench.size - 1] = .none
        }
        return entries
    }

    @Test(arguments: BlockLayout.allCases, Flaw.allCases)
    func aBlockFoldsOnlyIfEverythingFits(_ layout: BlockLayout, _ flaw: Flaw) throws {
        let bench = try BlockBench(layout.format)
        let entries = entries(bench, flaw)
        for (place, entry) in entries.enumerated() where !entry.isNone {
            bench.tables.install(bench.cpu, bench.table, place, entry)
            bench.check()
        }
        #expect(bench.folded() == (flaw == .none ? bench.size : 0))
        #expect(bench.folds == (flaw == .none ? 1 : 0))
        // Whatever the words are: callers see what they wrote.
        for (place, entry) in entries.enumerated() { #expect(bench.load(place) == entry, "\(place)") }
    }

    /// Entries that differ in accessed and dirty fold, and the block has both.
    @Test(arguments: BlockLayout.allCases) func accessedAndDirtyDoNotMatter(_ layout: BlockLayout) throws {
        let bench = try BlockBench(layout.format)
        let format = bench.format
        var entries = bench.pages(bench.blockFolio()).map { format.withoutAge($0) }
        entries[3] = format.used(entries[3])
        entries[7] = format.dirtied(entries[7])
        bench.set(0, entries)
        #expect(bench.folded() == bench.size)
        for place in 0..<bench.size {
            #expect(format.isAccessed(bench.load(place)) && format.isDirty(bench.load(place)))
        }
        bench.check()
    }

    /// One by one or at once, the result is the same, and a block is folded once (S1-04).
    @Test(arguments: BlockLayout.allCases) func bothWaysOfSettingGiveTheSame(_ layout: BlockLayout) throws {
        let single = try BlockBench(layout.format)
        let head = single.blockFolio()
        single.set(single.size, single.pages(head))
        let range = try BlockBench(layout.format)
        #expect(range.blockFolio() == head)
        range.tables.installRun(range.cpu, range.table, range.size, count: range.size, range.leaf(head))
        for index in 0..<(3 * single.size) { #expect(single.word(index) == range.word(index)) }
        #expect(single.tables.populated(single.table) == range.tables.populated(range.table))
        #expect(single.folds == 1 && single.count(.contpteBlocksSet) == 0)
        #expect(range.folds == 0 && range.count(.contpteBlocksSet) == 1)
        // What folding later costs: every word cleared and written again.
        #expect(single.count(.pteWrites) == 3 * UInt64(single.size))
        #expect(range.count(.pteWrites) == UInt64(range.size))
        #expect(range.count(.pteWrites) - range.count(.pteWritesBatched) == 1)
    }

    /// `contpte.fold=range`: single sets never fold, ranges that cover a block do.
    @Test(arguments: BlockLayout.allCases) func thePolicyCanLeaveSingleSetsPlain(_ layout: BlockLayout) throws {
        let bench = try BlockBench(layout.format, folding: .range)
        bench.set(0, bench.pages(bench.blockFolio()))
        #expect(bench.folded() == 0 && bench.folds == 0)
        _ = bench.foldedBlock(bench.size)
        #expect(bench.folded(bench.size) == bench.size)
        bench.check()
    }

    /// A run that begins and ends inside blocks: the whole ones are folded at once, the last one when its last entry comes.
    @Test(arguments: BlockLayout.allCases) func aRunFoldsTheBlocksThatItCovers(_ layout: BlockLayout) throws {
        let bench = try BlockBench(layout.format)
        let size = bench.size
        let blocks = bench.blocks
        let head = bench.folio(blocks: blocks)
        // Mapped where its pages fit, but for the first and the last.
        bench.tables.installRun(bench.cpu, bench.table, 1, count: blocks * size - 2, bench.leaf(head, 1))
        for block in 0..<blocks {
            #expect(bench.folded(block * size) == (block > 0 && block < blocks - 1 ? size : 0))
        }
        bench.tables.install(bench.cpu, bench.table, blocks * size - 1, bench.leaf(head, blocks * size - 1))
        #expect(bench.folded((blocks - 1) * size) == size)
        // The first one lacks its first entry; setting that is not setting the last, so it stays plain until that is set again.
        bench.tables.install(bench.cpu, bench.table, 0, bench.leaf(head))
        #expect(bench.folded() == 0)
        bench.tables.update(bench.cpu, bench.table, size - 1, bench.load(size - 1))
        #expect(bench.folded() == size)
        bench.check()
    }

    /// Nothing is folded where the format has no blocks, or the knob says so (S1-12).
    @Test func theKnobAndTheFormatDecide() throws {
        for (layout, contpte, folds) in [(Layout.arm64, true, 16), (.arm64, false, 0), (.x86FourLevels, true, 0)] {
            let test = try TestMachine {
                layout.apply(&$0)
                $0.contpte = contpte
            }
            try test.machine.set("/sys/kernel/mm/transparent_hugepage/hugepages-64kB/enabled", "always")
            let start = try test.touched(blocks: 1)
            #expect(test.foldedWords(start) == [folds])
            test.process.checkInvariants()
            test.expectNothingLeft()
        }
    }
}

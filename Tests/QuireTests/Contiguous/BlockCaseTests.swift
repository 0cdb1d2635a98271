// Contiguous blocks under whole system calls: the four cases of the series (S1-13 to S1-16), fork and exit with their counts
// (S1-09, S1-10), and mremap to all sixteen alignments, entry by entry and batched (Q6).

import Testing

@testable import Quire

@Suite struct BlockCaseTests {
    private func check(_ test: TestMachine) { for process in test.machine.processes { process.checkInvariants() } }

    /// One fault of 64 KiB: 16 words, written once, folded from the start.
    @Test func aFaultWritesItsBlockFolded() throws {
        let test = try contiguousMachine()
        let start = try test.map(4 * kb64, at: 0x4000_0000)
        let counts = test.counting { _ = test.task.storeByte(start + kb64 + 5 * page, 1) }
        #expect(test.foldedWords(start, blocks: 4) == [0, 16, 0, 0])
        #expect(counts.folds == 0 && counts.unfolds == 0 && counts.set == 1 && counts.flushes == 0)
        // 16 entries, and the tables above: three levels.
        #expect(counts.writes == 16 + 3 && counts.operations == 1 + 3)
        check(test)
        test.expectNothingLeft()
    }

    /// Folios of 32 KiB never fold, of 128 KiB two blocks each, of 2 MiB none: a PMD entry maps them, until it is split.
    @Test(arguments: [(3, [0, 0]), (4, [16, 16]), (5, [16, 16])])
    func theFoliosSizeDecides(_ order: Int, _ expected: [Int]) throws {
        let test = try contiguousMachine(orders: [order])
        let start = try test.touched(blocks: 2)
        #expect(test.foldedWords(start, blocks: 2) == expected)
        check(test)
        test.expectNothingLeft()
    }

    @Test func aSplitPMDMappingIsFoldedFromTheStart() throws {
        let test = try contiguousMachine(orders: [9])
        let start = try test.map(span, at: 0x4000_0000)
        _ = test.task.storeByte(start, 1)
        #expect(test.foldedWords(start) == [0])
        let counts = try test.counting { try test.discard(start + 3 * page, page) }
        #expect(test.foldedWords(start, blocks: 32) == [0] + Array(repeating: 16, count: 31))
        #expect(counts.set == 32 && counts.unfolds == 1 && counts.folds == 0)
        check(test)
        test.expectNothingLeft()
    }

    /// Case 1: MADV_DONTNEED of a part unfolds; what is faulted in there does not fold; all of it anew does (S1-13).
    @Test(arguments: 0..<16) func discardingAPartUnfolds(_ place: Int) throws {
        let test = try contiguousMachine()
        let start = try test.touched(blocks: 1)
        let counts = try test.counting { try test.discard(start + UInt64(place) * page, page) }
        #expect(test.foldedWords(start) == [0] && counts.unfolds == 1 && counts.folds == 0)
        for other in 0..<16 { #expect(test.entry(start + UInt64(other) * page).isNone == (other == place)) }
        check(test)
        _ = test.task.storeByte(start + UInt64(place) * page, 7)
        #expect(test.foldedWords(start) == [0], "another page is not of the folio")
        check(test)
        try test.discard(start, kb64)
        _ = test.task.storeByte(start, 7)
        #expect(test.foldedWords(start) == [16])
        check(test)
        test.expectNothingLeft()
    }

    /// Case 2: an area that is split inside a block leaves the block alone; rights that differ do not (S1-14).
    @Test func splittingAnAreaInsideABlockLeavesItFolded() throws {
        let test = try contiguousMachine()
        let start = try test.touched(blocks: 1)
        let counts = try test.counting {
            try test.task.madvise(start, 5 * page, Advice.dontFork.rawValue)
            try test.task.mlock(start + 8 * page, 2 * page)
        }
        #expect(test.process.areaReports().count == 4)
        #expect(test.foldedWords(start) == [16] && counts == BlockCounts())
        check(test)
        let changed = try test.counting { try test.task.mprotect(start, 5 * page, .read) }
        #expect(test.foldedWords(start) == [0] && changed.unfolds == 1)
        for place in 0..<16 as Range<UInt64> {
            #expect(test.tables.format.isWritable(test.entry(start + place * page)) == (place >= 5))
            let outcome = test.task.storeByte(start + place * page, 1)
            #expect((outcome == .done) == (place >= 5))
        }
        check(test)
        test.expectNothingLeft()
    }

    /// mprotect of whole blocks converts nothing; back again, the same words.
    @Test func protectingWholeBlocksUnfoldsNothing() throws {
        let test = try contiguousMachine()
        let start = try test.touched(blocks: 3)
        let before = test.word(start + kb64)
        let counts = try test.counting {
            try test.task.mprotect(start, 3 * kb64, .read)
            #expect(test.foldedWords(start, blocks: 3) == [16, 16, 16])
            #expect(!test.tables.format.isWritable(test.entry(start)))
            try test.task.mprotect(start, 3 * kb64, [.read, .write])
        }
        #expect(counts.folds == 0 && counts.unfolds == 0 && test.word(start + kb64) == before)
        // Without any right, hardware sees no entries; with rights again, a block.
        try test.task.mprotect(start, 3 * kb64, [])
        #expect(test.foldedWords(start, blocks: 3) == [0, 0, 0])
        check(test)
        try test.task.mprotect(start, 3 * kb64, [.read, .write])
        #expect(test.foldedWords(start, blocks: 3) == [16, 16, 16])
        check(test)
        test.expectNothingLeft()
    }

    /// Case 3: entries that are unmapped one by one: the first one unfolds, the others find a plain block; what was written is
    /// known of each (S1-15).
    @Test func unmappingEntryByEntryUnfoldsOnce() throws {
        let test = try contiguousMachine()
        let start = try test.touched(blocks: 1)
        let position = test.tables.position(test.cpu, start)
        let index = test.tables.format.index(start, level: 0)
        let lock = test.tables.pteLock(position.table)
        lock.lock(test.cpu)
        var taken: [Entry] = []
        let counts = test.counting {
            for place in 0..<16 { taken.append(test.tables.takeOut(test.cpu, position.table, index + place)) }
        }
        #expect(counts.unfolds == 1 && counts.folds == 0 && counts.writes == 32 + 16)
        #expect(taken.allSatisfy { test.tables.format.isDirty($0) && test.tables.format.isAccessed($0) })
        for place in 0..<16 { test.tables.update(test.cpu, position.table, index + place, taken[place]) }
        lock.unlock(test.cpu)
        #expect(test.foldedWords(start) == [16], "put back, it qualifies again")
        check(test)
        test.expectNothingLeft()
    }

    /// The same by who follows the folio to its mappings: the first entry unfolds the block, swap entries or migration entries
    /// take its place, and what was written reaches the folio. Put back, the block qualifies again and folds with its last entry
    /// (S1-13, S1-15).
    @Test(arguments: [false, true]) func blockThatReclaimOrMigrationUnmapsUnfoldsOnce(_ isSwap: Bool) throws {
        let test = try contiguousMachine()
        let start = try test.touched(blocks: 1)
        let head = try #require(test.folio(start)).head
        test.memory.flags(head).clear(test.cpu, bits: FrameFlags.dirty, .frameFlags)
        test.memory.refcount(head).add(test.cpu, 1, .refcount)
        let lock = test.memory.folioLock(head)
        lock.lock(test.cpu)
        var isComplete = false
        let counts = test.counting {
            if let unmapped = test.core.tryToUnmap(test.cpu, head, as: isSwap ? .swap(slot: 32) : .migration) {
                isComplete = unmapped.isComplete
                #expect(test.foldedWords(start) == [0])
                #expect(test.memory.has(test.cpu, head, FrameFlags.dirty))
                test.core.putBack(test.cpu, unmapped)
            }
        }
        lock.unlock(test.cpu)
        test.memory.put(test.cpu, folio: head, count: 1)
        #expect(isComplete && counts.unfolds == 1)
        #expect(counts.folds == 1 && test.foldedWords(start) == [16])
        check(test)
        for place in 0..<16 as Range<UInt64> { #expect(test.task.storeByte(start + place * page, 3) == .done) }
        check(test)
        test.expectNothingLeft()
    }

    /// fork write-protects whole blocks in place and copies them whole; nothing is unfolded or folded (S1-09). Writing
    /// operations are an eighth of the entries: one a side for sixteen.
    @Test func forkAndExitConvertNothing() throws {
        let test = try contiguousMachine()
        let blocks = 32
        let start = try test.touched(blocks: UInt64(blocks))
        let entries = 16 * blocks
        var child: Process?
        let forking = try test.counting { child = try test.task.fork(pid: 2) }
        let tables = 3  // of the child, each hung in by one write
        #expect(forking.folds == 0 && forking.unfolds == 0 && forking.set == blocks)
        #expect(forking.writes == 2 * entries + tables)
        #expect(forking.operations == 2 * blocks + tables && 2 * blocks <= entries / 8)
        #expect(test.foldedWords(start, blocks: blocks) == Array(repeating: 16, count: blocks))
        #expect(!test.tables.format.isWritable(test.entry(start)))
        let copies = child!.space.tables
        let table = copies.table(test.cpu, start, level: 0)
        #expect((0..<entries).allSatisfy { copies.format.isFolded(copies.word(test.cpu, table, $0)) })
        check(test)
        let leaving = test.counting { child!.main.exit() }
        #expect(leaving.folds == 0 && leaving.unfolds == 0)
        #expect(leaving.writes == entries + tables && leaving.operations == blocks + tables)
        check(test)
        // Entry by entry, the same fork writes four times as much: 16 in the child and 32 to fold them; 32 to unfold, 16, and
        // 32 to fold in the parent.
        test.expectNothingLeft()
    }

    /// A child's first write to a block takes one page out of it, in the child alone.
    @Test func aCopyOnWriteUnfoldsTheWritersBlockOnly() throws {
        let test = try contiguousMachine()
        let start = try test.touched(blocks: 2)
        let child = try test.task.fork(pid: 2)
        let counts = test.counting { _ = child.main.storeByte(start + 3 * page, 9) }
        #expect(counts.unfolds == 1 && counts.folds == 0)
        #expect(test.foldedWords(start, blocks: 2) == [16, 16])
        check(test)
        #expect(test.byte(start + 3 * page) == 0x03)
        test.expectNothingLeft()
    }

    /// Case 4, at all sixteen alignments (S1-16): data and rights arrive; how much is converted depends on the alignment and on
    /// whether moves are batched.
    @Test(arguments: 0..<16, [false, true]) func mremapToEveryAlignment(_ offset: Int, _ batched: Bool) throws {
        let test = try contiguousMachine()
        try test.machine.set("mremap.batch", batched ? "on" : "off")
        let blocks: UInt64 = 3
        let start = try test.touched(blocks: blocks)
        for place in 0..<(16 * blocks) { _ = test.task.storeByte(start + place * page, UInt8(place + 1)) }
        let target = 0x5000_0000 + UInt64(offset) * page
        // Entries of the way there, so that only the move is counted.
        _ = try test.map(page, at: 0x5000_0000 + 64 * page)
        _ = test.task.storeByte(0x5000_0000 + 64 * page, 1)
        let counts = try test.counting {
            _ = try test.task.mremap(start, blocks * kb64, blocks * kb64, [.mayMove, .fixed], target)
        }
        let aligned = offset == 0
        let converted = batched ? 0 : Int(blocks)
        #expect(counts.unfolds == converted)
        #expect(counts.folds == (aligned ? converted : 0))
        #expect(counts.set == (aligned && batched ? Int(blocks) : 0))
        #expect(counts.barriers - (counts.folds + counts.unfolds) <= 2, "one for the move, one for the old range")
        for block in 0..<(Int(blocks) + 1) {
            let expected = aligned && block < blocks ? 16 : 0
            #expect(test.foldedWords(0x5000_0000 + UInt64(block) * kb64) == [expected])
        }
        check(test)
        for place in 0..<(16 * blocks) {
            #expect(test.byte(target + place * page) == UInt8(place + 1))
            #expect(test.tables.format.isDirty(test.entry(target + place * page)))
            #expect(test.storesAtOnce(target + place * page))
        }
        // And back: everything folds again.
        _ = try test.task.mremap(target, blocks * kb64, blocks * kb64, [.mayMove, .fixed], start)
        #expect(test.foldedWords(start, blocks: 3) == [16, 16, 16])
        check(test)
        test.expectNothingLeft()
    }

    /// A move that begins and ends inside blocks unfolds those at the ends.
    @Test(arguments: [false, true]) func movingPartsOfBlocksUnfoldsThem(_ batched: Bool) throws {
        let test = try contiguousMachine()
        try test.machine.set("mremap.batch", batched ? "on" : "off")
        let start = try test.touched(blocks: 3)
        let counts = try test.counting {
            _ = try test.task.mremap(
                start + 4 * page, 40 * page, 40 * page, [.mayMove, .fixed], 0x5000_0000 + 4 * page)
        }
        #expect(test.foldedWords(start, blocks: 3) == [0, 0, 0])
        #expect(test.foldedWords(0x5000_0000, blocks: 3) == [0, 16, 0])
        #expect(counts.unfolds == (batched ? 2 : 3))
        check(test)
        test.expectNothingLeft()
    }

    /// A table that moves whole takes its blocks with it, and conversions there flush the new addresses.
    @Test func aMovedTableKnowsItsNewAddress() throws {
        let test = try contiguousMachine()
        let start = try test.touched(blocks: 32)
        let counts = try test.counting {
            _ = try test.task.mremap(start, span, span, [.mayMove, .fixed], 0x6000_0000)
        }
        #expect(counts.folds == 0 && counts.unfolds == 0)
        #expect(test.foldedWords(0x6000_0000, blocks: 32) == Array(repeating: 16, count: 32))
        let table = test.tables.table(test.cpu, 0x6000_0000, level: 0)
        #expect(test.tables.base(of: table) == 0x6000_0000)
        check(test)
        test.expectNothingLeft()
    }

    /// MADV_FREE and MADV_COLD of a whole folio clear its entries in place; of a part, the folio is split, and its block ends.
    @Test func adviceOnWholeFoliosConvertsNothing() throws {
        let test = try contiguousMachine()
        let start = try test.touched(blocks: 2)
        let counts = try test.counting {
            try test.task.madvise(start, 2 * kb64, Advice.cold.rawValue)
            #expect(!test.tables.format.isAccessed(test.entry(start)) && test.tables.format.isDirty(test.entry(start)))
            try test.task.madvise(start, 2 * kb64, Advice.free.rawValue)
        }
        #expect(!test.tables.format.isDirty(test.entry(start + 5 * page)))
        #expect(counts.folds == 0 && counts.unfolds == 0 && counts.operations == 4)
        #expect(test.foldedWords(start, blocks: 2) == [16, 16])
        try test.task.madvise(start, page, Advice.free.rawValue)
        #expect(test.foldedWords(start, blocks: 2) == [0, 16])
        check(test)
        test.expectNothingLeft()
    }

    /// Guards, mincore and smaps see pages, not blocks.
    @Test func reportsCountPages() throws {
        let test = try contiguousMachine()
        let start = try test.touched(blocks: 2)
        #expect(try test.task.mincore(start, 2 * kb64) == Array(repeating: 1, count: 32))
        try test.task.madvise(start + 7 * page, page, Advice.guardInstall.rawValue)
        #expect(test.foldedWords(start, blocks: 2) == [0, 16])
        #expect(test.process.areaReports()[0].rss == 31 * 4)
        #expect(test.task.storeByte(start + 7 * page, 1) == .signal(.mapError, address: start + 7 * page))
        check(test)
        test.expectNothingLeft()
    }
}

extension TestMachine {
    /// Whether a store needs no fault.
    func storesAtOnce(_ address: UInt64) -> Bool {
        let faults = counter(.faults)
        return task.access(address, .write) == .done && counter(.faults) == faults
    }
}

// What a TLB holds: sizes of translation, sets and their victims, levels, and what a walk reads.

import Testing

@testable import Quire

private let folder = "/sys/kernel/mm/transparent_hugepage/"

extension TestMachine {
    /// What a level has counted for a size; all zero where it has no such part.
    func tlbRow(_ level: Int, _ size: UInt64) -> TLBStatistics.Row {
        machine.tlbStatistics!.rows.first { $0.level == level && $0.size == size }
            ?? TLBStatistics.Row(level: level, size: size, entries: 0, ways: 0)
    }
}

@Suite struct TLBSizeTests {
    private func machine(_ spec: String?, _ layout: Layout = .x86FourLevels) throws -> TestMachine {
        try TestMachine {
            layout.apply(&$0)
            $0.tlb = true
            if let spec { $0.tlbGeometry = TLBGeometry(spec)! }
        }
    }

    /// One walk and one translation for 2 MiB, in the part that is for them.
    @Test(arguments: Layout.allCases) func aLeafOf2MiBIsOneTranslation(_ layout: Layout) throws {
        let test = try machine(nil, layout)
        try test.machine.set(folder + "hugepages-2048kB/enabled", "always")
        let start = try test.map(span)
        #expect(test.task.storeByte(start, 7) == .done)
        let misses = test.counter(.tlbMisses)
        for place in 0..<512 as Range<UInt64> { #expect(test.task.storeByte(start + place * page, 7) == .done) }
        #expect(test.counter(.tlbMisses) == misses)
        #expect(test.tlbRow(1, span).misses == 1 && test.tlbRow(1, page).misses == 0)
        let walks = test.machine.tlbStatistics!.walks.first { $0.size == span }!
        #expect(walks.walks == 1 && walks.references == UInt64(test.tables.format.levels - 1))
        #expect(test.byte(start + 300 * page) == 7)
        test.process.checkInvariants()
        test.expectNothingLeft()
    }

    /// A leaf of 1 GiB, written by hand since nothing maps one yet: one translation, found for any address in it.
    @Test(arguments: Layout.allCases) func aLeafOf1GiBIsOneTranslation(_ layout: Layout) throws {
        let test = try machine("l1:4x4@1G,l2:8x4", layout)
        let format = test.tables.format
        // A page in the neighbourhood, for the tables above.
        test.task.touchWrite(try test.map(page, at: 8 << 30), page)
        let word = test.memory.word(
            test.tables.table(test.cpu, 8 << 30, level: 2), format.index(12 << 30, level: 2))
        let leaf = format.hugeLeaf(format.leaf(FrameNumber(0), read: true, write: false, execute: false))
        word.store(test.cpu, leaf.rawValue, .entry)
        for place in 1...64 as ClosedRange<UInt64> {
            #expect(test.task.access(12 << 30 + place * 15 << 20, .read) == .done)
        }
        for level in 1...2 {
            let row = test.tlbRow(level, 1 << 30)
            #expect(row.misses == 1 && row.held == 1 && row.hits == (level == 1 ? 63 : 0))
        }
        let walks = test.machine.tlbStatistics!.walks.first { $0.size == 1 << 30 }!
        #expect(walks.walks == 1 && walks.references == UInt64(format.levels - 2))
        word.store(test.cpu, 0, .entry)
        test.tables.flushRange(test.cpu, 12 << 30, 13 << 30, by: 30)
        #expect(test.tlbRow(1, 1 << 30).held == 0 && test.tlbRow(2, 1 << 30).held == 0)
        #expect(test.task.access(12 << 30 + 15 << 20, .read) != .done)
        test.expectNothingLeft()
    }

    /// A level that has no place for 2 MiB holds the pieces that are used, with the right frames.
    @Test func whatALevelCannotHoldItHoldsInPieces() throws {
        let test = try machine("l1:16x4@4K,l2:32x4@4K/2M")
        try test.machine.set(folder + "hugepages-2048kB/enabled", "always")
        let start = try test.map(span)
        for place in 0..<8 as Range<UInt64> {
            #expect(test.task.storeByte(start + place * page, UInt8(place) + 1) == .done)
        }
        #expect(test.tlbRow(1, page).misses == 8 && test.tlbRow(1, span).entries == 0)
        #expect(test.tlbRow(2, span).misses == 1 && test.tlbRow(2, span).hits == 7)
        for place in 0..<8 as Range<UInt64> { #expect(test.byte(start + place * page) == UInt8(place) + 1) }
        #expect(test.tlbRow(1, page).hits == 8)
        // Pieces go with the whole.
        try test.discard(start, span)
        #expect(test.tlbRow(1, page).flushed == 8 && test.tlbRow(2, span).flushed == 1)
        #expect(test.byte(start + page) == 0)
        test.expectNothingLeft()
    }

    /// Sixteen entries with the contiguous flag are one translation of 64 KiB.
    @Test func aContiguousBlockIsOneTranslation() throws {
        let test = try machine(nil, .arm64)
        try test.machine.set(folder + "hugepages-64kB/enabled", "always")
        let start = try test.map(span)
        #expect(test.task.storeByte(start, 1) == .done)
        #expect(test.tlbRow(1, 16 * page).misses == 1)
        let misses = test.counter(.tlbMisses)
        for place in 0..<16 as Range<UInt64> {
            #expect(test.task.storeByte(start + place * page, UInt8(place) + 1) == .done)
        }
        #expect(test.counter(.tlbMisses) == misses)
        #expect(test.tlbRow(1, 16 * page).misses == 1 && test.tlbRow(1, 16 * page).hits == 16)
        for place in 0..<16 as Range<UInt64> { #expect(test.byte(start + place * page) == UInt8(place) + 1) }
        // Flushing any page of it drops it.
        test.tables.flushRange(test.cpu, start + 5 * page, start + 6 * page)
        #expect(test.tlbRow(1, 16 * page).flushed == 1 && test.tlbRow(2, 16 * page).flushed == 1)
        test.expectNothingLeft()
    }

    /// Two ways hold two pages of a set; the one that was not used for longest goes.
    @Test func theVictimIsTheLeastRecentlyUsed() throws {
        let test = try machine("l1:8x2@4K")
        let start = try test.map(32 * page)
        // Pages 0, 4 and 8 share a set of the four.
        test.task.touchWrite(start, 32 * page)
        for place in [0, 4, 0, 8] as [UInt64] { _ = test.task.access(start + place * page, .write) }
        var misses = test.counter(.tlbMisses)
        _ = test.task.access(start, .write)
        _ = test.task.access(start + 8 * page, .write)
        #expect(test.counter(.tlbMisses) == misses, "0 was used after 4")
        _ = test.task.access(start + 4 * page, .write)
        misses += 1
        #expect(test.counter(.tlbMisses) == misses)
        _ = test.task.access(start + page, .write)
        #expect(test.tlbRow(1, page).entries == 8 && test.tlbRow(1, page).ways == 2)
        test.expectNothingLeft()
    }

    /// As a list of the pages of each set in the order of their use says.
    @Test(arguments: [1, 2, 3, 4, 5, 6, 12, 48, 64]) func everyWidthKeepsTheOrderOfUse(_ ways: Int) throws {
        let sets = ways == 64 ? 1 : 4
        let test = try machine("l1:\(ways * sets)x\(ways)@4K")
        let pages = UInt64(ways * sets * 2)
        let start = try test.map(pages * page)
        test.task.touchWrite(start, pages * page)
        test.tables.flushSpace(test.cpu)
        var random = SeededRandom(seed: UInt64(ways))
        var order: [[UInt64]] = Array(repeating: [], count: sets)
        for step in 0..<4000 {
            let number = start / page + UInt64(random.below(Int(pages)))
            let set = Int(number % UInt64(sets))
            let misses = test.counter(.tlbMisses)
            if random.oneIn(50) {
                test.tables.flushRange(test.cpu, number * page, (number + 1) * page)
                order[set].removeAll { $0 == number }
                continue
            }
            _ = test.task.access(number * page, .write)
            let known = order[set].contains(number)
            #expect(test.counter(.tlbMisses) == misses + (known ? 0 : 1), "step \(step)")
            order[set].removeAll { $0 == number }
            order[set].insert(number, at: 0)
            if order[set].count > ways { order[set].removeLast() }
        }
        let row = test.tlbRow(1, page)
        #expect(row.misses - row.evictions - row.flushed == UInt64(order.joined().count))
        #expect(row.held == UInt64(order.joined().count))
        test.expectNothingLeft()
    }

    /// What the second level still has comes back to the first without a walk.
    @Test func aHitInTheSecondLevelFillsTheFirst() throws {
        let test = try machine("l1:2x2@4K,l2:64x4@4K")
        let start = try test.map(8 * page)
        test.task.touchWrite(start, 8 * page)
        let misses = test.counter(.tlbMisses)
        _ = test.task.access(start, .write)
        #expect(test.counter(.tlbMisses) == misses && test.tlbRow(2, page).hits == 1)
        let hits = test.tlbRow(1, page).hits
        _ = test.task.access(start, .write)
        #expect(test.tlbRow(1, page).hits == hits + 1)
        test.expectNothingLeft()
    }

    @Test(arguments: Layout.allCases) func aWalkReadsAnEntryOfEachLevel(_ layout: Layout) throws {
        let test = try machine(nil, layout)
        let start = try test.map(page)
        _ = test.task.storeByte(start, 1)
        test.tables.flushSpace(test.cpu)
        let references = test.counter(.tlbWalkReferences)
        _ = test.task.access(start, .read)
        #expect(test.counter(.tlbWalkReferences) == references + UInt64(test.tables.format.levels))
        test.expectNothingLeft()
    }

    // MARK: Descriptions

    @Test func descriptionsAreReadAndWritten() throws {
        for text in [
            "l1:64x4", "l1:64x4,l2:1536x12", "l1:64x4@4K+32x4@2M+4x4@1G,l2:1536x12@4K/2M+16x4@1G",
            "l1:48x48@4K/16K/64K/2M/512M,l2:1280x5", "l1:1x1", "l1:5x5,l2:16x2@64K,l3:4096x8",
        ] {
            #expect(TLBGeometry(text)?.description == text)
        }
        #expect(TLBGeometry.skylake.description == "l1:64x4@4K+32x4@2M+4x4@1G,l2:1536x12@4K/2M+16x4@1G")
        #expect(TLBGeometry.cortexA76.description == "l1:48x48@4K/16K/64K/2M/512M,l2:1280x5")
    }

    @Test(arguments: [
        "", "l1", "l1:", "l2:64x4", "l1:64", "l1:64x", "l1:x4", "l1:64x5", "l1:48x4", "l1:64x4,l1:64x4",
        "l1:64x4,l3:64x4",
        "l1:0x0", "l1:64x0", "l1:4x8", "l1:64x4@", "l1:64x4@3K", "l1:64x4@4K/", "l1:64x4@4K+32x4@4K", "l1:64x4+32x4@2M",
        "l1:64x4,l2:64x4,l3:64x4,l4:64x4", "l1:256x256", "l1:131072x4", "l1:64x4@2K", "l1:64x4 ", "l1:-4x4", "L1:64x4",
        "l1:64x4@999999999999999999999G", "l1:4x4+4x4+4x4+4x4+4x4+4x4+4x4+4x4+4x4",
    ])
    func whatIsNoTLBIsRefused(_ text: String) throws {
        #expect(TLBGeometry(text) == nil)
        var configuration = MachineConfiguration()
        #expect(throws: MachineError.self) { try configuration.set("machine.tlb", text) }
    }

    @Test func theKnobTakesOffOnAndDescriptions() throws {
        var configuration = MachineConfiguration()
        _ = try configuration.set("machine.tlb", "on")
        #expect(configuration.tlb && configuration.tlbGeometry == nil)
        _ = try configuration.set("machine.tlb", "l1:16x4")
        #expect(configuration.tlb && configuration.tlbGeometry?.description == "l1:16x4")
        _ = try configuration.set("machine.tlb", "off")
        #expect(!configuration.tlb)
    }
}

// The formats that no machine runs on, against the bit layouts of the manuals, written out here once more: Arm ARM D8.3 for
// granules of 16 and 64 KiB, the RISC-V privileged specification for Sv39, Sv48 and Svnapot. Then a walk over tables built by
// the format's numbers, by a reader that knows only the manuals, and random operations on blocks against a list of pages.

import Testing

@testable import Quire

/// What a manual says of a format, as numbers of its own.
private struct Manual {
    var pageBits: UInt64, indexBits: UInt64, levels: Int
    /// Bits of the output address in a descriptor, and how far it is from where a physical address has them.
    var addressField: UInt64, addressShift: UInt64
    var valid: UInt64 = 1
    /// The descriptor of a table or page below the top, beyond `valid`.
    var blockEntries: Int, blockBit: UInt64

    init(_ layout: BlockLayout) {
        switch layout {
        case .arm4: self.init(pageBits: 12, indexBits: 9, levels: 4, entries: 16)
        case .arm16: self.init(pageBits: 14, indexBits: 11, levels: 4, entries: 128)
        case .arm64: self.init(pageBits: 16, indexBits: 13, levels: 3, entries: 32)
        case .sv39: self.init(svLevels: 3)
        case .sv48: self.init(svLevels: 4)
        }
    }

    private init(pageBits: UInt64, indexBits: UInt64, levels: Int, entries: Int) {
        self.pageBits = pageBits
        self.indexBits = indexBits
        self.levels = levels
        addressField = 0x0000_ffff_ffff_ffff & ~(1 << pageBits - 1)
        addressShift = 0
        blockEntries = entries
        blockBit = 0x0010_0000_0000_0000
    }

    private init(svLevels: Int) {
        pageBits = 12
        indexBits = 9
        levels = svLevels
        addressField = 0x003f_ffff_ffff_fc00
        addressShift = 2
        blockEntries = 16
        blockBit = 0x8000_0000_0000_0000
    }

    /// The physical address behind a virtual one; nil where a descriptor is not valid.
    func walk(_ memory: PhysicalMemory, _ cpu: CPU, root: UInt64, _ address: UInt64) -> UInt64? {
        var table = root
        for level in (0..<levels).reversed() {
            let shift = pageBits + indexBits * UInt64(level)
            let index = address >> shift & (1 << indexBits - 1)
            let word = memory.word(FrameNumber(UInt32(table >> 12)), Int(index)).load(cpu, .entry)
            guard word & valid != 0 else { return nil }
            table = (word & addressField) << addressShift
            if level == 0, addressShift != 0, word & blockBit != 0 {
                // Svnapot: the frame number's low bits 1000 stand for 64 KiB; the address supplies them.
                guard word >> 10 & 15 == 8 else { return nil }
                table = table & ~0xffff | address & 0xf000
            }
        }
        return table | address & (1 << pageBits - 1)
    }
}

@Suite struct GranuleTests {
    @Test(arguments: BlockLayout.allCases) func sizesAreTheManuals(_ layout: BlockLayout) {
        let format = layout.format
        let manual = Manual(layout)
        #expect(format.pageShift == manual.pageBits && format.indexBits == manual.indexBits)
        #expect(format.levels == manual.levels && format.contiguousEntries == manual.blockEntries)
        #expect(format.entriesPerTable * 8 == 1 << manual.pageBits, "a table is a page")
        let block = UInt64(format.contiguousEntries) << format.pageShift
        let expected: UInt64 = layout == .arm16 || layout == .arm64 ? 2 << 20 : 64 << 10
        #expect(block == expected)
        let upper = UInt64(format.contiguousUpperEntries) << format.granuleShift(ofLevel: 1)
        switch layout {
        case .arm4: #expect(upper == 32 << 20)
        case .arm16: #expect(upper == 1 << 30)
        case .arm64: #expect(upper == 16 << 30)
        case .sv39, .sv48: #expect(format.contiguousUpperEntries == 1)
        }
    }

    @Test func pagesOfOtherGranulesHaveArmsBits() {
        let user: UInt64 = 0x1 | 0x2 | 0x40 | 0x300 | 0x400 | 0x800 | 0x0020_0000_0000_0000
        let (readOnly, dbm, uxn): (UInt64, UInt64, UInt64) = (0x80, 0x0008_0000_0000_0000, 0x0040_0000_0000_0000)
        for granule in PageTableFormat.Granule.allCases {
            let format = PageTableFormat.arm64(granule)
            let frame = FrameNumber(0x12340)
            #expect(
                format.pageLeaf(frame, read: true, write: true, execute: false).rawValue
                    == 0x1234_0000 | user | readOnly | dbm | uxn)
            let readable = format.pageLeaf(frame, read: true, write: false, execute: true)
            #expect(readable.rawValue == 0x1234_0000 | user | readOnly)
            #expect(format.pageTable(frame).rawValue == 0x1234_0003)
            let folded = format.folded(readable)
            #expect(folded.rawValue == 0x1234_0000 | user | readOnly | 0x0010_0000_0000_0000)
        }
    }

    @Test(arguments: [BlockLayout.sv39, .sv48]) func entriesHaveRISCVsBits(_ layout: BlockLayout) {
        let format = layout.format
        let (v, r, w, x, u, g, a, d): (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (
            1, 2, 4, 8, 16, 32, 64, 128
        )
        let frame = FrameNumber(0x12345)
        let ppn: UInt64 = 0x12345 << 10
        #expect(format.pageLeaf(frame, read: true, write: true, execute: false).rawValue == ppn | v | r | w | u | a)
        #expect(format.pageLeaf(frame, read: true, write: false, execute: true).rawValue == ppn | v | r | x | u | a)
        #expect(format.pageLeaf(frame, read: false, write: false, execute: false).rawValue == ppn | r | u | g | a)
        #expect(format.pageTable(frame).rawValue == ppn | v, "R, W and X clear: a pointer")
        let leaf = format.pageLeaf(frame, read: true, write: true, execute: true)
        #expect(format.isHuge(leaf) && !format.isHuge(format.pageTable(frame)))
        #expect(format.isExecutable(leaf) && format.isDirty(format.dirtied(leaf)))
        #expect(format.dirtied(leaf).rawValue == leaf.rawValue | d)
        let protected = format.withRights(leaf, read: true, execute: false)
        #expect(!format.isExecutable(protected) && !format.isWritable(protected))
        #expect(format.firstFrame(protected) == frame)
        #expect(format.isExecutable(format.withRights(protected, read: true, execute: true)))
        // Svnapot: N, and 1000 where the frame number ends; the entry's own frame comes back from its index.
        let folded = format.folded(leaf)
        #expect(folded.rawValue == (leaf.rawValue & ~(15 << 10)) | 8 << 10 | 1 << 63)
        #expect(format.plain(folded, at: 16 + 5) == leaf)
        #expect(format.isFolded(folded) && !format.isFolded(leaf))
    }

    /// Tables of every level by the format's numbers, read back by the manual's.
    @Test(arguments: BlockLayout.allCases) func aReaderOfTheManualFindsEveryPage(_ layout: BlockLayout) throws {
        let bench = try BlockBench(layout.format)
        let (format, memory, cpu) = (bench.format, bench.memory, bench.cpu)
        let manual = Manual(layout)
        let blocks = bench.blocks
        let head = bench.folio(blocks: blocks)
        let small = bench.blockFolio()
        let first = 2 * bench.size
        bench.tables.installRun(cpu, bench.table, first, count: blocks * bench.size, bench.leaf(head))
        bench.set(0, bench.pages(small))
        _ = bench.tables.takeOut(cpu, bench.table, 3)
        // The tables above, from the bottom up.
        var below = bench.table
        for level in 1..<format.levels {
            let table = BlockBench.makeTable(cpu, memory, format, level: level)
            memory.word(table, format.granuleIndex(bench.base, level: level)).store(
                cpu, format.pageTable(below).rawValue, .entry)
            below = table
        }
        var random = SeededRandom(seed: 7)
        for place in 0..<((2 + blocks) * bench.size) {
            let offset = UInt64(random.below(1 << Int(format.pageShift)))
            let address = bench.base + UInt64(place) << format.pageShift + offset
            let found = manual.walk(memory, cpu, root: below.address, address)
            var expected: UInt64?
            if place < bench.size, place != 3 { expected = memory.page(small, place * bench.step).address + offset }
            if place >= first { expected = memory.page(head, (place - first) * bench.step).address + offset }
            #expect(found == expected, "entry \(place)")
        }
    }

    /// What one page of the list must read as.
    private struct Page: Equatable {
        var entry = Entry.none
        /// Accessed and dirty as a table without blocks has them.
        var accessed = false, dirty = false
    }

    /// Random operations on entries and runs against a list of pages that knows nothing of blocks. Accessed and dirty may be
    /// more than the list says, never less.
    @Test(arguments: BlockLayout.allCases) func blocksAndAListOfPagesAgree(_ layout: BlockLayout) throws {
        for seed in 1...6 as ClosedRange<UInt64> {
            let bench = try BlockBench(layout.format, folding: seed % 3 == 0 ? .range : .any)
            var random = SeededRandom(seed: seed)
            let (format, cpu, table) = (bench.format, bench.cpu, bench.table)
            let count = bench.blocks * bench.size
            let heads = [bench.folio(blocks: bench.blocks), bench.folio(blocks: bench.blocks)]
            var pages = Array(repeating: Page(), count: count)
            func note(_ range: Range<Int>, _ entry: (Int) -> Entry) {
                for index in range {
                    let new = entry(index)
                    pages[index] = Page(
                        entry: format.withoutAge(new), accessed: format.isAccessed(new), dirty: format.isDirty(new))
                }
            }
            for _ in 0..<150 {
                let start = random.below(count)
                var range = start..<min(count, start + 1 + random.below(bench.size))
                if random.oneIn(3) {
                    let block = start / bench.size * bench.size
                    range = block..<(block + bench.size)
                }
                let head = heads[random.below(2)]
                let write = random.oneIn(2)
                let isNone = pages[range].allSatisfy { $0.entry.isNone }
                switch random.below(8) {
                case 0 where isNone, 1 where isNone:
                    let first = bench.leaf(head, range.lowerBound, write: write)
                    bench.tables.installRun(cpu, table, range.lowerBound, count: range.count, first)
                    note(range) { bench.leaf(head, $0, write: write) }
                case 2 where isNone:
                    for index in range {
                        bench.tables.install(cpu, table, index, bench.leaf(head, index, write: write))
                    }
                    note(range) { bench.leaf(head, $0, write: write) }
                case 3:
                    var taken = 0
                    for index in range where !pages[index].entry.isNone {
                        let old = bench.tables.takeOut(cpu, table, index)
                        #expect(format.withoutAge(old) == pages[index].entry)
                        #expect(format.isDirty(old) || !pages[index].dirty)
                        pages[index] = Page()
                        taken += 1
                    }
                    bench.tables.removed(cpu, table, taken)
                case 4 where !pages[start].entry.isNone:
                    bench.access(start, write: false)
                    pages[start].accessed = true
                    if bench.access(start, write: true) { pages[start].dirty = true }
                case 5 where !pages[range.lowerBound].entry.isNone:
                    let run = bench.tables.run(
                        cpu, table, range.lowerBound, bench.load(range.lowerBound), limit: range.count, .rights)
                    _ = bench.tables.writeProtectRun(cpu, table, range.lowerBound, count: run)
                    for index in range.lowerBound..<(range.lowerBound + run) {
                        pages[index].entry = format.withoutAge(format.writeProtected(pages[index].entry))
                    }
                case 6 where !pages[start].entry.isNone:
                    let entry = format.used(format.writable(bench.load(start)))
                    bench.tables.update(cpu, table, start, entry)
                    pages[start].entry = format.withoutAge(entry)
                    pages[start].accessed = true
                default:
                    guard !pages[range.lowerBound].entry.isNone else { break }
                    let run = bench.tables.run(
                        cpu, table, range.lowerBound, bench.load(range.lowerBound), limit: range.count, .pages)
                    _ = bench.tables.takeOutRun(cpu, table, range.lowerBound, count: run)
                    bench.tables.removed(cpu, table, run)
                    note(range.lowerBound..<(range.lowerBound + run)) { _ in .none }
                    for index in range.lowerBound..<(range.lowerBound + run) { pages[index] = Page() }
                }
                for index in 0..<count {
                    let entry = bench.load(index)
                    guard !entry.isNone || !pages[index].entry.isNone else { continue }
                    #expect(format.withoutAge(entry) == pages[index].entry, "seed \(seed), entry \(index)")
                    #expect(format.isAccessed(entry) || !pages[index].accessed)
                    #expect(format.isDirty(entry) || !pages[index].dirty)
                }
                bench.check()
                #expect(bench.tables.populated(table) == pages.count { !$0.entry.isNone })
            }
            #expect(bench.unfolds > 0, "something was folded")
        }
    }
}

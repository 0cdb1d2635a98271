// The hardware walker against tables written by hand: what each granule translates, and each complaint with the fault
// that it is for planted.

import HardwareWalker
import Testing

/// Physical memory of 16 MiB with tables that a test writes word by word.
private final class Tables {
    var words: [UInt64: UInt64] = [:]
    private var next: UInt64 = 0x10_0000
    let architecture: HardwareMMU.Architecture
    let root: UInt64

    init(_ architecture: HardwareMMU.Architecture) {
        self.architecture = architecture
        root = next
        next += 0x1_0000
    }

    var mmu: HardwareMMU {
        HardwareMMU(architecture, root: root, memoryEnd: 1 << 24) { [self] in words[$0] ?? 0 }
    }

    private var isArm: Bool {
        if case .arm64 = architecture { return true }
        return false
    }
    var granule: UInt64 {
        if case .arm64(let granule) = architecture { return UInt64(granule) }
        return 12
    }
    /// Levels above the last one, topmost first.
    private var upper: [UInt64] {
        let last = (48 - granule + granule - 4) / (granule - 3)
        let levels: UInt64 = if case .x86_64(let levels) = architecture { UInt64(levels) } else { last }
        return (1..<levels).reversed().map { $0 }
    }

    /// The physical address of the word for a virtual address, `depth` levels above the pages; tables are made on the way.
    func place(_ address: UInt64, depth: UInt64 = 0) -> UInt64 {
        var table = root
        let mask = (1 as UInt64) << (granule - 3) - 1
        for level in upper where level > depth {
            let word = table + (address >> (granule + level * (granule - 3)) & mask) * 8
            if words[word] == nil {
                words[word] = next | (isArm ? 3 : 7)
                next += 0x1_0000
            }
            table = words[word]! & 0xffff_ffff_0000
        }
        return table + (address >> (granule + depth * (granule - 3)) & mask) * 8
    }

    /// A leaf that a program may read and write.
    func leaf(_ physical: UInt64, depth: UInt64 = 0) -> UInt64 {
        isArm
            ? physical | (depth == 0 ? 3 : 1) | 1 << 6 | 3 << 8 | 1 << 10 | 1 << 11 | 1 << 51 | 1 << 53 | 1 << 54
            : physical | 0x67 | (depth == 0 ? 0 : 0x80) | 1 << 63
    }

    func map(_ address: UInt64, to physical: UInt64, depth: UInt64 = 0) {
        words[place(address, depth: depth)] = leaf(physical, depth: depth)
    }

    /// Maps a contiguous block.
    func mapBlock(_ address: UInt64, to physical: UInt64, entries: UInt64, depth: UInt64 = 0) {
        let size: UInt64 = 1 << (granule + depth * (granule - 3))
        for index in 0..<entries {
            words[place(address + index * size, depth: depth)] = leaf(physical + index * size, depth: depth) | 1 << 52
        }
    }

    var complaints: [HardwareComplaint.Kind] { mmu.audit().complaints.map(\.kind) }
}

private let x86 = HardwareMMU.Architecture.x86_64(levels: 4)

@Suite struct HardwareWalkerTests {
    static let all: [HardwareMMU.Architecture] = [
        .x86_64(levels: 4), .x86_64(levels: 5), .arm64(granule: 12), .arm64(granule: 14), .arm64(granule: 16),
    ]

    @Test(arguments: all) func pagesTranslate(_ architecture: HardwareMMU.Architecture) throws {
        let tables = Tables(architecture)
        let size = UInt64(1) << tables.granule
        for (place, address) in [size * 5, 0x7fff_ffff_0000, 0x1234_5678_0000].enumerated() {
            tables.map(address, to: 0x40_0000 + UInt64(place) * size)
        }
        let audit = tables.mmu.audit()
        #expect(audit.complaints == [])
        #expect(audit.leaves.map(\.address) == [size * 5, 0x1234_5678_0000, 0x7fff_ffff_0000])
        let found = try tables.mmu.walk(0x1234_5678_0000 + 0x123)
        #expect(found.physical == 0x40_0000 + 2 * size + 0x123 && found.shift == tables.granule)
        #expect(found.user && found.writable && !found.executable && found.accessed && found.dirty && !found.contiguous)
        #expect(throws: HardwareFault.translation(tables.mmu.bottom)) { try tables.mmu.walk(size * 6) }
        #expect(throws: HardwareFault.self) { try tables.mmu.walk(0x4000_0000_0000) }
    }

    /// 2 MiB and 1 GiB; 32 MiB with 16 KiB pages, 512 MiB with 64 KiB.
    @Test func blocksTranslate() throws {
        for (architecture, depth, shift) in [
            (x86, 1, 21), (x86, 2, 30), (.arm64(granule: 12), 1, 21), (.arm64(granule: 12), 2, 30),
            (.arm64(granule: 14), 1, 25), (.arm64(granule: 16), 1, 29),
        ] as [(HardwareMMU.Architecture, UInt64, UInt64)] {
            let tables = Tables(architecture)
            tables.map(7 << shift, to: 0, depth: depth)
            var mmu = tables.mmu
            mmu.memoryEnd = 1 << 31
            #expect(mmu.audit().complaints == [])
            let found = try mmu.walk(7 << shift + 0xabc)
            #expect(found.physical == 0xabc && found.shift == shift)
        }
    }

    @Test func rightsAreThoseOfAllLevels() throws {
        let tables = Tables(x86)
        tables.map(0x1000, to: 0x40_0000)
        let top = tables.root
        #expect(try tables.mmu.access(0x1000, .write).physical == 0x40_0000)
        #expect(throws: HardwareFault.permission(1)) { try tables.mmu.access(0x1000, .execute) }
        tables.words[top]! &= ~2
        #expect(throws: HardwareFault.permission(1)) { try tables.mmu.access(0x1000, .write) }
        #expect(try tables.mmu.access(0x1000, .read).writable == false)
        tables.words[top]! &= ~4
        #expect(throws: HardwareFault.permission(1)) { try tables.mmu.access(0x1000, .read) }

        let arm = Tables(.arm64(granule: 12))
        arm.map(0x1000, to: 0x40_0000)
        arm.words[arm.root]! |= 1 << 62
        #expect(throws: HardwareFault.permission(3)) { try arm.mmu.access(0x1000, .write) }
        arm.words[arm.root]! |= 1 << 61
        #expect(throws: HardwareFault.permission(3)) { try arm.mmu.access(0x1000, .read) }
    }

    /// DBM with AP[2]: writable and clean where hardware manages the flags, else read-only.
    @Test func armFlagsAreManagedOrNot() throws {
        let tables = Tables(.arm64(granule: 12))
        tables.map(0x1000, to: 0x40_0000)
        let place = tables.place(0x1000)
        tables.words[place]! |= 1 << 7
        var mmu = tables.mmu
        #expect(try mmu.access(0x1000, .write).dirty == false)
        mmu.managesFlags = false
        #expect(throws: HardwareFault.permission(3)) { try mmu.access(0x1000, .write) }
        tables.words[place]! &= ~(1 << 10)
        #expect(throws: HardwareFault.accessFlag(3)) { try mmu.access(0x1000, .read) }
    }

    @Test func addressesOutOfRangeFault() throws {
        let tables = Tables(x86)
        #expect(throws: HardwareFault.address) { try tables.mmu.walk(0x8000_0000_0000) }
        #expect(throws: HardwareFault.translation(4)) { try tables.mmu.walk(0xffff_8000_0000_0000) }
        #expect(throws: HardwareFault.address) { try Tables(.arm64(granule: 12)).mmu.walk(1 << 48) }
        tables.words[tables.root] = 0xff_ffff_f007
        #expect(throws: HardwareFault.external(3)) { try tables.mmu.walk(0x1000) }
        #expect(tables.complaints == [.tableBeyondMemory])
        let arm = Tables(.arm64(granule: 12))
        arm.map(0x1000, to: 1 << 44)
        var mmu = arm.mmu
        mmu.physicalBits = 44
        #expect(throws: HardwareFault.addressSize(3)) { try mmu.walk(0x1000) }
    }

    // MARK: Planted faults

    @Test(arguments: all) func aLeafBeyondMemoryIsFound(_ architecture: HardwareMMU.Architecture) {
        let tables = Tables(architecture)
        tables.map(0, to: 1 << 24)
        #expect(tables.complaints == [.leafBeyondMemory])
    }

    @Test func reservedBitsAreFound() throws {
        let tables = Tables(x86)
        tables.map(0x1000, to: 0x40_0000)
        tables.words[tables.place(0x1000)]! |= 1 << 50
        #expect(tables.complaints == [.reservedBits(1 << 50)])
        #expect(throws: HardwareFault.reserved(1)) { try tables.mmu.walk(0x1000) }
        tables.words[tables.place(0x1000)]! &= ~(1 << 50)
        tables.words[tables.root]! |= 1 << 7
        #expect(tables.complaints == [.reservedBits(1 << 7)])
        #expect(throws: HardwareFault.reserved(4)) { try tables.mmu.walk(0x1000) }
        tables.words[tables.root]! &= ~(1 << 7)
        // Bits that are left to software, and protection keys.
        tables.words[tables.place(0x1000)]! |= 0x7ff << 52 | 7 << 9
        #expect(tables.complaints == [])
        // Of an entry that is not present, nothing is reserved.
        tables.words[tables.place(0x2000)] = ~1
        #expect(tables.complaints == [])

        let arm = Tables(.arm64(granule: 12))
        arm.map(0x1000, to: 0x40_0000)
        arm.words[arm.place(0x1000)]! |= 1 << 48
        arm.words[arm.root]! |= 1 << 49
        #expect(arm.complaints == [.reservedBits(1 << 49), .reservedBits(1 << 48)])
    }

    @Test func misalignedLeavesAreFound() {
        for architecture in [x86, .arm64(granule: 12)] {
            let tables = Tables(architecture)
            tables.map(4 << 21, to: 0x40_0000, depth: 1)
            tables.words[tables.place(4 << 21, depth: 1)]! += 0x10_0000
            #expect(tables.complaints == [.misalignedLeaf])
        }
    }

    @Test func aTableThatHangsTwiceIsFound() {
        let tables = Tables(x86)
        tables.map(0x1000, to: 0x40_0000)
        tables.words[tables.root + 8] = tables.words[tables.root]
        #expect(tables.complaints == [.sharedTable])
        // Also below itself.
        tables.words[tables.root + 8] = tables.root | 7
        #expect(tables.complaints == [.sharedTable])
    }

    /// What a level's blocks are: 16 × 4 KiB and 2 MiB, 128 × 16 KiB, 32 × 32 MiB, 32 × 64 KiB.
    static let blocks: [(HardwareMMU.Architecture, UInt64, UInt64)] = [
        (.arm64(granule: 12), 0, 16), (.arm64(granule: 12), 1, 16), (.arm64(granule: 14), 0, 128),
        (.arm64(granule: 14), 1, 32), (.arm64(granule: 16), 0, 32),
    ]

    @Test(arguments: blocks) func contiguousBlocksMustBeAsTheyShould(
        _ architecture: HardwareMMU.Architecture, _ depth: UInt64, _ entries: UInt64
    ) {
        let tables = Tables(architecture)
        let size: UInt64 = 1 << (tables.granule + depth * (tables.granule - 3))
        let start = 4 * entries * size
        tables.mapBlock(start, to: 2 * entries * size, entries: entries, depth: depth)
        func complaints() -> [HardwareComplaint.Kind] {
            var mmu = tables.mmu
            mmu.memoryEnd = 1 << 40
            return mmu.audit().complaints.map(\.kind)
        }
        #expect(complaints() == [])
        let place = tables.place(start + 3 * size, depth: depth)
        let good = tables.words[place]!
        func planted(_ word: UInt64) -> [HardwareComplaint.Kind] {
            tables.words[place] = word
            defer { tables.words[place] = good }
            return complaints()
        }
        #expect(planted(good & ~(1 << 52)) == [.mixedBlock])
        #expect(planted(0) == [.mixedBlock])
        #expect(planted(good + size) == [.scatteredBlock])
        #expect(planted(good ^ 1 << 54) == [.unlikeBlock])
        #expect(planted(good ^ 1 << 51) == [.unlikeBlock])
        #expect(planted(good ^ 1 << 6) == [.unlikeBlock])
        #expect(planted(good ^ 1 << 10) == [], "the access flag")
        #expect(planted(good ^ 1 << 7) == [], "the dirty state")
        #expect(planted(good ^ 1 << 55) == [], "software's")
        tables.mapBlock(start, to: 2 * entries * size + size, entries: entries, depth: depth)
        #expect(complaints() == [.misalignedBlock])
    }

    @Test func aContiguousBitWithoutABlockIsFound() {
        let tables = Tables(.arm64(granule: 16))
        tables.map(1 << 36, to: 0, depth: 1)
        var mmu = tables.mmu
        mmu.memoryEnd = 1 << 40
        #expect(mmu.audit().complaints == [])
        // Level 1 of 64 KiB pages has neither blocks nor contiguous ones: the word is invalid.
        tables.words[tables.root + 8] = 1 | 1 << 52
        #expect(mmu.audit().complaints == [])
        #expect(throws: HardwareFault.translation(1)) { try mmu.walk(1 << 42) }
    }
}

extension HardwareMMU {
    /// The last level.
    fileprivate var bottom: Int {
        if case .arm64 = architecture { return 3 }
        return 1
    }
}

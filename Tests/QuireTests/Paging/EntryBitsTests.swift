// The page-table formats against the bit layouts of the architecture manuals, written out here once more and
// independently: Intel SDM volume 3A, 4.5, tables 4-15 to 4-20; Arm ARM (DDI 0487) D8.3, VMSAv8-64 stage 1 descriptors.

import Testing

@testable import Quire

/// Bits of an x86-64 entry as the manual numbers them.
private enum Intel {
    static let p: UInt64 = 0x1, rw: UInt64 = 0x2, us: UInt64 = 0x4, a: UInt64 = 0x20, d: UInt64 = 0x40
    static let ps: UInt64 = 0x80, g: UInt64 = 0x100, xd: UInt64 = 0x8000_0000_0000_0000
    static let address: UInt64 = 0x000f_ffff_ffff_f000
}

/// Bits of an arm64 descriptor as the manual numbers them, and the software bits that Linux takes.
private enum Arm {
    static let valid: UInt64 = 0x1, page: UInt64 = 0x2, el0: UInt64 = 0x40, readOnly: UInt64 = 0x80
    static let innerShareable: UInt64 = 0x300, af: UInt64 = 0x400, ng: UInt64 = 0x800
    static let dbm: UInt64 = 0x0008_0000_0000_0000, contiguous: UInt64 = 0x0010_0000_0000_0000
    static let pxn: UInt64 = 0x0020_0000_0000_0000, uxn: UInt64 = 0x0040_0000_0000_0000
    static let softDirty: UInt64 = 0x0080_0000_0000_0000, protNone: UInt64 = 0x0400_0000_0000_0000
    static let address: UInt64 = 0x0000_ffff_ffff_f000
    /// What every user page of normal memory carries.
    static let user = valid | page | el0 | innerShareable | af | ng | pxn
}

/// Rights, and the words that the manuals give for frame 0x12345 under them, fresh: used and not written.
struct LeafCase: Sendable {
    var read: Bool, write: Bool, execute: Bool
    var intel: UInt64, arm: UInt64
}

private let frame = FrameNumber(0x12345)
private let address: UInt64 = 0x1234_5000

private let leafCases = [
    LeafCase(
        read: true, write: false, execute: false, intel: address | Intel.p | Intel.us | Intel.a | Intel.xd,
        arm: address | Arm.user | Arm.readOnly | Arm.uxn),
    LeafCase(
        read: true, write: true, execute: false, intel: address | Intel.p | Intel.rw | Intel.us | Intel.a | Intel.xd,
        arm: address | Arm.user | Arm.readOnly | Arm.dbm | Arm.uxn),
    LeafCase(
        read: true, write: false, execute: true, intel: address | Intel.p | Intel.us | Intel.a,
        arm: address | Arm.user | Arm.readOnly),
    LeafCase(
        read: true, write: true, execute: true, intel: address | Intel.p | Intel.rw | Intel.us | Intel.a,
        arm: address | Arm.user | Arm.readOnly | Arm.dbm),
    LeafCase(
        read: false, write: false, execute: false, intel: address | Intel.us | Intel.a | Intel.g | Intel.xd,
        arm: address | (Arm.user & ~Arm.valid) | Arm.readOnly | Arm.uxn | Arm.protNone),
]

@Suite struct EntryBitsTests {
    @Test(arguments: leafCases) func leavesHaveTheManualsBits(_ leaf: LeafCase) {
        for levels in [4, 5] {
            let made = PageTableFormat.x86(levels: levels).leaf(
                frame, read: leaf.read, write: leaf.write, execute: leaf.execute)
            #expect(made.rawValue == leaf.intel)
        }
        let made = PageTableFormat.arm64.leaf(frame, read: leaf.read, write: leaf.write, execute: leaf.execute)
        #expect(made.rawValue == leaf.arm)
    }

    @Test func tableEntriesHaveTheManualsBits() {
        let intel = address | Intel.p | Intel.rw | Intel.us | Intel.a | Intel.d
        #expect(PageTableFormat.x86(levels: 4).table(frame).rawValue == intel)
        #expect(PageTableFormat.x86(levels: 5).table(frame).rawValue == intel)
        #expect(PageTableFormat.arm64.table(frame).rawValue == address | Arm.valid | Arm.page)
    }

    @Test func theAddressFieldIsAsWideAsTheManualSays() {
        #expect(PageTableFormat.x86(levels: 4).frameMask == Intel.address)
        #expect(PageTableFormat.x86(levels: 5).frameMask == Intel.address)
        #expect(PageTableFormat.arm64.frameMask == Arm.address)
        for layout in Layout.allCases {
            let highest = FrameNumber(.max)
            let format = layout.format
            #expect(format.frame(format.leaf(highest, read: true, write: true, execute: false)) == highest)
            #expect(format.frame(format.table(highest)) == highest)
        }
    }

    @Test func indicesCutTheAddressInNines() {
        let address: UInt64 = 0o123_456_701_234_567_0123
        for layout in Layout.allCases {
            #expect(layout.format.index(address, level: 0) == Int(address >> 12 & 0x1ff))
            #expect(layout.format.index(address, level: 1) == Int(address >> 21 & 0x1ff))
            #expect(layout.format.index(address, level: 2) == Int(address >> 30 & 0x1ff))
            #expect(layout.format.index(address, level: 3) == Int(address >> 39 & 0x1ff))
            #expect(layout.format.index(address, level: 4) == Int(address >> 48 & 0x1ff))
        }
    }

    @Test func hugeLeavesAreToldFromTables() {
        let x86 = PageTableFormat.x86(levels: 4)
        #expect(x86.isHuge(Entry(address | Intel.p | Intel.us | Intel.ps)))
        #expect(!x86.isHuge(x86.table(frame)))
        // arm64: bit 1 clear is a block above the last level.
        #expect(PageTableFormat.arm64.isHuge(Entry(address | Arm.valid | Arm.el0)))
        #expect(!PageTableFormat.arm64.isHuge(PageTableFormat.arm64.table(frame)))
    }

    @Test func theContiguousBitIsArm64sAlone() {
        #expect(PageTableFormat.arm64.contiguous == Arm.contiguous)
        #expect(PageTableFormat.arm64.contiguousEntries == 16)
        #expect(PageTableFormat.x86(levels: 4).contiguous == 0)
        #expect(PageTableFormat.x86(levels: 4).contiguousEntries == 1)
    }

    /// A page without rights: the hardware sees nothing, the memory manager sees the page.
    @Test(arguments: Layout.allCases) func aPageWithoutRightsIsInvalidForTheHardwareOnly(_ layout: Layout) {
        let format = layout.format
        let hardwareValid: UInt64 = 1
        for read in [false, true] {
            for write in [false, true] where read || !write {
                for execute in [false, true] where read || !execute {
                    let entry = format.leaf(frame, read: read, write: write, execute: execute)
                    #expect(format.isPresent(entry))
                    #expect(format.isValidForHardware(entry) == read)
                    #expect(entry.rawValue & hardwareValid == (read ? 1 : 0))
                    #expect(format.frame(entry) == frame)
                    #expect(format.isWritable(entry) == write)
                    #expect(format.isExecutable(entry) == execute)
                }
            }
        }
    }
}

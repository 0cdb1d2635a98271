// What the functions of a format do to an entry's state: dirty, accessed, the right to write, rights as a whole, and
// the entries that are not present. Over every format.

import Testing

@testable import Quire

private let frame = FrameNumber(0xabcde)

@Suite struct EntryStateTests {
    private func leaf(_ format: PageTableFormat, write: Bool) -> Entry {
        format.leaf(frame, read: true, write: write, execute: false)
    }

    @Test(arguments: Layout.allCases) func dirtyComesAndGoes(_ layout: Layout) {
        let format = layout.format
        for write in [false, true] {
            let clean = leaf(format, write: write)
            #expect(!format.isDirty(clean))
            let dirty = format.dirtied(clean)
            #expect(format.isDirty(dirty))
            #expect(format.isWritable(dirty) == write)
            #expect(format.cleaned(dirty) == clean)
            #expect(format.frame(dirty) == frame)
        }
    }

    @Test(arguments: Layout.allCases) func accessedComesAndGoes(_ layout: Layout) {
        let format = layout.format
        let used = leaf(format, write: true)
        #expect(format.isAccessed(used))
        let old = format.old(used)
        #expect(!format.isAccessed(old))
        #expect(format.used(old) == used)
        // Only that bit: bit 5 on x86-64, bit 10 on arm64.
        #expect(used.rawValue ^ old.rawValue == (layout == .arm64 ? 0x400 : 0x20))
    }

    @Test(arguments: Layout.allCases) func writeProtectingKeepsWhatWasWritten(_ layout: Layout) {
        let format = layout.format
        let written = format.dirtied(leaf(format, write: true))
        let protected = format.writeProtected(written)
        #expect(!format.isWritable(protected))
        #expect(format.isDirty(protected))
        #expect(format.writable(protected) == written)
        let clean = format.writeProtected(leaf(format, write: true))
        #expect(!format.isWritable(clean) && !format.isDirty(clean))
        #expect(format.writable(clean) == leaf(format, write: true))
    }

    /// On arm64 hardware marks a page as written by clearing AP[2] where DBM is set; no software bit is involved.
    @Test func arm64HardwareDirtyIsAP2ClearUnderDBM() {
        let format = PageTableFormat.arm64
        let ap2: UInt64 = 0x80
        let softDirty: UInt64 = 1 << 55
        let clean = leaf(format, write: true)
        #expect(clean.rawValue & ap2 != 0, "a clean page traps the first store, or hardware takes the bit")
        let written = Entry(clean.rawValue & ~ap2)
        #expect(format.isDirty(written))
        #expect(written.rawValue & softDirty == 0)
        // When the right to write goes, the software bit keeps what the hardware knew.
        let protected = format.writeProtected(written)
        #expect(protected.rawValue & softDirty != 0)
        #expect(protected.rawValue & ap2 != 0)
        #expect(format.isDirty(protected))
        // A read-only page whose AP[2] is set and DBM clear was never written.
        #expect(!format.isDirty(leaf(format, write: false)))
    }

    @Test(arguments: Layout.allCases) func newRightsKeepFrameDirtyAndAccessed(_ layout: Layout) {
        let format = layout.format
        for dirty in [false, true] {
            for accessed in [false, true] {
                var entry = leaf(format, write: true)
                if dirty { entry = format.dirtied(entry) }
                if !accessed { entry = format.old(entry) }
                for read in [false, true] {
                    for execute in [false, true] {
                        let changed = format.withRights(entry, read: read, execute: execute)
                        #expect(format.isPresent(changed))
                        #expect(format.isValidForHardware(changed) == read)
                        #expect(!format.isWritable(changed), "write comes back by a fault or by mkwrite")
                        #expect(format.isExecutable(changed) == execute)
                        #expect(format.isDirty(changed) == dirty)
                        #expect(format.isAccessed(changed) == accessed)
                        #expect(format.frame(changed) == frame)
                        // There and back again is the entry without the right to write.
                        let back = format.withRights(changed, read: true, execute: false)
                        #expect(back == format.writeProtected(entry))
                    }
                }
            }
        }
    }

    @Test(arguments: Layout.allCases) func entriesThatAreNotPresentCarryKindAndPayload(_ layout: Layout) {
        let format = layout.format
        let kinds: [NonPresentKind] = [.swap, .migrationRead, .migrationWrite, .guardMarker, .uffdMarker, .poison]
        for (number, kind) in kinds.enumerated() {
            for payload in [0, 1, 0xffff_ffff, 1 << 40] as [UInt64] {
                let entry = format.nonPresent(kind, payload)
                #expect(!entry.isNone)
                #expect(!format.isPresent(entry) && !format.isValidForHardware(entry))
                #expect(format.kind(entry) == kind)
                #expect(format.payload(entry) == payload)
                // Bits 2-6 hold the kind, from 12 on the payload; nothing else is set.
                #expect(entry.rawValue == UInt64(number + 1) << 2 | payload << 12)
            }
        }
        #expect(Entry.none.isNone && !format.isPresent(.none) && format.kind(.none) == nil)
    }

    /// Random chains of changes never lose the frame and never make a page valid that has no rights.
    @Test(arguments: Layout.allCases) func chainsOfChangesKeepTheFrame(_ layout: Layout) {
        let format = layout.format
        var random = SeededRandom(seed: 11)
        for _ in 0..<50 {
            var entry = leaf(format, write: random.oneIn(2))
            var readable = true
            for _ in 0..<20 {
                switch random.below(7) {
                case 0: entry = format.dirtied(entry)
                case 1: entry = format.used(entry)
                case 2: entry = format.old(entry)
                case 3: entry = format.writeProtected(entry)
                case 4: if readable { entry = format.writable(entry) }
                case 5: entry = format.cleaned(entry)
                default:
                    readable = random.oneIn(2)
                    entry = format.withRights(entry, read: readable, execute: random.oneIn(2))
                }
                #expect(format.frame(entry) == frame)
                #expect(format.isPresent(entry))
                #expect(format.isValidForHardware(entry) == readable)
            }
        }
    }
}

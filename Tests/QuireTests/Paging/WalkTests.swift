// The tree in memory against an independent walker: it knows the manuals' rules and reads raw words of the arena, as
// an emulator's MMU would, and must come to the same frames and rights as the memory manager.

import Testing

@testable import Quire

/// What a walk by the manual comes to.
private struct Translation: Equatable {
    var frame: UInt64
    var mayWrite: Bool, mayExecute: Bool
    var wasWritten: Bool
}

private struct ManualWalker {
    let memory: PhysicalMemory
    let root: UInt64
    let layout: Layout

    private func word(_ physical: UInt64) -> UInt64 {
        unsafe (memory.base + Int(physical)).load(as: UInt64.self)
    }

    func translate(_ address: UInt64) -> Translation? { layout == .arm64 ? arm(address) : intel(address) }

    /// SDM 4.5: CR3, then PML5 (if any), PML4, PDPT, PD, PT; rights are the conjunction over the levels.
    private func intel(_ address: UInt64) -> Translation? {
        var table = root
        var mayWrite = true
        var mayExecute = true
        var shift: UInt64 = layout == .x86FiveLevels ? 48 : 39
        while true {
            let entry = word(table + (address >> shift & 0x1ff) * 8)
            guard entry & 1 != 0 else { return nil }
            guard entry & 4 != 0 else { return nil }
            mayWrite = mayWrite && entry & 2 != 0
            mayExecute = mayExecute && entry >> 63 == 0
            table = entry & 0x000f_ffff_ffff_f000
            if shift == 12 {
                return Translation(
                    frame: table >> 12, mayWrite: mayWrite, mayExecute: mayExecute, wasWritten: entry & 0x40 != 0)
            }
            guard entry & 0x80 == 0 else { return nil }
            shift -= 9
        }
    }

    /// Arm ARM D8.2.8, 4 KiB granule, 48 bits: levels 0 to 3; 0b11 is a table or, at level 3, a page. A store is
    /// allowed where AP[2] is clear or DBM lets the hardware clear it.
    private func arm(_ address: UInt64) -> Translation? {
        var table = root
        for level in 0..<4 {
            let entry = word(table + (address >> (39 - 9 * UInt64(level)) & 0x1ff) * 8)
            guard entry & 3 == 3 else { return nil }
            let next = entry & 0x0000_ffff_ffff_f000
            if level == 3 {
                guard entry & 1 << 10 != 0, entry & 1 << 6 != 0 else { return nil }
                let readOnly = entry & 1 << 7 != 0
                let dbm = entry & 1 << 51 != 0
                return Translation(
                    frame: next >> 12, mayWrite: !readOnly || dbm, mayExecute: entry & 1 << 54 == 0,
                    wasWritten: !readOnly || entry & 1 << 55 != 0)
            }
            table = next
        }
        return nil
    }
}

@Suite struct WalkTests {
    private func scene(_ layout: Layout) throws -> (TestMachine, ManualWalker) {
        let test = try TestMachine { layout.apply(&$0) }
        let walker = ManualWalker(memory: test.memory, root: test.tables.root.address, layout: layout)
        return (test, walker)
    }

    @Test(arguments: Layout.allCases) func theManualsWalkFindsWhatWasStored(_ layout: Layout) throws {
        let (test, walker) = try scene(layout)
        var random = SeededRandom(seed: 3)
        // Places far apart, so that every level branches: 2^46 apart needs the top level of four.
        let top = layout.format.userEnd
        let starts: [UInt64] = [0x1_0000, 0x7f_ffe0_0000, 0x80_0000_0000, 0x3fff_ffe0_0000, top - 64 * page]
        for start in starts { _ = try test.map(32 * page, at: Page.floor(start)) }
        var bytes: [UInt64: UInt8] = [:]
        for _ in 0..<120 {
            let address = Page.floor(starts[random.below(starts.count)]) + UInt64(random.below(32 * 4096))
            let value = UInt8(random.below(256))
            #expect(test.task.storeByte(address, value) == .done)
            bytes[address] = value
        }
        for (address, value) in bytes {
            let found = try #require(walker.translate(address))
            #expect(found.mayWrite && !found.mayExecute && found.wasWritten)
            let physical = found.frame << 12 | address & 4095
            #expect(unsafe (test.memory.base + Int(physical)).load(as: UInt8.self) == value)
        }
        #expect(walker.translate(0x5000_0000_0000) == nil)
        test.process.checkInvariants()
        test.expectNothingLeft()
    }

    @Test(arguments: Layout.allCases) func rightsInTheWordsAreTheAreasRights(_ layout: Layout) throws {
        let (test, walker) = try scene(layout)
        let start = try test.map(4 * page, at: 0x10_0000)
        test.task.touchWrite(start, 4 * page)
        try test.task.mprotect(start, page, .read)
        try test.task.mprotect(start + page, page, [.read, .execute])
        try test.task.mprotect(start + 2 * page, page, [])
        let readOnly = try #require(walker.translate(start))
        #expect(!readOnly.mayWrite && !readOnly.mayExecute && readOnly.wasWritten)
        let code = try #require(walker.translate(start + page))
        #expect(!code.mayWrite && code.mayExecute)
        #expect(walker.translate(start + 2 * page) == nil, "PROT_NONE: the hardware sees no page")
        #expect(test.tables.format.isPresent(test.entry(start + 2 * page)))
        let data = try #require(walker.translate(start + 3 * page))
        #expect(data.mayWrite)
        test.expectNothingLeft()
    }

    /// pte_offset_map_rw_nolock: the position carries the PMD entry that led to the table.
    @Test(arguments: Layout.allCases) func aPositionCarriesThePMDEntryItCameBy(_ layout: Layout) throws {
        let (test, _) = try scene(layout)
        let start = try test.map(span)
        #expect(test.tables.position(test.cpu, start).table.isNone)
        test.task.touchWrite(start, page)
        let position = test.tables.position(test.cpu, start + 77 * page)
        #expect(position.pmdEntry == test.tables.format.table(position.table))
        let index = test.tables.format.index(start, level: 1)
        #expect(test.tables.load(test.cpu, position.pmdTable, index) == position.pmdEntry)
        try test.discard(start, span)
        #expect(test.tables.load(test.cpu, position.pmdTable, index).isNone)
        test.expectNothingLeft()
    }

    /// S0-04: whoever took a position, and locks after the table was reclaimed, is told.
    @Test func aPositionWhoseTableWasReclaimedCannotBeLocked() throws {
        let test = try TestMachine { $0.mode = .parallel }
        let start = try test.map(span)
        test.task.touchWrite(start, page)
        test.memory.rcu.enter(test.cpu)
        let position = test.tables.position(test.cpu, start)
        #expect(test.tables.lockIfAttached(test.cpu, position, start))
        test.tables.pteLock(position.table).unlock(test.cpu)
        try test.discard(start, span)
        #expect(!test.tables.lockIfAttached(test.cpu, position, start))
        #expect(test.memory.kind(test.cpu, position.table) == .table, "a reader is inside: not freed yet")
        // Another table in the same place does not deceive it either.
        test.task.touchWrite(start, page)
        #expect(!test.tables.lockIfAttached(test.cpu, position, start))
        test.memory.rcu.exit(test.cpu)
        test.expectNothingLeft()
    }
}

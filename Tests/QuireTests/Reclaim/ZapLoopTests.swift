// S4-10: the zap loop, which takes runs and stops when nothing is left, against a naive loop that looks at each of 512
// entries: over random tables of pages, zero pages, copies of a file, markers, swap and poison.

import Testing

@testable import Quire

/// What a slot of the random table holds.
private enum Slot: CaseIterable {
    case none, anonymous, zeroPage, filePage, guardMarker, uffdMarker, swap, poison

    /// What the naive loop leaves of it.
    func survives(_ details: ZapDetails?) -> Bool {
        switch self {
        case .none: false
        case .anonymous: !(details == nil || details!.evenCows || details!.reclaimTables)
        case .zeroPage, .filePage, .swap, .poison: false
        case .guardMarker, .uffdMarker: details != nil
        }
    }
}

@Suite struct ZapLoopTests {
    private let orders: [ZapDetails?] = [
        nil, ZapDetails(), ZapDetails(evenCows: true), ZapDetails(evenCows: true, reclaimTables: true),
    ]

    /// Fills the span of a private mapping of a file with random slots: anonymous ones are copies.
    private func fill(_ test: TestMachine, _ start: UInt64, _ random: inout SeededRandom) -> [Slot] {
        let density = 1 + random.below(12)
        var slots: [Slot] = []
        for place in 0..<512 as Range<UInt64> {
            var slot = random.oneIn(density) ? Slot.allCases[random.below(Slot.allCases.count)] : .none
            let address = start + place * page
            switch slot {
            case .anonymous: _ = test.task.storeByte(address, 1)
            case .filePage: _ = test.task.access(address, .read)
            case .zeroPage: slot = .none
            case .guardMarker, .uffdMarker, .swap, .poison:
                let kinds: [Slot: NonPresentKind] = [
                    .guardMarker: .guardMarker, .uffdMarker: .uffdMarker, .swap: .swap, .poison: .poison,
                ]
                if let position = ensureTable(test, address) {
                    let entry = test.tables.format.nonPresent(kinds[slot]!, place)
                    let index = test.tables.format.index(address, level: 0)
                    test.tables.pteLock(position.table).lock(test.cpu)
                    test.tables.install(test.cpu, position.table, index, entry)
                    test.tables.pteLock(position.table).unlock(test.cpu)
                }
            case .none: break
            }
            slots.append(slot)
        }
        return slots
    }

    private func ensureTable(_ test: TestMachine, _ address: UInt64) -> TablePosition? {
        test.memory.rcu.enter(test.cpu)
        defer { test.memory.rcu.exit(test.cpu) }
        return test.tables.allocatingPosition(test.cpu, address)
    }

    @Test(arguments: [31, 32, 33] as [UInt64], Layout.allCases)
    func theLoopLeavesWhatANaiveLoopLeaves(_ seed: UInt64, _ layout: Layout) throws {
        var random = SeededRandom(seed: seed)
        for details in orders {
            let test = try TestMachine {
                layout.apply(&$0)
                $0.contents = .off
            }
            try test.machine.set("/sys/kernel/debug/fault_around_bytes", "4096")
            let fd = try test.task.openRecorded("/data", size: span)
            let start = try test.task.mmap(
                0x4000_0000, length: span, protection: [.read, .write], flags: [.private, .fixed], fd: fd)
            let slots = fill(test, start, &random)
            let from = UInt64(random.oneIn(3) ? 0 : random.below(300))
            let to = random.oneIn(3) ? 512 : from + UInt64(1 + random.below(Int(512 - from)))
            let before = (0..<512 as Range<UInt64>).map { test.entry(start + $0 * page) }
            if random.oneIn(2) { test.core.settings.rescheduleAfter = 1 + random.below(20) }

            test.space.mmapLock.readLock(test.cpu)
            let area = test.space.areas.find(start)
            test.space.discard(test.cpu, area, start + from * page, start + to * page, details)
            test.space.mmapLock.readUnlock(test.cpu)

            test.core.settings.rescheduleAfter = 0
            var survivors = 0
            for place in 0..<512 as Range<UInt64> {
                let inside = place >= from && place < to
                let stays = !inside || slots[Int(place)].survives(details)
                let expected = stays ? before[Int(place)] : .none
                #expect(test.entry(start + place * page) == expected, "entry \(place), a \(slots[Int(place)])")
                if !expected.isNone { survivors += 1 }
            }
            let had = before.contains { !$0.isNone }
            let reclaims = had && details?.reclaimTables == true && from == 0 && to == 512 && survivors == 0
            #expect(test.status.tables[0] == (had && !reclaims ? 1 : 0))
            test.process.checkInvariants()
            test.expectNothingLeft()
        }
    }

    @Test func anEmptyTableIsNotScanned() throws {
        let test = try TestMachine { $0.reclaim = .off }
        let start = try test.map(span)
        test.task.touchWrite(start, span)
        try test.discard(start, span)
        #expect(test.counter(.entriesScanned) == 512)
        try test.discard(start, span)
        #expect(test.counter(.entriesScanned) == 512, "512 entries that are none take no step")
        test.expectNothingLeft()
    }

    /// Fewer than eight pages, a batch of 510, several batches, and more than the gather holds.
    @Test(arguments: [1, 7, 8, 9, 517, 518, 519, 1100, 12_000] as [UInt64])
    func gathersOfEverySizeGiveEverythingBack(_ pages: UInt64) throws {
        let test = try TestMachine { $0.contents = .off }
        let start = try test.map(pages * page)
        try test.task.madvise(start, pages * page, Advice.populateWrite.rawValue)
        #expect(test.status.anonymous == pages * 4)
        try test.discard(start, pages * page)
        #expect(test.status.anonymous == 0)
        test.process.checkInvariants()
        test.expectNothingLeft()
    }

    /// No frame for a batch: the gather does with what it has in itself, and flushes more often.
    @Test func aGatherWithoutMemoryFlushesMoreOften() throws {
        let test = try TestMachine { $0.contents = .off }
        let start = try test.map(span)
        test.task.touchWrite(start, 64 * page)
        var flushes: [UInt64] = []
        for fails in [false, true] {
            test.task.touchWrite(start, 64 * page)
            let before = test.counter(.tlbFlushes)
            if fails { test.memory.fail(after: 0) }
            try test.discard(start, span)
            test.memory.fail(after: -1)
            flushes.append(test.counter(.tlbFlushes) - before)
            #expect(test.status.anonymous == 0 && test.status.tables[0] == 0)
        }
        #expect(flushes[1] > flushes[0])
        test.expectNothingLeft()
    }
}

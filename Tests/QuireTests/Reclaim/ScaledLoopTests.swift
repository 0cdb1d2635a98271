// The documents' figures at a hundredth of their size: the loop of touch and give back (N-02, S4-08), the server whose
// tables outgrew its memory (N-01, S4-01), and the count of tables over random operations (S4-07).

import Testing

@testable import Quire

@Suite struct ScaledLoopTests {
    private func loop(_ policy: EmptyTableReclaim, rounds: UInt64) throws -> ProcessStatus {
        let test = try TestMachine {
            $0.reclaim = policy
            $0.contents = .off
        }
        let start = try test.map(rounds * span, [.read, .write], .noReserve)
        for round in 0..<rounds {
            test.task.touchWrite(start + round * span, span)
            try test.discard(start + round * span, span)
        }
        let status = test.status
        test.process.checkInvariants()
        test.expectNothingLeft()
        return status
    }

    /// N-02: VmPTE off − sync is rounds × 4 kB, exactly; nothing else differs.
    @Test func theLoopsTablesAreExactlyOnePerRound() throws {
        let rounds: UInt64 = 64
        let off = try loop(.off, rounds: rounds)
        let rfc = try loop(.rfc, rounds: rounds)
        let sync = try loop(.sync, rounds: rounds)
        #expect(off.pageTables - sync.pageTables == rounds * 4)
        #expect(rfc.pageTables == sync.pageTables)
        #expect(sync.tables[0] == 0)
        #expect(off.size == sync.size && off.resident == sync.resident && off.resident == 0)
        #expect(off.minorFaults == sync.minorFaults && off.minorFaults == rounds * 512)
        #expect(off.highWater == sync.highWater && sync.highWater == 2048)
    }

    /// N-01: of 190 spans every 95th stays full. Off keeps all tables, which are then 0.18 of what is resident and
    /// more; sync keeps the two that are used.
    @Test func theServersTablesAreThoseOfItsFullSpans() throws {
        for policy in EmptyTableReclaim.allPolicies {
            let test = try TestMachine {
                $0.reclaim = policy
                $0.contents = .off
            }
            let spans: UInt64 = 190
            let start = try test.map(spans * span, [.read, .write], .noReserve)
            for place in 0..<spans {
                if place % 95 == 0 {
                    test.task.touchWrite(start + place * span, span)
                } else {
                    test.task.touchWrite(start + place * span, page)
                    try test.discard(start + place * span, span)
                }
            }
            let status = test.status
            #expect(status.resident == 2 * 2048)
            #expect(status.tables[0] == (policy == .off ? 190 : 2))
            #expect(status.emptyTables == (policy == .off ? 188 : 0))
            if policy == .off { #expect(Double(status.pageTables) / Double(status.resident) > 0.18) }
            test.machine.discardEmptyTables()
            if policy == .off { #expect(test.counter(.tablesDiscarded) == 188) }
            // Tables whose memory went back to the host read as empty and are used again.
            test.task.touchWrite(start + span, 2 * page)
            #expect(test.byte(start + span) != nil)
            test.process.checkInvariants()
            test.expectNothingLeft()
        }
    }

    /// S4-07: VmPTE is what an independent count of the tree comes to, at every quiescent point, and zero at exit.
    @Test(arguments: Layout.allCases) func vmPTEIsTheTreesTables(_ layout: Layout) throws {
        let test = try TestMachine { layout.apply(&$0) }
        var random = SeededRandom(seed: 99)
        let base: UInt64 = 0x10_0000_0000
        for _ in 0..<150 {
            let start = base + UInt64(random.below(5)) << 39 + UInt64(random.below(64)) << 20
            let length = UInt64(1 + random.below(600)) * page
            switch random.below(4) {
            case 0: _ = try? test.map(length, at: Page.floor(start))
            case 1: try? test.task.munmap(start, length)
            case 2: try? test.discard(start & ~(span - 1), 2 * span)
            default: test.task.touchWrite(start, UInt64(random.below(6)) * page)
            }
            #expect(test.status.pageTables == UInt64(countTables(test)) * 4)
        }
        try test.task.munmap(0, 1 << 46)
        #expect(test.status.pageTables == 0)
        test.expectNothingLeft()
    }

    /// Tables below the top one, counted by following every entry in the arena.
    private func countTables(_ test: TestMachine) -> Int {
        func count(_ physical: UInt64, _ level: Int) -> Int {
            if level == 0 { return 0 }
            var total = 0
            for index in 0..<512 {
                let word = unsafe (test.memory.base + Int(physical) + index * 8).load(as: UInt64.self)
                if word != 0 { total += 1 + count(word & 0x0000_ffff_ffff_f000, level - 1) }
            }
            return total
        }
        return count(test.tables.root.address, test.tables.format.levels - 1)
    }
}

// The checks of what TLBs hold (INV-TLB-SIZE, INV-TLB-ONE), each with the fault that it is for planted.

import Testing

@testable import Quire

@Suite struct TLBConflictTests {
    private func machine(cpus: Int = 1) throws -> (TestMachine, UInt64) {
        let test = try TestMachine {
            $0.tlb = true
            $0.cpus = cpus
        }
        let start = try test.map(2 * span, at: 0x4000_0000)
        test.task.touchWrite(start, 4 * page)
        #expect(test.space.tlbConflicts(test.cpu) == [])
        return (test, start)
    }

    private func replace(_ test: TestMachine, _ address: UInt64, _ change: (Entry) -> Entry) -> Entry {
        let table = test.tables.position(test.cpu, address).table
        let word = test.memory.word(table, test.tables.format.index(address, level: 0))
        let old = Entry(word.load(test.cpu, .entry))
        word.store(test.cpu, change(old).rawValue, .entry)
        return old
    }

    /// An entry that went without a flush, or lost a right.
    @Test func aTranslationThatTheTablesNoLongerGiveIsStale() throws {
        let (test, start) = try machine()
        let old = replace(test, start + page) { _ in .none }
        #expect(test.space.tlbConflicts(test.cpu) == [conflict(.stale, start + page), conflict(.stale, start + page)])
        _ = replace(test, start + page) { _ in test.tables.format.writeProtected(old) }
        #expect(test.space.tlbConflicts(test.cpu).map(\.kind) == [.stale, .stale], "each level has it")
        _ = replace(test, start + page) { _ in test.tables.format.cleaned(old) }
        #expect(test.space.tlbConflicts(test.cpu).map(\.kind) == [.stale, .stale], "a store would leave it clean")
        _ = replace(test, start + page) { _ in test.tables.format.old(old) }
        #expect(test.space.tlbConflicts(test.cpu) == [], "not used lately: nobody flushes for that")
        _ = replace(test, start + page) { _ in old }
        test.expectNothingLeft()
    }

    private func conflict(_ kind: TLBConflict.Kind, _ address: UInt64, cpu: Int = 0) -> TLBConflict {
        TLBConflict(kind: kind, cpu: cpu, address: address)
    }

    /// Another frame in the tables than in the TLB: a walk would bring a second translation (INV-TLB-ONE).
    @Test func aSecondTranslationToAnotherFrameIsFound() throws {
        let (test, start) = try machine()
        let old = replace(test, start) { _ in test.entry(start + page) }
        #expect(test.space.tlbConflicts(test.cpu).map(\.kind) == [.second, .second])
        _ = replace(test, start) { _ in old }
        // And both in one TLB: the first level has the old one, the second the new one.
        let tlb = test.core.tlbs![0]
        let target = test.tables.format.frame(test.entry(start + 2 * page))
        tlb.fill(
            start, test.entry(start), leaf: 0, target, frameMask: test.tables.format.frameMask, isAbsent: false, from: 2
        )
        #expect(test.space.tlbConflicts(test.cpu).map(\.kind).contains(.frame))
        test.tables.flushSpace(test.cpu)
        #expect(test.space.tlbConflicts(test.cpu) == [])
        test.expectNothingLeft()
    }

    /// A page and the 2 MiB around it in one TLB (INV-TLB-SIZE).
    @Test func twoSizesForOneAddressAreFound() throws {
        let (test, start) = try machine()
        let tlbs = test.core.tlbs!
        let frame = test.tables.format.frame(test.entry(start))
        tlbs[0].fill(
            start, test.entry(start), leaf: tlbs.leafClass(level: 1, folded: false), frame,
            frameMask: test.tables.format.frameMask, isAbsent: true)
        let kinds = test.space.tlbConflicts(test.cpu).map(\.kind)
        #expect(kinds.contains(.size) && kinds.contains(.second), "and the tables have pages there")
        test.tables.flushRange(test.cpu, start + 100 * page, start + 101 * page)
        #expect(test.space.tlbConflicts(test.cpu) == [], "any page of the 2 MiB flushes it")
        test.expectNothingLeft()
    }

    /// Splitting a leaf flushes before the pages' entries come; moving it, before the target has it.
    @Test(arguments: Layout.allCases) func aLeafThatIsTakenApartLeavesNoTranslation(_ layout: Layout) throws {
        let test = try TestMachine {
            layout.apply(&$0)
            $0.tlb = true
            $0.cpus = 2
        }
        try test.machine.set("/sys/kernel/mm/transparent_hugepage/hugepages-2048kB/enabled", "always")
        let start = try test.map(2 * span, at: 0x4000_0000)
        let other = test.process.makeTask(tid: 2, cpu: 1)
        func use() {
            for place in [0, 7, 600] as [UInt64] {
                _ = test.task.storeByte(start + place * page, 1)
                _ = other.access(start + place * page, .read)
            }
            test.process.checkInvariants()
        }
        use()
        try test.task.mprotect(start, page, .read)
        test.process.checkInvariants()
        use()
        try test.discard(start + page, page)
        test.process.checkInvariants()
        try test.task.mremap(start + span, span, span, [.mayMove, .fixed], 0x8000_0000)
        #expect(test.counter(.mappingsSplit) == 1)
        test.process.checkInvariants()
        _ = try test.task.fork(pid: 2)
        use()
        test.expectNothingLeft()
    }

    /// What a CPU keeps of a space that it no longer runs may be old: it is flushed when the space comes back.
    @Test func whatIsFlushedOnTheReturnIsNoConflict() throws {
        let (test, start) = try machine(cpus: 2)
        let other = test.process.makeTask(tid: 2, cpu: 1)
        _ = other.access(start, .write)
        try test.machine.makeProcess(pid: 2).makeTask(tid: 3, cpu: 1).schedule()
        try test.discard(start, page)
        #expect(test.space.tlbConflicts(test.cpu) == [])
        other.schedule()
        #expect(test.space.tlbConflicts(test.cpu) == [])
        test.expectNothingLeft()
    }
}

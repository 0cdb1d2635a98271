// The flushes that a machine may make before another translation can come, and what they cover: 2 MiB around the address,
// whatever was touched (S0-08, S0-09). What they are for is explored: ScenarioTests.

import Testing

@testable import Quire

@Suite struct FlushHookTests {
    private func machine(_ hooks: String) throws -> TestMachine {
        let test = try TestMachine { $0.tlb = true }
        try test.machine.set("tlb_flush_before", hooks)
        return test
    }

    @Test func linuxHasNone() throws {
        let test = try TestMachine { $0.tlb = true }
        #expect(try test.machine.get("tlb_flush_before") == "off")
        #expect(try test.machine.get("machine.tlb_tolerance") == "any")
        let start = try test.map(2 * span)
        #expect(test.growth(.tlbFlushes) { test.task.touchWrite(start, 2 * span) } == [0])
    }

    @Test(arguments: ["table", "both", "all"])
    func aNewTableFlushesItsSpan(hooks: String) throws {
        let test = try machine(hooks)
        let start = try test.map(2 * span)
        let grown = test.growth(.tlbFlushes, .tlbFlushedPages) {
            test.task.touchWrite(start + 5 * page, page)
            test.task.touchWrite(start + 9 * page, page)
            test.task.touchWrite(start + span, page)
        }
        #expect(grown == [2, 1024])
        test.process.checkInvariants()
        test.expectNothingLeft()
    }

    @Test(arguments: ["huge", "both"])
    func aHugeLeafFlushesItsSpan(hooks: String) throws {
        let test = try machine(hooks)
        let start = try test.map(span)
        try test.task.madvise(start, span, Advice.hugePage.rawValue)
        #expect(test.growth(.tlbFlushes, .tlbFlushedPages) { test.task.touchWrite(start, page) } == [1, 512])
        #expect(test.counter(.hugeFaults) == 1)
        test.process.checkInvariants()
        test.expectNothingLeft()
    }

    /// The one flush of the call comes earlier, and no second one after it.
    @Test func theZapsOwnFlushTakesThePlaceOfTheLaterOne() throws {
        for hooks in ["off", "zap"] {
            let test = try machine(hooks)
            let start = try test.map(span)
            test.task.touchWrite(start, page)
            let grown = try test.growth(.tlbFlushes, .tablesFreedFast) { try test.discard(start, page) }
            #expect(grown == [1, 0])
            test.expectNothingLeft()
        }
    }

    @Test func wrongValuesAreRefused() throws {
        let test = try machine("zap")
        #expect(throws: MachineError.self) { try test.machine.set("tlb_flush_before", "none") }
        #expect(throws: MachineError.self) { try test.machine.set("machine.tlb_tolerance", "two") }
        #expect(try test.machine.get("tlb_flush_before") == "zap")
    }
}

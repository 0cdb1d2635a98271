// What a flush takes and whom it reaches: interrupts or broadcasts, single entries or the whole address space. What
// flushes when is Linux 6.18's, by its tracepoint tlb:tlb_flush.

import Testing

@testable import Quire

extension TestMachine {
    /// By how much the counters grew over `body`.
    func growth(_ counters: Counter..., over body: () throws -> Void) rethrows -> [UInt64] {
        let before = counters.map { counter($0) }
        try body()
        return zip(counters, before).map { counter($0) - $1 }
    }
}

@Suite struct TLBFlushTests {
    private func machine(_ layout: Layout = .x86FourLevels, cpus: Int = 1, ranges: Bool = false) throws -> TestMachine {
        try TestMachine {
            layout.apply(&$0)
            $0.tlb = true
            $0.cpus = cpus
            $0.tlbRanges = ranges
        }
    }

    // MARK: x86-64

    @Test(arguments: [(1, 1, 0), (2, 2, 0), (33, 33, 0), (34, 0, 1), (512, 0, 1)])
    func moreThan33PagesFlushTheAddressSpace(_ pages: UInt64, _ single: UInt64, _ whole: UInt64) throws {
        let test = try machine()
        let start = try test.map(1024 * page)
        test.task.touchWrite(start, 1024 * page)
        let grown = try test.growth(.tlbFlushes, .tlbInvalidatePage, .tlbInvalidateSpace, .tlbInterrupts) {
            try test.discard(start, pages * page)
        }
        #expect(grown == [1, single, whole, 0])
        test.process.checkInvariants()
        test.expectNothingLeft()
    }

    @Test func theCeilingIsAKnob() throws {
        let test = try machine()
        let path = "/sys/kernel/debug/x86/tlb_single_page_flush_ceiling"
        #expect(try test.machine.get(path) == "33")
        try test.machine.set(path, "2")
        let start = try test.map(8 * page)
        test.task.touchWrite(start, 8 * page)
        #expect(try test.growth(.tlbInvalidateSpace) { try test.discard(start, 3 * page) } == [1])
        #expect(try test.machine.get(path) == "2")
        test.expectNothingLeft()
    }

    /// A CPU that runs the address space is interrupted; one that runs another, or nothing yet, is not.
    @Test func onlyCPUsThatRunTheSpaceAreInterrupted() throws {
        let test = try machine(cpus: 4)
        let start = try test.map(4 * page)
        test.task.touchWrite(start, 4 * page)
        for cpu in 1...2 { _ = test.process.makeTask(tid: 10 + cpu, cpu: cpu).access(start, .read) }
        let stranger = try test.machine.makeProcess(pid: 2)
        var grown = try test.growth(.tlbShootdowns, .tlbInterrupts, .tlbInvalidatePage) {
            try test.discard(start, 2 * page)
        }
        #expect(grown == [1, 2, 6])
        stranger.makeTask(tid: 20, cpu: 2).schedule()
        grown = try test.growth(.tlbShootdowns, .tlbInterrupts, .tlbInvalidatePage) {
            try test.discard(start + 2 * page, page)
        }
        #expect(grown == [1, 1, 2])
        test.expectNothingLeft()
    }

    /// It learns of the flush when it comes back.
    @Test func aCPUThatRanAnotherSpaceFlushesOnItsReturn() throws {
        let test = try machine(cpus: 2)
        let start = try test.map(2 * page)
        let other = test.process.makeTask(tid: 2, cpu: 1)
        #expect(other.storeByte(start, 5) == .done)
        let stranger = try test.machine.makeProcess(pid: 2).makeTask(tid: 3, cpu: 1)
        stranger.schedule()
        #expect(test.growth(.tlbSwitches, .tlbSwitchFlushes) { other.schedule() } == [1, 0])
        stranger.schedule()
        test.task.schedule()
        try test.discard(start, page)
        #expect(test.growth(.tlbSwitchFlushes) { other.schedule() } == [1])
        var byte: UInt8?
        _ = other.load(start, 1) { byte = $0 }
        #expect(byte == 0)
        test.expectNothingLeft()
    }

    /// mprotect flushes once, what it changed: from the first to the last entry that a walk could have used.
    @Test(arguments: Layout.allCases) func mprotectFlushesOnceAndWhatItChanged(_ layout: Layout) throws {
        let test = try machine(layout)
        let start = try test.map(1024 * page)
        for place in [0, 9, 510, 513] as [UInt64] { _ = test.task.storeByte(start + place * page, 1) }
        func flushed(_ address: UInt64, _ pages: UInt64, _ protection: Protection) throws -> [UInt64] {
            try test.growth(.tlbFlushes, .tlbFlushedPages) {
                try test.task.mprotect(address, pages * page, protection)
            }
        }
        #expect(try flushed(start, 40, .read) == [1, 10])
        #expect(try flushed(start + 100 * page, 40, .read) == [0, 0])
        #expect(try flushed(start + 200 * page, 800, .read) == [1, 4])
        #expect(try flushed(start, 1024, []) == [1, 514])
        #expect(try flushed(start, 1024, [.read, .write]) == [0, 0], "what nobody could use is in no TLB")
        test.process.checkInvariants()
        test.expectNothingLeft()
    }

    /// MADV_DONTNEED and MADV_FREE flush once for all areas, MADV_COLD once for each; all three what they changed only.
    @Test(arguments: Layout.allCases) func adviceFlushesOnceAndWhatItChanged(_ layout: Layout) throws {
        let test = try machine(layout)
        let start = try test.map(64 * page)
        test.task.touchWrite(start, 64 * page)
        try test.task.mprotect(start + 10 * page, 10 * page, .read)
        func flushed(_ place: UInt64, _ pages: UInt64, _ advice: Advice) throws -> [UInt64] {
            try test.growth(.tlbFlushes, .tlbFlushedPages) {
                try test.task.madvise(start + place * page, pages * page, advice.rawValue)
            }
        }
        #expect(try flushed(5, 10, .cold) == [2, 10], "two areas")
        #expect(try flushed(5, 10, .cold) == [0, 0], "nobody has used them since")
        #expect(try flushed(0, 20, .dontNeed) == [1, 20])
        #expect(try flushed(0, 20, .dontNeed) == [0, 0])
        #expect(try flushed(0, 20, .free) == [0, 0], "nothing is there")
        #expect(try flushed(30, 5, .free) == [1, 5])
        #expect(try flushed(30, 5, .free) == [0, 0])
        _ = test.task.storeByte(start + 31 * page, 1)
        #expect(try flushed(30, 5, .free) == [1, 1])
        test.process.checkInvariants()
        test.expectNothingLeft()
    }

    /// mremap flushes each step that moved something, and no more.
    @Test func mremapFlushesWhatItMoved() throws {
        let test = try machine()
        func moved(_ first: UInt64, _ pages: UInt64, present: [UInt64]) throws -> [UInt64] {
            let start = try test.map(1024 * page, at: 0x4000_0000)
            for place in present { _ = test.task.storeByte(start + place * page, 1) }
            return try test.growth(.tlbFlushes, .tlbFlushedPages) {
                try test.task.mremap(
                    start + first * page, pages * page, pages * page, [.mayMove, .fixed], 0x8000_0000 + first << 24)
            }
        }
        #expect(try moved(0, 20, present: [0, 9]) == [1, 20])
        #expect(try moved(500, 30, present: [500, 520]) == [2, 30])
        test.expectNothingLeft()
    }

    /// A leaf of 2 MiB that a zap or mprotect changes is one entry; splitting and moving count its pages.
    @Test func aLeafIsFlushedAsOneEntryByGathers() throws {
        let test = try machine()
        try test.machine.set("/sys/kernel/mm/transparent_hugepage/hugepages-2048kB/enabled", "always")
        let start = try test.map(4 * span)
        test.task.touchWrite(start, 4 * span)
        func grown(_ body: () throws -> Void) rethrows -> [UInt64] {
            try test.growth(.tlbFlushes, .tlbInvalidatePage, .tlbInvalidateSpace, over: body)
        }
        #expect(try grown { try test.task.mprotect(start, span, .read) } == [1, 1, 0])
        #expect(try grown { try test.discard(start, 2 * span) } == [1, 2, 0], "of two areas")
        #expect(try grown { try test.discard(start + 2 * span, page) } == [2, 1, 1])
        test.process.checkInvariants()
        test.expectNothingLeft()
    }

    // MARK: arm64

    @Test(arguments: [(1, 1, 0, 0), (3, 3, 0, 0), (511, 511, 0, 0), (512, 0, 0, 1)])
    func withoutRangesEachPageIsAnOperation(_ pages: UInt64, _ single: UInt64, _ ranges: UInt64, _ whole: UInt64) throws
    {
        try broadcasts(pages, [single, ranges, whole], hasRanges: false)
    }

    /// 2 × (1…32) × 32^n pages at a time.
    @Test(arguments: [
        (1, 1, 0), (2, 0, 1), (3, 1, 1), (63, 1, 1), (64, 0, 1), (66, 0, 2), (512, 0, 1), (600, 0, 2), (601, 1, 2),
    ])
    func rangesCoverManyPages(_ pages: UInt64, _ single: UInt64, _ ranges: UInt64) throws {
        try broadcasts(pages, [single, ranges, 0], hasRanges: true)
    }

    private func broadcasts(_ pages: UInt64, _ operations: [UInt64], hasRanges: Bool) throws {
        let test = try machine(.arm64, cpus: 4, ranges: hasRanges)
        let start = try test.map(1024 * page)
        test.task.touchWrite(start, 1024 * page)
        let other = test.process.makeTask(tid: 2, cpu: 3)
        _ = other.access(start, .read)
        let grown = try test.growth(
            .tlbFlushes, .tlbInvalidatePage, .tlbInvalidateRange, .tlbInvalidateSpace, .tlbBarriers, .tlbInterrupts
        ) { try test.discard(start, pages * page) }
        #expect(grown == [1] + operations + [1, 0])
        #expect(other.access(start, .read) == .done)
        test.process.checkInvariants()
        test.expectNothingLeft()
    }

    /// Several ranges, one barrier at their end.
    @Test func rangesMayShareTheLastBarrier() throws {
        let test = try machine(.arm64)
        let start = try test.map(8 * page)
        test.task.touchWrite(start, 8 * page)
        let grown = test.growth(.tlbFlushes, .tlbInvalidatePage, .tlbBarriers) {
            for place in 0..<4 as Range<UInt64> {
                test.tables.invalidateRange(test.cpu, start + place * page, start + (place + 1) * page)
            }
            test.tables.completeFlush(test.cpu)
        }
        #expect(grown == [4, 4, 1])
        test.expectNothingLeft()
    }

    // MARK: Costs

    @Test func countsBecomeCyclesByTheTable() throws {
        let test = try machine(cpus: 2)
        try test.machine.set("tlb_costs", "ipi:1000,page:10,walk:0")
        #expect(try test.machine.get("tlb_costs") == "l2:9,l3:9,walk:0,page:10,range:0,space:300,ipi:1000,barrier:0")
        for wrong in ["", "ipi", "ipi:", "ipi:x", "ipis:1", "ipi:1,", "ipi=1"] {
            #expect(throws: MachineError.self) { try test.machine.set("tlb_costs", wrong) }
        }
        let start = try test.map(page)
        _ = test.task.storeByte(start, 1)
        _ = test.process.makeTask(tid: 2, cpu: 1).access(start, .read)
        func cycles(_ name: String) -> UInt64 {
            test.machine.tlbStatistics!.cycles.first { $0.name == name }!.value
        }
        let before = (cycles("interrupts"), cycles("invalidation"))
        try test.discard(start, page)
        #expect(cycles("interrupts") == before.0 + 1000 && cycles("invalidation") == before.1 + 20)
        test.expectNothingLeft()
    }
}

// Two real threads on one machine in parallel mode: both fault and give back memory of one address space, first
// side by side, then on top of each other. Afterwards every invariant holds and every frame comes back.

import Testing

@testable import Quire

@Suite struct ParallelFaultTests {
    private func machine(_ reclaim: EmptyTableReclaim = .sync, splitLocks: Bool = true) throws -> TestMachine {
        try TestMachine {
            $0.mode = .parallel
            $0.cpus = 2
            $0.reclaim = reclaim
            $0.splitLocks = splitLocks
        }
    }

    /// Runs `body` as two tasks of the process, one on each CPU.
    private func run(_ test: TestMachine, _ body: @escaping @Sendable (Int, Quire.Task) -> Void) {
        let tasks = Handed([test.task, test.process.makeTask(tid: 2, cpu: 1)])
        onThreads(2) { body($0, tasks.value[$0]) }
        test.process.checkInvariants()
    }

    @Test(arguments: EmptyTableReclaim.allPolicies) func spansOfTheirOwn(_ policy: EmptyTableReclaim) throws {
        let test = try machine(policy)
        let base = try test.map(8 * span)
        run(test) { index, task in
            var random = SeededRandom(seed: UInt64(index))
            for round in 0..<120 as Range<UInt64> {
                let start = base + (2 * (round % 4) + UInt64(index)) * span
                let pages = UInt64(1 + random.below(40))
                task.touchWrite(start + UInt64(random.below(400)) * page, pages * page)
                try! task.madvise(start, span, Advice.dontNeed.rawValue)
            }
        }
        #expect(test.status.anonymous == 0)
        #expect(test.status.tables[0] == (policy == .off ? 8 : 0))
        test.expectNothingLeft()
    }

    @Test(arguments: EmptyTableReclaim.allPolicies, [true, false])
    func theSameSpan(_ policy: EmptyTableReclaim, _ splitLocks: Bool) throws {
        let test = try machine(policy, splitLocks: splitLocks)
        let base = try test.map(span)
        let killed = test.words()
        run(test) { index, task in
            var random = SeededRandom(seed: UInt64(7 + index))
            for _ in 0..<400 {
                let start = base + UInt64(random.below(480)) * page
                let access: Access = random.oneIn(3) ? .read : .write
                for place in 0..<UInt64(random.below(16)) where task.access(start + place * page, access) != .done {
                    killed.word(0).add(task.cpu, 1, .counter)
                }
                if random.oneIn(2) { try! task.madvise(base, span, Advice.dontNeed.rawValue) }
            }
            try! task.madvise(base, span, Advice.dontNeed.rawValue)
        }
        #expect(killed.word(0).load(test.cpu, .counter) == 0)
        test.memory.free(test.cpu, killed.frame, unmovable: true)
        test.expectNothingLeft()
    }

    /// One CPU only faults and looks for what it has just written, in a span that the other one keeps giving back
    /// page by page next to it: a page that nobody gave back must never be lost with its table.
    @Test func pagesThatNobodyGaveBackStay() throws {
        let test = try machine()
        let base = try test.map(span)
        let lost = test.words()
        run(test) { index, task in
            let kept = base + 300 * page
            for round in 0..<400 as Range<UInt64> {
                if index == 0 {
                    _ = task.storeByte(kept, UInt8(truncatingIfNeeded: round | 1))
                    var seen: UInt8 = 0
                    for _ in 0..<8 {
                        _ = task.load(kept, 1) { seen = $0 }
                        if seen != UInt8(truncatingIfNeeded: round | 1) { lost.word(0).add(task.cpu, 1, .counter) }
                    }
                } else {
                    task.touchWrite(base + round % 200 * page, 8 * page)
                    try! task.madvise(base, 300 * page, Advice.dontNeed.rawValue)
                    try! task.madvise(base + 301 * page, 200 * page, Advice.dontNeed.rawValue)
                }
            }
        }
        #expect(lost.word(0).load(test.cpu, .counter) == 0)
        test.memory.free(test.cpu, lost.frame, unmovable: true)
        test.expectNothingLeft()
    }

    /// First faults of one area at once: it gets one anon_vma, not two.
    @Test func theFirstFaultsOfAnAreaAgreeOnItsAnonVMA() throws {
        for round in 0..<60 {
            let test = try machine()
            let base = try test.map(2 * span)
            run(test) { index, task in
                for place in 0..<4 as Range<UInt64> {
                    task.touchWrite(base + UInt64(index) * span + place * page, page)
                }
            }
            #expect(test.core.anonVMAs.used == 1, "round \(round)")
            #expect(test.core.links.used == 1, "round \(round)")
            test.expectNothingLeft()
        }
    }

    /// Maps and unmaps beside faults: the mmap lock is taken for write and for read.
    @Test func mappingBesideFaulting() throws {
        let test = try machine()
        let base = try test.map(4 * span)
        run(test) { index, task in
            for round in 0..<100 as Range<UInt64> {
                if index == 0 {
                    let own = try! task.mmap(
                        length: 16 * page, protection: [.read, .write], flags: [.private, .anonymous])
                    task.touchWrite(own, 16 * page)
                    try! task.mprotect(own + 4 * page, 4 * page, .read)
                    try! task.munmap(own, 16 * page)
                } else {
                    let start = base + round % 4 * span
                    task.touchWrite(start, 8 * page)
                    try! task.madvise(start, span, Advice.dontNeed.rawValue)
                }
            }
        }
        #expect(test.process.areaReports().count == 1)
        test.expectNothingLeft()
    }

    /// Both read one file: pages are made once, in the cache and in the tables.
    @Test func readingTheSameFile() throws {
        let test = try machine()
        let fd = try test.task.openRecorded("/lib/libc.so.6", size: 512 * page)
        let base = try test.task.mmap(length: 512 * page, protection: .read, flags: .private, fd: fd)
        run(test) { index, task in
            for round in 0..<40 as Range<UInt64> {
                for place in stride(from: UInt64(0), to: 512, by: 16) { _ = task.access(base + place * page, .read) }
                if round % 2 == UInt64(index) { try! task.madvise(base, 512 * page, Advice.dontNeed.rawValue) }
            }
        }
        test.expectNothingLeft()
    }
}

extension EmptyTableReclaim {
    static let allPolicies: [EmptyTableReclaim] = [.off, .rfc, .sync]
}

// Address spaces that share a TLB: nobody sees another's translations, however few tags there are.

import Testing

@testable import Quire

@Suite struct TLBSpaceTests {
    /// Processes with the same addresses and other contents, in turn.
    private func takeTurns(_ test: TestMachine, processes count: Int, rounds: Int) throws {
        let start: UInt64 = 0x4000_0000
        var processes = [test.process]
        while processes.count < count { processes.append(try test.machine.makeProcess(pid: processes.count + 1)) }
        for (number, process) in processes.enumerated() {
            _ = try process.main.mmap(
                start, length: 4 * page, protection: [.read, .write], flags: [.private, .anonymous, .fixed])
            for place in 0..<4 as Range<UInt64> { _ = process.main.storeByte(start + place * page, UInt8(number + 1)) }
        }
        for _ in 0..<rounds {
            for (number, process) in processes.enumerated() {
                var byte: UInt8?
                _ = process.main.load(start + page, 1) { byte = $0 }
                #expect(byte == UInt8(number + 1))
                process.checkInvariants()
            }
        }
    }

    @Test(arguments: [Layout.x86FourLevels, .arm64], [1, 2, 3, 6]) func nobodySeesAnothers(
        _ layout: Layout, _ tags: Int
    ) throws {
        let test = try TestMachine {
            layout.apply(&$0)
            $0.tlb = true
            $0.tlbTags = tags
        }
        try takeTurns(test, processes: 4, rounds: 5)
        test.expectNothingLeft()
    }

    /// Six places: four processes in turn flush nothing. One place: each turn flushes.
    @Test func aPlaceThatIsKeptNeedsNoFlush() throws {
        for (tags, flushes) in [(6, 0), (1, 3 + 20)] as [(Int, UInt64)] {
            let test = try TestMachine {
                $0.tlb = true
                $0.tlbTags = tags
            }
            try takeTurns(test, processes: 4, rounds: 5)
            #expect(test.counter(.tlbSwitchFlushes) == flushes)
            #expect(test.counter(.tlbSwitches) == 4 + 20)
            test.expectNothingLeft()
        }
    }

    /// arm64 gives tags out until there are none, then every CPU forgets everything.
    @Test func tagsBeginAnewWhenTheyAreUsedUp() throws {
        let test = try TestMachine {
            $0.architecture = .arm64
            $0.tlb = true
            $0.tlbTags = 3
            $0.cpus = 2
        }
        try takeTurns(test, processes: 3, rounds: 3)
        #expect(test.counter(.tlbInvalidateAll) == 0 && test.counter(.tlbSwitchFlushes) == 0)
        let fourth = try test.machine.makeProcess(pid: 9)
        fourth.main.schedule()
        #expect(test.counter(.tlbInvalidateAll) == 2, "one for each CPU")
        for process in test.machine.processes { process.checkInvariants() }
        test.expectNothingLeft()
    }

    /// A CPU that ran an address space which has ended took the next one with its number for the same, and used what it still had.
    @Test(arguments: [Layout.x86FourLevels, .arm64]) func aNumberThatIsUsedAgainBringsNoTranslationsBack(
        _ layout: Layout
    ) throws {
        let test = try TestMachine {
            layout.apply(&$0)
            $0.tlb = true
            $0.cpus = 2
        }
        let start: UInt64 = 0x4000_0000
        var numbers: Set<UInt32> = []
        for turn in 1...6 {
            // By turns on the two CPUs, so that one that ran it long ago comes back to the number too.
            let process = try test.machine.makeProcess(pid: 10 + turn)
            numbers.insert(process.space.number)
            let task = process.makeTask(tid: 100 + turn, cpu: turn % 2)
            _ = try task.mmap(start, length: page, protection: [.read, .write], flags: [.private, .anonymous, .fixed])
            process.checkInvariants()
            var byte: UInt8?
            _ = task.load(start, 1) { byte = $0 }
            #expect(byte == 0)
            #expect(task.storeByte(start, UInt8(turn)) == .done)
            process.checkInvariants()
            task.exit()
            process.main.exit()
        }
        #expect(numbers.count == 1)
        test.expectNothingLeft()
    }

    /// Threads on real CPUs, with a TLB each: every page that one gives back is fresh for the other.
    @Test(arguments: [Layout.x86FourLevels, .arm64]) func flushesReachOtherThreads(_ layout: Layout) throws {
        let test = try TestMachine {
            layout.apply(&$0)
            $0.mode = .parallel
            $0.cpus = 2
            $0.tlb = true
            $0.tlbGeometry = TLBGeometry("l1:16x4,l2:64x4")!
        }
        let base = try test.map(2 * span)
        let tasks = Handed([test.task, test.process.makeTask(tid: 2, cpu: 1)])
        onThreads(2) { index in
            let task = tasks.value[index]
            var random = SeededRandom(seed: UInt64(index) + 3)
            for _ in 0..<600 {
                let start = base + UInt64(random.below(1000)) * page
                for place in 0..<UInt64(random.below(24)) {
                    _ = task.access(start + place * page, random.oneIn(3) ? .read : .write)
                }
                switch random.below(4) {
                case 0: try! task.madvise(start, 16 * page, Advice.dontNeed.rawValue)
                case 1: try! task.madvise(base, span, Advice.dontNeed.rawValue)
                case 2:
                    try! task.mprotect(start, 8 * page, .read)
                    try! task.mprotect(start, 8 * page, [.read, .write])
                default: break
                }
            }
        }
        test.process.checkInvariants()
        #expect(test.counter(.tlbHits) > 0)
        test.expectNothingLeft()
    }
}

// pt_reclaimd on a thread of its own while others use the memory; and, on one CPU, at any moment of a random program.

import Testing

@testable import Quire

@Suite struct AsyncParallelTests {
    /// Two threads write, give back and look for what they wrote; the third makes passes all the while.
    @Test(arguments: [true, false], [[], [64]]) func whatWasWrittenIsThere(_ splitLocks: Bool, _ sizes: [Int]) throws {
        let test = try TestMachine(sizes: sizes) {
            $0.mode = .parallel
            $0.cpus = 3
            $0.splitLocks = splitLocks
        }
        try test.machine.set("pt_reclaim.async", "on")
        let base = try test.map(2 * span)
        let words = test.words()
        let (lost, running) = (words.word(0), words.word(1))
        running.store(test.cpu, 2, .counter)
        let machine = Handed(test.machine)
        let tasks = Handed([test.task, test.process.makeTask(tid: 2, cpu: 1), test.process.makeTask(tid: 3, cpu: 2)])
        onThreads(3) { index in
            let task = tasks.value[index]
            if index == 2 {
                while running.load(task.cpu, .counter) > 0 { machine.value.runTableReclaimer(passes: 1, cpu: 2) }
                return
            }
            var random = SeededRandom(seed: UInt64(index))
            for round in 1...300 as ClosedRange<UInt64> {
                // Both threads' pages lie in both tables: page 2n + index is this one's.
                let from = UInt64(random.below(500)) * 2 + UInt64(index)
                let mark = UInt8(truncatingIfNeeded: round % 250 + 1)
                let pages = (0..<UInt64(random.below(6))).map { base + (from + 2 * $0) % 1024 * page }
                for address in pages { _ = task.storeByte(address, 3) }
                for address in pages { try! task.madvise(address, page, Advice.free.rawValue) }
                for address in pages.dropLast() { _ = task.storeByte(address, mark) }
                for address in pages.dropLast() {
                    var seen: UInt8 = 0
                    _ = task.load(address, 1) { seen = $0 }
                    if seen != mark { lost.add(task.cpu, 1, .counter) }
                }
                for address in pages { try! task.madvise(address, page, Advice.dontNeed.rawValue) }
            }
            running.add(task.cpu, ~0, .counter)
        }
        #expect(lost.load(test.cpu, .counter) == 0)
        test.machine.runTableReclaimer(passes: 1)
        // Of a large folio, pages that nobody touched are there too.
        if sizes.isEmpty { #expect(test.status.tables[0] == 0 && test.status.anonymous == 0) }
        test.process.checkInvariants()
        test.memory.free(test.cpu, words.frame, unmovable: true)
        test.expectNothingLeft()
    }

    /// The same random program with and without passes in between: memory that was not given to MADV_FREE since its last
    /// write is the same, the rest is the same or 0.
    @Test(arguments: 1...3, [[], [64], [2048]]) func aPassChangesNothingThatAProgramMayRelyOn(
        _ seed: Int, _ sizes: [Int]
    ) throws {
        let tests = try [false, true].map { isOn in
            let test = try TestMachine(sizes: sizes) { $0.architecture = seed % 3 == 0 ? .arm64 : .x86_64 }
            try test.machine.set("pt_reclaim.async", isOn ? "on" : "off")
            _ = try test.map(4 * span, at: 0x4000_0000)
            return test
        }
        let base: UInt64 = 0x4000_0000
        var random = SeededRandom(seed: UInt64(seed))
        // What each page reads: nil where MADV_FREE leaves it open.
        var bytes: [UInt8?] = Array(repeating: 0, count: 2048)
        var written = bytes
        for step in 1...100 {
            let first = random.below(2048)
            let count = Swift.min(random.oneIn(3) ? 512 : 1 + random.below(40), 2048 - first)
            let start = base + UInt64(first) * page
            let length = UInt64(count) * page
            let mark = UInt8(step)
            let choice = random.below(10)
            for test in tests {
                switch choice {
                case 0...2: for place in 0..<count { _ = test.task.storeByte(start + UInt64(place) * page, mark) }
                case 3...5: try test.advise(start, length, .free)
                case 6: try test.discard(start, length)
                case 7: try test.task.mprotect(start, length, .read)
                case 8: try test.task.mprotect(start, length, [.read, .write])
                default:
                    test.machine.runTableReclaimer(passes: 1)
                    test.checkAll()
                }
            }
            for place in first..<(first + count) {
                switch choice {
                case 0...2:
                    // What mprotect took the right from was not written, and is what it was.
                    let seen = tests[0].byte(base + UInt64(place) * page)
                    if seen == mark { (bytes[place], written[place]) = (mark, mark) }
                case 3...5: bytes[place] = nil
                case 6: (bytes[place], written[place]) = (0, 0)
                default: break
                }
            }
        }
        for place in 0..<2048 {
            let address = base + UInt64(place) * page
            for test in tests {
                let seen = test.byte(address)
                if let expected = bytes[place] {
                    #expect(seen == expected, "page \(place)")
                } else {
                    #expect(seen == 0 || seen == written[place], "page \(place)")
                }
            }
        }
        #expect(tests[0].counter(.asyncPasses) == 0 && tests[1].counter(.asyncPasses) > 0)
        for test in tests { test.expectNothingLeft() }
    }
}

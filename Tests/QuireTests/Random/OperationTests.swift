// Random sequences of system calls and accesses by several processes. After each step every invariant holds; a
// dictionary of bytes, which knows nothing of page tables, says what each page must hold; in the end nothing is left.

import Testing

@testable import Quire

/// A machine under random operations, and what its processes must read.
private struct RandomRun {
    let test: TestMachine
    var random: SeededRandom
    /// By pid: the first byte of each mapped page, in a window of pages from `base`. A page that is not there is none.
    var memory: [Int: [UInt64: UInt8]] = [1: [:]]
    var nextPid = 2
    let base: UInt64 = 0x4000_0000
    /// Two spans and a half, across tables.
    let window = 1280

    init(_ layout: Layout, _ contents: Contents, seed: UInt64, reclaim: EmptyTableReclaim = .sync) throws {
        random = SeededRandom(seed: seed)
        test = try TestMachine {
            layout.apply(&$0)
            $0.contents = contents
            $0.memory = 64 << 20
            $0.reclaim = reclaim
            $0.tlb = seed % 2 == 0
            $0.splitLocks = seed % 3 != 0
        }
        if layout == .arm64, seed % 2 == 1 {
            // Folios that contiguous blocks are made of.
            try test.machine.set("/sys/kernel/mm/transparent_hugepage/hugepages-64kB/enabled", "always")
        }
    }

    private var aProcess: Process {
        mutating get {
            let all = test.machine.processes
            return all[random.below(all.count)]
        }
    }

    /// A range of pages, most often small.
    private mutating func range() -> (start: UInt64, pages: UInt64) {
        let first = random.below(window)
        let pages = 1 + random.below(random.oneIn(4) ? window - first : min(24, window - first))
        return (base + UInt64(first) * page, UInt64(pages))
    }

    private func eachPage(_ start: UInt64, _ pages: UInt64, _ body: (UInt64) -> Void) {
        for place in 0..<pages { body(start + place * page) }
    }

    mutating func step() {
        let process = aProcess
        let task = process.main
        let pid = process.pid
        let (start, pages) = range()
        switch random.below(16) {
        case 0, 1, 2:
            _ = try! task.mmap(
                start, length: pages * page, protection: [.read, .write], flags: [.private, .anonymous, .fixed])
            eachPage(start, pages) { memory[pid]![$0] = 0 }
        case 3:
            try! task.munmap(start, pages * page)
            eachPage(start, pages) { memory[pid]![$0] = nil }
        case 4, 5: discard(pid, task, start, pages)
        case 6: discard(pid, task, start & ~(span - 1), 512)
        case 7: protect(task, start, pages)
        case 8: move(pid, task, start, pages)
        case 9: try? task.madvise(start, pages * page, [0, 1, 2, 14, 15][random.below(5)])
        case 10 where random.oneIn(3): forkOrExit(process)
        default: write(pid, task, start, pages)
        }
    }

    private mutating func write(_ pid: Int, _ task: Quire.Task, _ start: UInt64, _ pages: UInt64) {
        let value = UInt8(random.below(255)) + 1
        for place in 0..<min(pages, 12) {
            let address = start + place * page
            let isMapped = memory[pid]![address] != nil
            switch task.storeByte(address, value) {
            case .done:
                #expect(isMapped, "a store to \(address) went where nothing is mapped")
                memory[pid]![address] = value
            case .signal(let code, let at):
                // Mapped and refused: the area is read-only.
                #expect(at == address && code == (isMapped ? .accessError : .mapError))
            case .killed: Issue.record("out of memory")
            }
        }
    }

    /// Gives a range back: what lies before the first hole and behind it goes, as Linux does it.
    private mutating func discard(_ pid: Int, _ task: Quire.Task, _ start: UInt64, _ pages: UInt64) {
        let hasHole = (0..<pages).contains { memory[pid]![start + $0 * page] == nil }
        do throws(Errno) {
            try task.madvise(start, pages * page, Advice.dontNeed.rawValue)
            #expect(!hasHole)
        } catch { #expect(hasHole && error == .ENOMEM) }
        for address in memory[pid]!.keys where address >= start && address < start + pages * page {
            memory[pid]![address] = 0
        }
    }

    private mutating func protect(_ task: Quire.Task, _ start: UInt64, _ pages: UInt64) {
        try? task.mprotect(start, pages * page, random.oneIn(3) ? .read : [.read, .write])
    }

    private mutating func move(_ pid: Int, _ task: Quire.Task, _ start: UInt64, _ pages: UInt64) {
        let target = range().start
        let length = min(pages, UInt64(window) - (target - base) / page) * page
        guard (try? task.mremap(start, length, length, [.mayMove, .fixed], target)) != nil else {
            // Refused after the target was unmapped (no source there), or before: ask what is left.
            for address in memory[pid]!.keys where address >= target && address < target + length {
                if task.access(address, .read) != .done { memory[pid]![address] = nil }
            }
            return
        }
        // Area by area: where the source has a hole, the target keeps what it has.
        for offset in stride(from: UInt64(0), to: length, by: Int(page)) {
            guard let value = memory[pid]!.removeValue(forKey: start + offset) else { continue }
            memory[pid]![target + offset] = value
        }
    }

    private mutating func forkOrExit(_ process: Process) {
        if test.machine.processes.count < 3 {
            _ = try! process.main.fork(pid: nextPid)
            memory[nextPid] = memory[process.pid]
            nextPid += 1
        } else if test.machine.processes.count > 1 {
            memory[process.pid] = nil
            process.main.exit()
        }
    }

    func expectSane(comparing: Bool) {
        test.machine.checkInvariants()
        if comparing { test.expectHardwareAgrees() }
        for process in test.machine.processes {
            process.checkInvariants()
            let status = process.status()
            #expect(status.size == UInt64(memory[process.pid]!.count) * 4)
            guard comparing, test.machine.configuration.contents != .off else { continue }
            for (address, value) in memory[process.pid]! {
                var byte: UInt8?
                _ = process.main.load(address, 1) { byte = $0 }
                #expect(byte == value, "process \(process.pid), \(VirtualAddress(address))")
            }
        }
    }
}

@Suite struct RandomOperationTests {
    @Test(arguments: Layout.allCases, [Contents.off, .lazy, .eager])
    func invariantsHoldAfterEveryStep(_ layout: Layout, _ contents: Contents) throws {
        for seed in 1...3 as ClosedRange<UInt64> {
            var run = try RandomRun(layout, contents, seed: seed)
            for step in 0..<220 {
                run.step()
                run.expectSane(comparing: step % 55 == 54)
            }
            run.test.expectNothingLeft("seed \(seed)")
        }
    }

    /// Policies differ in tables, never in what a program sees.
    @Test(arguments: EmptyTableReclaim.allPolicies) func theProgramSeesNoPolicy(_ policy: EmptyTableReclaim) throws {
        var run = try RandomRun(.x86FourLevels, .lazy, seed: 77, reclaim: policy)
        for step in 0..<300 {
            run.step()
            run.expectSane(comparing: step % 60 == 59)
        }
        run.test.expectNothingLeft()
    }

    /// Two machines with the same seed say the same in every number.
    @Test(arguments: Layout.allCases) func theSameSeedGivesTheSameReport(_ layout: Layout) throws {
        func report(_ seed: UInt64) throws -> String {
            var run = try RandomRun(layout, .lazy, seed: seed)
            var text = ""
            for _ in 0..<150 {
                run.step()
                for process in run.test.machine.processes { text += "\(process.status())" }
            }
            for process in run.test.machine.processes { text += "\(process.areaReports())" }
            text += "\(run.test.machine.counters) \(run.test.machine.frames)"
            run.test.expectNothingLeft()
            return text
        }
        let first = try report(5)
        #expect(try report(5) == first)
        #expect(try report(6) != first)
    }
}

// Random operations with folios of all sizes, khugepaged, pins and memory that runs out: after every step the invariants of
// every process and the census of every folio, at the end that nothing is left.

import Testing

@testable import Quire

/// A machine with huge pages under random operations.
struct HugeRun: OperationRun {
    let test: TestMachine
    var random: SeededRandom
    var nextPid = 2
    var pins: [Int] = []
    let base: UInt64 = 0x1000_0000_0000
    let pages = 3 * 512

    init(_ layout: Layout, seed: UInt64) throws {
        random = SeededRandom(seed: seed)
        test = try TestMachine {
            layout.apply(&$0)
            $0.memory = 48 << 20
            $0.tlb = seed % 2 == 1
            $0.splitLocks = seed % 5 != 0
        }
        for size in [16, 32, 64, 128, 256, 512, 1024, 2048] {
            let policy = ["always", "madvise", "never", "inherit"][random.below(4)]
            try test.machine.set(hugeFolder + "hugepages-\(size)kB/enabled", policy)
        }
        try test.machine.set("cow.range", seed % 4 == 0 ? "on" : "off")
        try test.machine.set("cow.reuse", ["owner", "scan", "owner", "count"][Int(seed % 4)])
        _ = try test.map(UInt64(pages) * page, at: base)
        try test.advise(base, UInt64(pages) * page, .hugePage)
    }

    private mutating func range() -> (start: UInt64, length: UInt64) {
        var first = random.below(pages)
        var count = 1 + random.below(random.oneIn(3) ? 600 : 24)
        if random.oneIn(3) {
            let size = 4 << random.below(8)
            first = first / size * size
            count = size
        }
        return (base + UInt64(first) * page, UInt64(count) * page)
    }

    mutating func step() {
        let all = test.machine.processes
        let process = all[random.below(all.count)]
        if random.oneIn(8) { test.memory.fail(after: random.below(6)) }
        if random.oneIn(8) { test.core.failRecords(after: random.below(4)) }
        operate(process, process.main)
        test.memory.fail(after: -1)
        test.core.failRecords(after: -1)
    }

    private mutating func operate(_ process: Process, _ task: Quire.Task) {
        let (start, length) = range()
        switch random.below(23) {
        case 0:
            _ = try? task.mmap(
                start, length: length, protection: [.read, .write], flags: [.private, .anonymous, .fixed])
        case 1: try? task.munmap(start, length)
        case 2: try? task.mprotect(start, length, [[.read, .write], .read, []][random.below(3)])
        case 3, 4: try? task.madvise(start, length, Advice.dontNeed.rawValue)
        case 5, 6, 7:
            let advice: [Advice] = [
                .free, .free, .cold, .pageOut, .collapse, .collapse, .hugePage, .hugePage, .noHugePage, .dontFork,
                .doFork, .guardInstall, .guardRemove, .populateWrite, .populateRead, .wipeOnFork, .keepOnFork,
            ]
            try? task.madvise(start, length, advice[random.below(advice.count)].rawValue)
        case 8: _ = try? task.mremap(start, length, length, [.mayMove, .fixed], range().start)
        case 9: random.oneIn(2) ? (try? task.mlock(start, length)) : (try? task.munlock(start, length))
        case 10: if let pin = try? task.pinPages(start, page, random.oneIn(2) ? .write : []) { pins.append(pin.handle) }
        case 11:
            if !pins.isEmpty { try? task.unpin(pins.remove(at: random.below(pins.count))) }
        case 12: comeOrGo(process)
        case 13: test.machine.runKhugepaged(passes: 1)
        case 20, 21:
            let act = FolioAct.allCases[random.below(FolioAct.allCases.count)]
            _ = test.perform(act, process, start, target: range().start)
        case 14: if random.oneIn(3) { test.machine.dropCaches() }
        default:
            for place in 0..<min(length / page, 40) {
                _ = task.access(start + place * page, random.oneIn(4) ? .read : .write)
            }
        }
    }

    private mutating func comeOrGo(_ process: Process) {
        if test.machine.processes.count < 4, random.oneIn(2) {
            _ = try? process.main.fork(pid: nextPid)
            nextPid += 1
        } else if test.machine.processes.count > 1 {
            process.main.exit()
        }
    }

    mutating func finish() {
        for pin in pins { try? test.machine.processes[0].main.unpin(pin) }
    }
}

@Suite struct HugeOperationTests {
    @Test(arguments: Layout.allCases) func nothingBreaksAndNothingIsLeft(_ layout: Layout) throws {
        for seed in 1...6 as ClosedRange<UInt64> {
            var run = try HugeRun(layout, seed: seed)
            for count in 0..<150 {
                run.step()
                for process in run.test.machine.processes { process.checkInvariants() }
                if count % 5 == 0 { run.test.checkFolios() }
            }
            run.finish()
            run.test.expectNothingLeft("seed \(seed)")
        }
    }
}

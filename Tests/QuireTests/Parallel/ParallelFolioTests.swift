// Real threads on folios: one splits, collapses and gives back what the other writes, or forks meanwhile. No write is lost,
// and afterwards every invariant holds and every frame comes back.

import Testing

@testable import Quire

@Suite struct ParallelFolioTests {
    private func machine(splitLocks: Bool = true, tlb: Bool = false) throws -> TestMachine {
        try TestMachine(sizes: [16, 64, 2048]) {
            $0.mode = .parallel
            $0.cpus = 2
            $0.splitLocks = splitLocks
            $0.tlb = tlb
        }
    }

    private func run(_ test: TestMachine, _ body: @escaping @Sendable (Int, Quire.Task) -> Void) {
        let tasks = Handed([test.task, test.process.makeTask(tid: 2, cpu: 1)])
        onThreads(2) { body($0, tasks.value[$0]) }
        test.checkAll()
    }

    @Test(arguments: [true, false]) func writesSurviveSplitsAndCollapses(_ splitLocks: Bool) throws {
        let test = try machine(splitLocks: splitLocks)
        let base = try test.map(2 * span)
        test.task.touchWrite(base, 2 * span)
        let lost = test.words()
        run(test) { index, task in
            var random = SeededRandom(seed: UInt64(31 + index))
            for round in 0..<300 {
                let start = base + UInt64(random.below(1000)) * page
                if index == 1 {
                    let advice: [Advice] = [.free, .cold, .collapse, .free]
                    let bytes = UInt64(1 + random.below(24)) * page
                    let whole = random.oneIn(3)
                    let from = whole ? base + UInt64(random.below(2)) * span : start
                    try? task.madvise(from, whole ? span : bytes, advice[random.below(4)].rawValue)
                } else {
                    let value = UInt8(1 + round % 200)
                    _ = task.storeByte(start, value)
                    var seen: UInt8 = 0
                    _ = task.load(start, 1) { seen = $0 }
                    if seen != value { lost.word(0).add(task.cpu, 1, .counter) }
                }
            }
        }
        #expect(lost.word(0).load(test.cpu, .counter) == 0)
        test.memory.free(test.cpu, lost.frame, unmovable: true)
        test.expectNothingLeft()
    }

    @Test func forksFindFrozenPagesAndBothSidesThaw() throws {
        let test = try machine()
        let base = try test.map(2 * span)
        for place in 0..<1024 as Range<UInt64> { _ = test.task.storeByte(base + place * page, UInt8(place & 0x7F) + 1) }
        let wrong = test.words()
        run(test) { index, task in
            var random = SeededRandom(seed: UInt64(5 + index))
            for round in 0..<40 {
                if index == 0 {
                    guard let child = try? task.fork(pid: 100 + round) else { continue }
                    for place in stride(from: UInt64(0), to: 1024, by: 37) {
                        var seen: UInt8 = 0
                        _ = child.main.load(base + place * page, 1) { seen = $0 }
                        if seen != UInt8(place & 0x7F) + 1 { wrong.word(0).add(task.cpu, 1, .counter) }
                    }
                    child.main.exit()
                } else {
                    for _ in 0..<20 {
                        let start = base + UInt64(random.below(1000)) * page
                        try? task.madvise(start, UInt64(1 + random.below(12)) * page, Advice.free.rawValue)
                    }
                    try? task.madvise(base, 2 * span, Advice.collapse.rawValue)
                }
            }
        }
        #expect(wrong.word(0).load(test.cpu, .counter) == 0)
        test.memory.free(test.cpu, wrong.frame, unmovable: true)
        test.expectNothingLeft()
    }
}

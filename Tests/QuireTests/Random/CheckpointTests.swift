// A machine goes back to a checkpoint after random operations of every kind: every report, count and byte is as before, and
// the same operations once more come to the same end, so that nothing was left behind that a report does not show.

import Testing

@testable import Quire

/// Random operations on a machine; copying it copies all but the machine.
protocol OperationRun {
    var test: TestMachine { get }
    var random: SeededRandom { get set }
    mutating func step()
}

extension TestMachine {
    /// Everything that the machine has to say of itself, in lines.
    func reports() -> [String] {
        var lines = state()
        for process in machine.processes {
            lines.append("\(process.pid): \(process.status())")
            lines.append("\(process.pid): \(process.space.numbers), users \(process.space.users)")
            lines.append("\(process.pid): \(process.main.policy), pins \(machine.pins(cpu, of: process.pid))")
            lines += process.descriptors.keys.sorted().map { "\(process.pid): \($0) \(process.descriptors[$0]!)" }
            lines += process.areaReports().map { "\(process.pid): \($0)" }
        }
        lines += machine.counters.map { "\($0.name) \($0.value)" }
        for order in 0...10 {
            let values = FolioStatistic.allCases.map { statistic in
                (0..<machine.configuration.cpus).reduce(0) {
                    $0 + machine.cpu($1).value(of: statistic, order: order)
                }
            }
            lines.append("order \(order): \(values)")
        }
        lines.append("frames \(machine.frames), spaces \(machine.spaces.map { $0.number }.sorted())")
        lines.append("next \(machine.nextInode) \(machine.nextPin), strings \(machine.strings)")
        lines.append("records \(core.pools.map { $0.used }), \(core.settings)")
        lines.append("files \(machine.namedFiles.sorted { $0.key < $1.key })")
        if let tlb = machine.tlbStatistics { lines += ["\(tlb)"] }
        return lines
    }
}

@Suite struct CheckpointTests {
    /// Away and back three times: by some operations, by others, by the first ones again.
    private func goAndComeBack(_ start: some OperationRun, _ seed: UInt64) {
        let test = start.test
        let before = test.reports()
        let checkpoint = test.machine.checkpoint()
        var ends: [UInt64: [String]] = [:]
        for way in [1, 2, 1] as [UInt64] {
            var run = start
            run.random = SeededRandom(seed: seed * 100 + way)
            for _ in 0..<120 { run.step() }
            let end = test.reports()
            #expect(difference(before, end) != nil)
            if let earlier = ends[way] { #expect(difference(earlier, end) == nil, "seed \(seed): not repeated") }
            ends[way] = end
            test.machine.restore(checkpoint)
            #expect(difference(before, test.reports()) == nil, "seed \(seed), way \(way)")
            for process in test.machine.processes { process.checkInvariants() }
            test.machine.checkInvariants()
            test.expectHardwareAgrees("seed \(seed), way \(way)")
        }
    }

    @Test(arguments: Layout.allCases) func machineIsAsBeforeWhateverHasHappened(_ layout: Layout) throws {
        for seed in 1...4 as ClosedRange<UInt64> {
            var run = try MixedRun(layout, seed: seed)
            for _ in 0..<80 { run.step() }
            goAndComeBack(run, seed)
            run.test.expectNothingLeft("seed \(seed)")
        }
    }

    @Test(arguments: Layout.allCases) func foliosAndPinsAreAsBefore(_ layout: Layout) throws {
        for seed in 1...4 as ClosedRange<UInt64> {
            var run = try HugeRun(layout, seed: seed)
            for _ in 0..<60 { run.step() }
            goAndComeBack(run, seed)
            run.test.checkFolios()
            run.finish()
            run.test.expectNothingLeft("seed \(seed)")
        }
    }

    @Test func loanOfAnAddressSpaceIsAsBefore() throws {
        let test = try TestMachine()
        let child = try test.task.vfork(pid: 2)
        _ = try child.main.mmap(
            0x1000_0000, length: span, protection: [.read, .write], flags: [.private, .anonymous, .fixed])
        child.main.touchWrite(0x1000_0000, 3 * page)
        let before = test.reports()
        let checkpoint = test.machine.checkpoint()
        for _ in 0..<2 {
            child.main.touchWrite(0x1000_0000, 9 * page)
            try child.main.execve()
            child.main.exit()
            let other = try test.task.vfork(pid: 3)
            other.main.touchWrite(0x1000_0000, 20 * page)
            test.machine.restore(checkpoint)
            #expect(difference(before, test.reports()) == nil)
            #expect(child.borrowsAddressSpace && test.space.users == 2)
        }
        test.expectNothingLeft()
    }

    @Test(arguments: [Contents.off, .lazy, .eager])
    func frameIsZeroAgainThatHeldWordsBeforeItHeldData(_ contents: Contents) throws {
        let test = try TestMachine {
            $0.memory = 1 << 20
            $0.contents = contents
        }
        let checkpoint = test.machine.checkpoint()
        for _ in 0..<3 {
            // Frames with words of an address space and of gathers are given back and then have data, which is not stored
            // where contents are off: the kind of a frame at the end does not say what is in it.
            try test.task.fork(pid: 2).main.exit()
            _ = try test.map(150 * page, at: 0x1000_0000)
            test.task.touchWrite(0x1000_0000, 150 * page)
            try test.task.munmap(0x1000_0000, 150 * page)
            for _ in 0..<4 { test.machine.afterCall(test.cpu) }
            let data = try test.map(230 * page, at: 0x1000_0000)
            test.task.touchWrite(data, page)
            test.memory.drain(test.cpu)
            test.task.touchWrite(data, 230 * page)
            let haveHeldWords = (1..<test.memory.frameCount).contains {
                test.memory.kind(test.cpu, FrameNumber($0)) == .anonymous
                    && test.memory.has(test.cpu, FrameNumber($0), FrameFlags.notZero)
            }
            #expect(haveHeldWords)
            test.machine.restore(checkpoint)
            for number in 1..<test.memory.frameCount {
                let frame = FrameNumber(number)
                guard !test.memory.has(test.cpu, frame, FrameFlags.notZero) else { continue }
                #expect((0..<512).allSatisfy { test.memory.word(frame, $0).loadRelaxed(test.cpu, .entry) == 0 })
            }
        }
    }
}

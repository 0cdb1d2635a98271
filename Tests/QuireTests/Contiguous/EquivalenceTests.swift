// Contiguous blocks change nothing that a caller can see: the same random calls and accesses on two machines, one with blocks
// and one without, give the same results, the same entries (but for accessed and dirty, which a block has for all), the same
// contents, accounts and areas. INV-CONT is checked on the way. 10,000 sequences of a few steps each, since a block's life is
// short: folded, changed in one way or two, looked at.

import Testing

@testable import Quire

/// What one step does, chosen once for both machines.
private struct EquivalenceStep {
    enum Kind: Int, CaseIterable {
        case write, read, discard, lazyFree, cold, protect, unmap, map, move, fork, exit, guards, lock, pin, unpin
        case pageOut, act
    }

    var kind: Kind
    /// Which process, of those alive.
    var process: Int
    var start: UInt64, pages: UInt64, target: UInt64
    var choice: Int
}

/// Two machines that do the same.
private final class Twins {
    static let base: UInt64 = 0x4000_0000
    /// Three blocks and a bit, so that ranges begin and end everywhere.
    static let window = 56

    let folding: TestMachine
    let plain: TestMachine
    private var random: SeededRandom
    private var nextPid = 2
    /// Pins that are held, the same on both.
    private var pins: [Int] = []

    init(seed: UInt64) throws {
        random = SeededRandom(seed: seed)
        let orders = [[4], [5], [4, 2], [3, 4, 6]][random.below(4)]
        let policy: FoldPolicy = random.oneIn(4) ? .range : .any
        folding = try contiguousMachine(folding: policy, orders: orders) { $0.memory = 32 << 20 }
        plain = try contiguousMachine(folding: .off, orders: orders) { $0.memory = 32 << 20 }
        if random.oneIn(3) {
            try folding.machine.set("mremap.batch", "off")
            try plain.machine.set("mremap.batch", "off")
        }
    }

    /// A sequence of its own, with processes of its own: the machines are used again, since making one is dear.
    func runSequence(steps: Int, comparingEach: Bool) throws {
        for test in [folding, plain] { try start(test) }
        for _ in 0..<steps {
            let step = aStep()
            let results = [folding, plain].map { perform(step, $0) }
            #expect(results[0] == results[1], "\(step)")
            if step.kind == .pin, let handle = Int(results[0]) { pins.append(handle) }
            if step.kind == .unpin { pins.removeAll() }
            if comparingEach { compare("\(step)") }
        }
        compare("at the end")
        for test in [folding, plain] {
            for pin in pins { try? test.machine.processes[0].main.unpin(pin) }
            for process in test.machine.processes { process.main.exit() }
            test.machine.afterCall(test.cpu)
        }
        pins = []
        #expect(folding.machine.frames.free == plain.machine.frames.free)
    }

    /// A process with a window of memory of which some is written.
    private func start(_ test: TestMachine) throws {
        let process = try test.machine.makeProcess(pid: 1000 + nextPid)
        _ = try process.main.mmap(
            Self.base, length: UInt64(Self.window) * page, protection: [.read, .write],
            flags: [.private, .anonymous, .fixed])
        _ = process.main.touchWrite(Self.base, 2 * kb64)
    }

    private func aStep() -> EquivalenceStep {
        let alive = folding.machine.processes.count
        let first = random.below(Self.window)
        let kind = EquivalenceStep.Kind.allCases[random.below(EquivalenceStep.Kind.allCases.count)]
        nextPid += 1
        // Whole blocks now and then, else a few pages.
        var start = UInt64(first)
        var pages = UInt64(1 + random.below(20))
        if random.oneIn(3) {
            start &= ~15
            pages = 16 * UInt64(1 + random.below(2))
        }
        var target = UInt64(random.below(Self.window))
        if random.oneIn(2) { target = target & ~15 | start & 15 }
        return EquivalenceStep(
            kind: kind, process: random.below(alive), start: Self.base + start * page,
            pages: min(pages, UInt64(Self.window) - start), target: Self.base + 0x40_0000 + target * page,
            choice: random.below(12))
    }

    /// Does a step and says what came of it.
    private func perform(_ step: EquivalenceStep, _ test: TestMachine) -> String {
        let processes = test.machine.processes
        let process = processes[step.process]
        let task = process.main
        let length = step.pages * page
        // Half the steps go to where things were moved.
        let start = step.choice >= 9 ? step.target : step.start
        do throws(Errno) {
            switch step.kind {
            case .write:
                var text = ""
                for place in 0..<min(step.pages, 4) {
                    text += "\(task.storeByte(start + place * page, UInt8(step.choice * 16 + Int(place) + 1)))"
                }
                return text
            case .read: return "\(task.access(start, .read))"
            case .discard: try task.madvise(start, length, Advice.dontNeed.rawValue)
            case .lazyFree: try task.madvise(start, length, Advice.free.rawValue)
            case .cold: try task.madvise(start, length, Advice.cold.rawValue)
            case .protect:
                try task.mprotect(start, length, [[.read], [.read, .write], [.read, .write], []][step.choice % 4])
            case .unmap: try task.munmap(start, length)
            case .map:
                _ = try task.mmap(
                    start, length: length, protection: [.read, .write], flags: [.private, .anonymous, .fixed])
            case .move:
                return "\(try task.mremap(step.start, length, length, [.mayMove, .fixed], step.target))"
            case .fork:
                guard processes.count < 3 else { return "full" }
                _ = try task.fork(pid: 1000 + nextPid)
            case .exit:
                guard processes.count > 1 else { return "last" }
                task.exit()
            case .guards:
                try task.madvise(
                    start, length, (step.choice % 2 == 0 ? Advice.guardInstall : .guardRemove).rawValue)
            case .lock:
                if step.choice % 2 == 0 { try task.mlock(start, length) } else { try task.munlock(start, length) }
            case .pin:
                let flags: FollowFlags = [.write, .longTerm, []][step.choice % 3]
                return "\(try task.pinPages(start, min(length, 3 * page), flags).handle)"
            case .unpin: for pin in pins { try? task.unpin(pin) }
            case .pageOut: try task.madvise(start, length, Advice.pageOut.rawValue)
            case .act:
                let act = FolioAct.allCases[step.choice % FolioAct.allCases.count]
                return test.perform(act, process, start, target: step.target)
            }
            return "done"
        } catch { return "\(error)" }
    }

    private func compare(_ comment: String) {
        let (ones, others) = (folding.machine.processes, plain.machine.processes)
        #expect(ones.map { $0.pid } == others.map { $0.pid })
        for (one, other) in zip(ones, others) {
            #expect(summary(folding, one) == summary(plain, other), "\(comment)")
            comparePages(one, other, comment)
            one.checkInvariants()
        }
    }

    /// Accounts and areas, without what accessed and dirty tell.
    private func summary(_ test: TestMachine, _ process: Process) -> String {
        var text = "\(process.status()) \(process.space.count(SpaceCounter.minorFaults)) \(test.machine.frames.free)"
        for area in process.areaReports() {
            text += " \(area.start)-\(area.end) \(area.permissions) \(area.rss) \(area.pss)"
            text += " \(area.anonymous) \(area.locked)"
        }
        return text
    }

    private func comparePages(_ one: Process, _ other: Process, _ comment: String) {
        for start in [Self.base, Self.base + 0x40_0000] {
            let (a, b) = (table(one, start), table(other, start))
            #expect(a.isNone == b.isNone)
            if a.isNone || b.isNone { continue }
            let format = one.space.tables.format
            for place in 0..<Self.window {
                let index = format.index(start, level: 0) + place
                let entry = one.space.tables.load(folding.cpu, a, index)
                let expected = other.space.tables.load(plain.cpu, b, index)
                var same = entry == expected
                if format.isPresent(expected), format.isPresent(entry) {
                    same =
                        format.withoutAge(entry) == format.withoutAge(expected)
                        && format.hasAge(entry, of: expected)
                        && content(folding, format.frame(entry)) == content(plain, format.frame(expected))
                }
                if !same { Issue.record("page \(place): \(entry) instead of \(expected), \(comment)") }
            }
        }
    }

    private func table(_ process: Process, _ address: UInt64) -> FrameNumber {
        process.space.tables.table(process.main.cpu, address, level: 0)
    }

    private func content(_ test: TestMachine, _ frame: FrameNumber) -> UInt8 {
        test.memory.byte(test.cpu, frame, offset: 0)
    }
}

@Suite struct EquivalenceTests {
    /// 20 × 500 sequences; those of each argument run on one pair of machines.
    @Test(arguments: 1...20) func noCallerSeesABlock(_ seed: Int) throws {
        let twins = try Twins(seed: UInt64(seed))
        for sequence in 0..<500 {
            try twins.runSequence(steps: 4, comparingEach: sequence % 50 == 0)
        }
        #expect(twins.folding.counter(.contpteBlocksSet) > 1000 && twins.folding.counter(.contpteUnfolds) > 200)
        #expect(twins.plain.counter(.contpteBlocksSet) == 0 && twins.plain.counter(.contpteFolds) == 0)
        twins.folding.expectNothingLeft()
        twins.plain.expectNothingLeft()
    }
}

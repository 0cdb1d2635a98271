// Copy on write of large folios: who may write without a copy, by each policy, and the ranges that go beyond Linux. That a
// reuse was right is what INV-EXCL, the census of all mappings and the contents on both sides say after every step.

import Testing

@testable import Quire

@Suite struct ReuseTests {
    private let folio: UInt64 = 16 * page

    /// A folio of 64 KiB, forked; page i holds i + 1.
    private func forked(_ policy: String, sizes: [Int] = [64], range: String = "off") throws
        -> (TestMachine, UInt64, Process)
    {
        let test = try TestMachine(sizes: sizes)
        try test.machine.set("cow.reuse", policy)
        try test.machine.set("cow.range", range)
        let start = try test.map(folio)
        for place in 0..<16 as Range<UInt64> { _ = test.task.storeByte(start + place * page, UInt8(place) + 1) }
        return (test, start, try test.task.fork(pid: 2))
    }

    @Test(arguments: [("owner", 0), ("scan", 0), ("count", 15), ("small", 16)] as [(String, UInt64)])
    func copiesOfAFolioWhoseChildIsGone(_ policy: String, _ copies: UInt64) throws {
        let (test, start, child) = try forked(policy)
        child.main.exit()
        for place in 0..<16 as Range<UInt64> {
            _ = test.task.storeByte(start + place * page, 77)
            test.checkAll()
        }
        #expect(test.counter(.pagesCopied) == copies)
        test.expectNothingLeft()
    }

    @Test(arguments: ["owner", "scan", "count", "small"]) func sharedFolioIsNeverWrittenInPlace(_ policy: String) throws
    {
        let (test, start, child) = try forked(policy)
        // Each side writes half, in turns; then one of both goes.
        for place in 0..<8 as Range<UInt64> {
            _ = test.task.storeByte(start + 2 * place * page, 100)
            _ = child.main.storeByte(start + (2 * place + 1) * page, 200)
            test.checkAll()
        }
        for place in 0..<16 as Range<UInt64> {
            let isEven = place % 2 == 0
            #expect(test.byte(start + place * page) == (isEven ? 100 : UInt8(place) + 1))
            var seen: UInt8 = 0
            _ = child.main.load(start + place * page, 1) { seen = $0 }
            #expect(seen == (isEven ? UInt8(place) + 1 : 200))
        }
        child.main.exit()
        for place in 0..<16 as Range<UInt64> { _ = test.task.storeByte(start + place * page, 5) }
        test.checkAll()
        test.expectNothingLeft()
    }

    @Test(arguments: ["owner", "scan"]) func referenceOfSomebodyElseForbidsReuse(_ policy: String) throws {
        let (test, start, child) = try forked(policy)
        child.main.exit()
        let head = test.folio(start)!.head
        test.memory.refcount(head).add(test.cpu, 1, .refcount)
        _ = test.task.storeByte(start, 9)
        #expect(test.counter(.pagesCopied) == 1)
        test.memory.put(test.cpu, folio: head, count: 1)
        _ = test.task.storeByte(start + page, 9)
        #expect(test.counter(.pagesCopied) == 1)
        test.checkAll()
        test.expectNothingLeft()
    }

    @Test func scanDoesNotCountEntriesElsewhere() throws {
        let (test, start, child) = try forked("scan")
        child.main.exit()
        try test.task.mremap(start + 8 * page, 8 * page, 8 * page, [.mayMove, .fixed], start + 64 * span)
        _ = test.task.storeByte(start, 9)
        #expect(test.counter(.pagesCopied) == 1, "half of the references are out of sight")
        try test.machine.set("cow.reuse", "owner")
        _ = test.task.storeByte(start + page, 9)
        #expect(test.counter(.pagesCopied) == 1, "the folio knows its owner")
        test.checkAll()
        test.expectNothingLeft()
    }

    @Test func thirdSharerThatFoundNoPlaceCostsTheOwnerACopyAndTheScanNone() throws {
        // Linux 6.18 remembers two address spaces; the scan counts entries.
        for (policy, copies) in [("owner", 16), ("scan", 0)] as [(String, UInt64)] {
            let (test, start, child) = try forked(policy)
            let second = try test.task.fork(pid: 3)
            child.main.exit()
            test.task.exit()
            for place in 0..<16 as Range<UInt64> { _ = second.main.storeByte(start + place * page, 7) }
            #expect(test.counter(.pagesCopied) == copies, "\(policy)")
            second.checkInvariants()
            test.expectNothingLeft()
        }
    }

    @Test func lastMappedPageOfALargeFolioIsCopiedSoThatTheRestIsFree() throws {
        let (test, start, child) = try forked("owner")
        child.main.exit()
        try test.discard(start + page, 15 * page)
        let free = test.machine.frames.free
        _ = test.task.storeByte(start, 9)
        #expect(test.counter(.pagesCopied) == 1 && test.machine.frames.free == free + 15)
        test.checkAll()
        test.expectNothingLeft()
    }

    /// S2-07, S3-02: the decision is the folio's, the mark is the page's.
    @Test(arguments: 0..<16 as Range<UInt64>, [false, true])
    func writeToOnePageChangesItsEntryAlone(_ number: UInt64, _ childExits: Bool) throws {
        let test = try TestMachine(sizes: [64])
        let start = try test.map(folio)
        for place in 0..<16 as Range<UInt64> { _ = test.task.storeByte(start + place * page, UInt8(place) + 1) }
        let child = try test.task.fork(pid: 2)
        if childExits { child.main.exit() }
        let before = (0..<16 as Range<UInt64>).map { test.space.entry(test.cpu, start + $0 * page) }
        _ = test.task.storeByte(start + number * page, 99)
        for place in 0..<16 as Range<UInt64> {
            let entry = test.space.entry(test.cpu, start + place * page)
            let frame = test.tables.format.frame(entry)
            let isTheOne = place == number
            #expect((entry == before[Int(place)]) != isTheOne)
            #expect((frame == test.tables.format.frame(before[Int(place)])) == (!isTheOne || childExits))
            #expect(test.memory.has(test.cpu, frame, FrameFlags.anonExclusive) == isTheOne)
            #expect(test.byte(start + place * page) == (isTheOne ? 99 : UInt8(place) + 1))
        }
        #expect(test.counter(.pagesCopied) == (childExits ? 0 : 1))
        test.checkAll()
        test.expectNothingLeft()
    }

    // MARK: Somebody else at the same time

    /// What an intruder pinned, for whoever checks afterwards.
    private final class Pinned { var handle: Int? }

    /// A write to page 5 of a folio, and at every point of it a read pin of page 7 by another CPU.
    private func pinAtEveryPoint(_ settings: [String], childExits: Bool) throws {
        let pinned = Pinned()
        let points = try TestMachine.atEveryPoint { test in
            for size in [16, 32, 64, 128, 256, 512, 1024, 2048] {
                try test.machine.set(hugeFolder + "hugepages-\(size)kB/enabled", size == 64 ? "always" : "never")
            }
            for setting in settings {
                let parts = setting.split(separator: "=")
                try test.machine.set(String(parts[0]), String(parts[1]))
            }
            pinned.handle = nil
            let start = try test.map(folio)
            for place in 0..<16 as Range<UInt64> { _ = test.task.storeByte(start + place * page, 3) }
            let child = try test.task.fork(pid: 2)
            if childExits { child.main.exit() }
            return start
        } victim: { task, start in
            _ = task.storeByte(start + 5 * page, 9)
        } intruder: { task, start in
            pinned.handle = try? task.pinPages(start + 7 * page, page, []).handle
        } check: { test, start in
            // INV-PIN: what was pinned is what is mapped, whatever the fault copied.
            test.checkAll()
            #expect(test.byte(start + 5 * page) == 9 && test.byte(start + 7 * page) == 3)
            _ = test.task.storeByte(start + 7 * page, 4)
            test.checkAll()
            if let handle = pinned.handle { try? test.task.unpin(handle) }
        }
        #expect(points > 0)
    }

    @Test func copiedRangeLeavesOutWhatSomebodyPinsMeanwhile() throws {
        // S2-06, R-14.
        try pinAtEveryPoint(["cow.range=on"], childExits: false)
    }

    @Test(arguments: ["owner", "scan"]) func reuseAndPinAgreeWhoseThePageIs(_ policy: String) throws {
        // S2-10, R-15.
        try pinAtEveryPoint(["cow.reuse=" + policy, "cow.range=on"], childExits: true)
        try pinAtEveryPoint(["cow.reuse=" + policy], childExits: true)
    }

    // MARK: Ranges

    @Test func runOfOwnPagesBecomesWritableAtOnceAndStopsAtWhatIsNot() throws {
        let (test, start, child) = try forked("owner", range: "on")
        child.main.exit()
        let faults = test.status.minorFaults
        try test.task.mprotect(start + 12 * page, 4 * page, .read)
        _ = test.task.storeByte(start + 5 * page, 9)
        for place in 0..<12 as Range<UInt64> { _ = test.task.storeByte(start + place * page, 9) }
        #expect(test.status.minorFaults == faults + 1, "one fault for the area's part of the folio")
        #expect(!test.tables.format.isWritable(test.entry(start + 12 * page)))
        #expect(test.counter(.pagesCopied) == 0)
        test.checkAll()
        test.expectNothingLeft()
    }

    @Test func rangeThatIsCopiedHasNoExclusivePage() throws {
        // S2-08: a page pinned after a fork is the parent's own between shared ones.
        let test = try TestMachine(sizes: [64])
        let start = try test.map(folio)
        for place in 0..<16 as Range<UInt64> { _ = test.task.storeByte(start + place * page, UInt8(place) + 1) }
        let child = try test.task.fork(pid: 2)
        let pin = try test.task.pinPages(start + 2 * page, page, .write)
        let pinned = test.space.mappedFrame(test.cpu, start + 2 * page)
        #expect(test.counter(.pagesCopied) == 1)
        try test.machine.set("cow.range", "on")
        _ = test.task.storeByte(start, 50)
        #expect(test.space.mappedFrame(test.cpu, start + 2 * page) == pinned, "INV-PIN")
        #expect(test.folio(start)?.order == 0, "no aligned range of 16 kB or more is free of it")
        _ = test.task.storeByte(start + 8 * page, 50)
        #expect(test.folio(start + 8 * page)?.order == 0, "only 64 kB folios are allowed")
        try test.machine.set(hugeFolder + "hugepages-32kB/enabled", "always")
        _ = test.task.storeByte(start + 9 * page, 50)
        #expect(test.folio(start + 9 * page)?.order == 0, "page 8 is this side's own by now")
        try test.machine.set(hugeFolder + "hugepages-64kB/enabled", "never")
        _ = child.main.storeByte(start + 8 * page, 60)
        #expect(test.folio(start + 8 * page, of: child)?.order == 3)
        for place in 0..<16 as Range<UInt64> {
            var seen: UInt8 = 0
            _ = child.main.load(start + place * page, 1) { seen = $0 }
            #expect(seen == (place == 8 ? 60 : UInt8(place) + 1))
        }
        test.checkAll()
        try test.task.unpin(pin.handle)
        test.expectNothingLeft()
    }

    @Test func zeroPagesGiveWayToAFolioAtOnce() throws {
        let test = try TestMachine(sizes: [64])
        try test.machine.set("cow.range", "on")
        let start = try test.map(2 * folio)
        for place in 0..<32 as Range<UInt64> { _ = test.byte(start + place * page) }
        _ = test.task.storeByte(start + 3 * page, 1)
        #expect(test.folio(start)?.order == 4 && test.status.anonymous == 64)
        #expect(test.byte(start + 3 * page) == 1 && test.byte(start + 4 * page) == 0)
        test.checkAll()
        test.expectNothingLeft()
    }

    /// The ranges by trying all of them.
    private func longestRun(_ accepted: [Bool], _ index: Int, _ bounds: Range<Int>) -> Range<Int> {
        var best = index..<(index + 1)
        for first in bounds where first <= index {
            for end in (index + 1)..<(bounds.upperBound + 1) where (first..<end).allSatisfy({ accepted[$0] }) {
                if end - first > best.count { best = first..<end }
            }
        }
        return best
    }

    @Test func rangesAreThoseOfBruteForce() {
        var random = SeededRandom(seed: 7)
        for _ in 0..<3000 {
            let accepted = (0..<32).map { _ in !random.oneIn(4) }
            let low = random.below(32)
            let bounds = low..<(low + 1 + random.below(32 - low))
            let index = bounds.lowerBound + random.below(bounds.count)
            guard accepted[index] else { continue }
            let expected = longestRun(accepted, index, bounds)
            #expect(WriteRange.run(around: index, in: bounds) { accepted[$0] } == expected)
            let orders = Orders(rawValue: UInt16(random.below(32)) << 2)
            var block: (Int, Int)?
            for order in 2...6 where orders.contains(Orders(order: order)) {
                let first = (index >> order) << order
                if (first..<(first + (1 << order))).allSatisfy({ bounds.contains($0) && accepted[$0] }) {
                    block = (first, order)
                }
            }
            let found = WriteRange.block(around: index, in: bounds, orders) { accepted[$0] }
            #expect(found?.first == block?.0 && found?.order == block?.1)
        }
    }

    @Test func layoutsOfRealOperationsAreRightInEveryPolicy() throws {
        // S2-08, S2-09: pins, DONTFORK, partial mremap, writes on either side, exits; contents of both sides are checked.
        for seed in 1...24 as ClosedRange<UInt64> {
            let policy = ["owner", "scan", "count", "small"][Int(seed % 4)]
            var layout = try MixedLayout(seed: seed, policy: policy, range: seed % 3 != 0)
            try layout.run()
        }
    }
}

/// Random operations on folios of two or three processes, beside what each byte must be. Memory lies in a window of which half
/// is mapped at first; mremap moves parts of it about.
private struct MixedLayout {
    let test: TestMachine
    var random: SeededRandom
    let base: UInt64 = 0x1000_0000_0000
    let pages: UInt64 = 192
    var bytes: [Int: [UInt64: UInt8]] = [:]
    var nextPid = 2
    var pins: [Int] = []

    init(seed: UInt64, policy: String, range: Bool) throws {
        random = SeededRandom(seed: seed)
        test = try TestMachine(sizes: seed % 2 == 0 ? [16, 64] : [32, 128])
        try test.machine.set("cow.reuse", policy)
        try test.machine.set("cow.range", range ? "on" : "off")
        _ = try test.map(pages / 2 * page, at: base)
        bytes[1] = [:]
    }

    mutating func run() throws {
        for _ in 0..<120 {
            try step()
            test.checkAll()
        }
        for process in test.machine.processes { expectContents(process) }
        for pin in pins { try? test.machine.processes[0].main.unpin(pin) }  // A pin ends with its process.
        test.expectNothingLeft()
    }

    private mutating func step() throws {
        let all = test.machine.processes
        let process = all[random.below(all.count)]
        let at = base + UInt64(random.below(Int(pages))) * page
        let length = Swift.min(UInt64(1 + random.below(20)) * page, base + pages * page - at)
        switch random.below(15) {
        case 12: move(process, at, length)
        case 13: try fillHoles(process, at, length)
        case 14: act(process, at)
        case 0 where all.count < 3:
            let child = try process.main.fork(pid: nextPid)
            bytes[nextPid] = bytes[process.pid]!.filter { isMapped(child, $0.key) }
            nextPid += 1
        case 1 where all.count > 1:
            process.main.exit()
            bytes[process.pid] = nil
        case 2:
            try? process.main.madvise(at, length, Advice.dontNeed.rawValue)
            for place in 0..<(length / page) { bytes[process.pid]![at + place * page] = nil }
        case 3: try? process.main.madvise(at, length, (random.oneIn(2) ? Advice.dontFork : .doFork).rawValue)
        case 4:
            if let pin = try? process.main.pinPages(at, page, random.oneIn(2) ? .write : []) { pins.append(pin.handle) }
        case 5: expectContents(process)
        default:
            for place in 0..<(length / page) where random.oneIn(2) {
                let value = UInt8(1 + random.below(250))
                if process.main.storeByte(at + place * page, value) == .done {
                    bytes[process.pid]![at + place * page] = value
                }
            }
        }
    }

    /// mremap of a part of an area to elsewhere in the window, aligned or not.
    private mutating func move(_ process: Process, _ at: UInt64, _ length: UInt64) {
        let target = base + UInt64(random.below(Int(pages - length / page) + 1)) * page
        let area = process.space.areas.find(at)
        guard !area.isNone, test.core.areas[area].start <= at, at + length <= test.core.areas[area].end,
            target + length <= at || at + length <= target,
            (try? process.main.mremap(at, length, length, [.mayMove, .fixed], target)) != nil
        else { return }
        for place in 0..<(length / page) {
            bytes[process.pid]![target + place * page] = bytes[process.pid]!.removeValue(forKey: at + place * page)
        }
    }

    /// Fresh memory in a range.
    private mutating func fillHoles(_ process: Process, _ at: UInt64, _ length: UInt64) throws {
        _ = try process.main.mmap(
            at, length: length, protection: [.read, .write], flags: [.private, .anonymous, .fixed])
        for place in 0..<(length / page) { bytes[process.pid]![at + place * page] = nil }
    }

    private mutating func act(_ process: Process, _ at: UInt64) {
        let act = FolioAct.allCases[random.below(FolioAct.allCases.count)]
        let target = base + UInt64(random.below(Int(pages))) * page
        let wasHeld = !process.space.mappedFrame(test.cpu, at).isNone
        guard test.perform(act, process, at, target: target) == "\(page)", wasHeld else { return }
        bytes[process.pid]![target] = bytes[process.pid]!.removeValue(forKey: at)
    }

    private func isMapped(_ process: Process, _ address: UInt64) -> Bool {
        let area = process.space.areas.find(address)
        return !area.isNone && test.core.areas[area].start <= address
    }

    private func expectContents(_ process: Process) {
        for place in 0..<pages where isMapped(process, base + place * page) {
            var seen: UInt8 = 0
            _ = process.main.load(base + place * page, 1) { seen = $0 }
            #expect(seen == bytes[process.pid]![base + place * page] ?? 0)
        }
    }
}

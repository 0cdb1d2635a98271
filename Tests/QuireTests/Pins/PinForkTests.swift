// The pin without a lock against fork (S2-03, S2-13): the whole pin at every point of a fork, and the fork, or its first part, at
// every point of the pin. The fork sequence keeps a page from being pinned here and shared there.

import Testing

@testable import Quire

/// What is pinned while a fork runs.
private struct PinCase: CustomTestStringConvertible, Sendable {
    var flags: FollowFlags
    /// The process may not write the page, which is its own nevertheless: fork leaves the entry as it is, so that reading the
    /// entry again tells nothing.
    var isReadOnly = false
    var sizes: [Int] = []
    /// As few as will do: a fork has a point for each.
    var pages: UInt64 { UInt64(sizes.first ?? 4) / 4 }

    var testDescription: String {
        (flags.contains(.write) ? "written" : "read") + (isReadOnly ? ", not writable" : "") + " \(sizes)"
    }

    static let all = [
        PinCase(flags: .write), PinCase(flags: []), PinCase(flags: [], isReadOnly: true),
        PinCase(flags: .write, sizes: [16]), PinCase(flags: [], isReadOnly: true, sizes: [16]),
    ]
}

@Suite struct PinForkTests {
    private func prepare(_ test: TestMachine, _ pinCase: PinCase) throws -> UInt64 {
        for size in pinCase.sizes {
            try test.machine.set("/sys/kernel/mm/transparent_hugepage/hugepages-\(size)kB/enabled", "always")
        }
        let start = try test.map(pinCase.pages * page, at: 0x1000_0000_0000)
        _ = test.task.storeByte(start, 5)
        if pinCase.isReadOnly { try test.task.mprotect(start, pinCase.pages * page, .read) }
        return start
    }

    /// INV-PIN: the page stays the parent's whoever writes first, and the child has what was there before.
    private func expectKept(
        _ test: TestMachine, _ pinCase: PinCase, _ start: UInt64, _ frame: FrameNumber, _ comment: Comment
    ) throws {
        #expect(test.space.mappedFrame(test.cpu, start) == frame, comment)
        #expect(test.space.isExclusive(test.cpu, frame), comment)
        try test.task.mprotect(start, pinCase.pages * page, [.read, .write])
        _ = test.task.storeByte(start, 6)
        #expect(test.space.mappedFrame(test.cpu, start) == frame, comment)
        var seen: UInt8 = 0
        _ = test.machine.process(2)?.main.load(start, 1) { seen = $0 }
        #expect(seen == 5, comment)
    }

    @Test(arguments: PinCase.all) fileprivate func pinAtAnyPointOfAForkKeepsItsPage(_ pinCase: PinCase) throws {
        let times = try TestMachine.pinnedAtEveryPoint(pinCase.flags) { test in
            try prepare(test, pinCase)
        } victim: { test, _ in
            _ = try? test.task.fork(pid: 2)
        } check: { test, start, frame in
            do { try expectKept(test, pinCase, start, frame, "pinned in the middle") } catch { Issue.record(error) }
        }
        #expect(times > 20)
    }

    /// What the pin came to.
    private final class Pinned: @unchecked Sendable { var handle: Int? }

    @Test(arguments: [PinCase.all[1], PinCase.all[3]])
    fileprivate func forkOrPartOfItAtAnyPointOfAPinLeavesThePageToThePin(
        _ pinCase: PinCase
    ) throws {
        var (first, second, schedules) = (0, 0, 0)
        while true {
            let test = try TestMachine {
                $0.mode = .explored
                $0.cpus = 2
                $0.memory = 32 << 20
            }
            let start = try prepare(test, pinCase)
            // CPU 0 from the first look at the fork sequence to the second; CPU 1 while the sequence is odd. Only what the
            // two have in common: entries, the frame's record, the sequence.
            let shared: Set<SyncName> = [.sequence, .entry, .frameFlags, .refcount, .mapcount]
            var isInside = [false, false]
            let hook = TwoSwitches(after: [first, second]) { event, index in
                if event.name == .sequence { isInside[index] = event.kind == .load || !isInside[index] }
                // The fork decides by the frame's record; its looks at entries, which the pin does not change, are no points.
                if index == 1, event.name == .entry, event.kind == .load { return false }
                return isInside[index] && shared.contains(event.name)
            }
            test.machine.environment.hook = hook
            let other = Handed(test.process.makeTask(tid: 2, cpu: 1))
            let pinned = Pinned()
            hook.run {
                pinned.handle = try? test.task.pinPages(start, page, pinCase.flags).handle
            } beside: {
                _ = try? other.value.fork(pid: 2)
            }
            test.machine.environment.hook = nil
            let comment: Comment = "fork after \(first) points, and back after \(second)"
            let handle = try #require(pinned.handle)
            if hook.hasSwitched[0] {
                schedules += 1
                let record = test.core.pins[test.core.pins.handle(at: test.core.firstPin)]
                try expectKept(test, pinCase, start, record.frame, comment)
            }
            test.checkAll()
            try test.task.unpin(handle)
            test.expectNothingLeft(comment)
            guard hook.hasSwitched[0] else { break }
            // The fork ran to its end: on to the pin's next point.
            if hook.hasSwitched[1] { second += 1 } else { (first, second) = (first + 1, 0) }
        }
        #expect(schedules > 100)
    }
}

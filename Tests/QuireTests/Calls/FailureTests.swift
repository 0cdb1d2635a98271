// Failure injection: every allocation of a frame or of a record that a call makes fails once. The call says so (or does
// without), the address space stays in order, and nothing leaks.

import Testing

@testable import Quire

/// A call to be starved, and what was there before.
struct StarvedCall: Sendable, CustomStringConvertible {
    var description: String
    /// Prepares the machine; the address goes to `run`.
    var prepare: @Sendable (TestMachine) throws -> UInt64
    /// True: it succeeded.
    var run: @Sendable (TestMachine, UInt64) -> Bool
    /// What must hold whether it succeeded or not.
    var check: @Sendable (TestMachine, UInt64, Bool) -> Void = { _, _, _ in }
}

private func succeeds(_ body: () throws -> Void) -> Bool { (try? body()) != nil }

/// Three pages with 1, 2 and 3 in them.
@Sendable private func threePages(_ test: TestMachine) throws -> UInt64 {
    let start = try test.map(8 * page, at: 0x4000_0000)
    for place in 0..<3 as Range<UInt64> { _ = test.task.storeByte(start + place * page, UInt8(place) + 1) }
    return start
}

@Sendable private func expectThree(_ test: TestMachine, _ start: UInt64) {
    let bytes = (0..<3 as Range<UInt64>).map { test.byte(start + $0 * page) }
    #expect(bytes == [1, 2, 3])
}

private let calls: [StarvedCall] = [
    StarvedCall(description: "mmap and touch") { _ in
        0
    } run: { test, _ in
        guard let start = try? test.map(span) else { return false }
        return test.task.touchWrite(start, 20 * page) == .done
    },
    StarvedCall(description: "read a file") {
        let fd = try $0.task.openRecorded("/data", size: 1 << 30)
        return try $0.task.mmap(length: 1 << 30, protection: .read, flags: .private, fd: fd)
    } run: { test, start in
        test.task.access(start + (1 << 29), .read) == .done
    },
    StarvedCall(description: "write a private file") {
        let fd = try $0.memoryFile(pages: 4)
        return try $0.task.mmap(length: span, protection: [.read, .write], flags: .private, fd: fd)
    } run: { test, start in
        test.task.touchWrite(start, 3 * page) == .done
    },
    StarvedCall(description: "shared memory") { _ in
        0
    } run: { test, _ in
        guard
            let start = try? test.task.mmap(
                length: span, protection: [.read, .write], flags: [.shared, .anonymous])
        else { return false }
        return test.task.touchWrite(start, 3 * page) == .done
    },
    StarvedCall(description: "mprotect in the middle", prepare: threePages) { test, start in
        succeeds { try test.task.mprotect(start + page, page, .read) }
    } check: { test, start, _ in
        expectThree(test, start)
    },
    StarvedCall(description: "munmap in the middle", prepare: threePages) { test, start in
        succeeds { try test.task.munmap(start + 4 * page, page) }
    } check: { test, start, done in
        expectThree(test, start)
        #expect(test.status.size == (done ? 28 : 32))
    },
    StarvedCall(description: "fork", prepare: threePages) { test, start in
        succeeds { _ = try test.task.fork(pid: 2) }
    } check: { test, start, done in
        expectThree(test, start)
        test.machine.process(2)?.checkInvariants()
        #expect((test.machine.process(2) != nil) == done)
    },
    StarvedCall(description: "fork and write") {
        let start = try threePages($0)
        _ = try $0.task.fork(pid: 2)
        return start
    } run: { test, start in
        test.task.storeByte(start + 5 * page, 7) == .done && test.task.storeByte(start, 1) == .done
    } check: { test, start, _ in
        expectThree(test, start)
        test.machine.process(2)!.checkInvariants()
    },
    StarvedCall(description: "fork of a fork") {
        let start = try threePages($0)
        _ = try $0.task.fork(pid: 2).main.fork(pid: 3)
        return start
    } run: { test, start in
        succeeds { _ = try test.machine.process(3)!.main.fork(pid: 4) }
    } check: { test, start, _ in
        expectThree(test, start)
    },
    StarvedCall(description: "mremap elsewhere", prepare: threePages) { test, start in
        succeeds { try test.task.mremap(start, 8 * page, 8 * page, [.mayMove, .fixed], 0x7f00_0000_1000) }
    } check: { test, start, done in
        expectThree(test, done ? 0x7f00_0000_1000 : start)
        #expect(test.status.size == 32)
    },
    StarvedCall(description: "mremap of a part", prepare: threePages) { test, start in
        succeeds { try test.task.mremap(start + page, page, page, [.mayMove, .fixed], start - 2 * page) }
    } check: { test, start, done in
        #expect(test.byte(start) == 1 && test.byte(start + 2 * page) == 3)
        #expect(test.byte(done ? start - 2 * page : start + page) == 2)
        // Where the old area could not be split, what moved away from it is still mapped, and empty.
        #expect([32, 36].contains(test.status.size))
    },
    StarvedCall(description: "mremap to a place that merges") {
        // Written at its place and moved away; back there it joins the area below, which has no anon_vma.
        let start = try threePages($0)
        try $0.task.mremap(start, 8 * page, 8 * page, [.mayMove, .fixed], 0x7f00_0000_1000)
        _ = try $0.map(4 * page, at: start - 4 * page)
        return start
    } run: { test, start in
        succeeds { try test.task.mremap(0x7f00_0000_1000, 8 * page, 8 * page, [.mayMove, .fixed], start) }
    } check: { test, start, done in
        expectThree(test, done ? start : 0x7f00_0000_1000)
        #expect(test.status.size == 48)
        if done { #expect(test.process.areaReports().count <= 2) }
    },
    StarvedCall(description: "mremap of whole tables and parts") {
        let start = try $0.map(3 * span, at: 0x4000_0000)
        for place in 0..<3 as Range<UInt64> { _ = $0.task.storeByte(start + place * 700 * page, UInt8(place) + 1) }
        return start
    } run: { test, start in
        succeeds { try test.task.mremap(start, 3 * span, 3 * span, [.mayMove, .fixed], start + 512 * span) }
            && succeeds {
                try test.task.mremap(start + 512 * span, 3 * span, 4 * span, [.mayMove, .fixed], start + page)
            }
    } check: { test, start, _ in
        let at = test.process.areaReports()[0].start
        let bytes = (0..<3 as Range<UInt64>).map { test.byte(at + $0 * 700 * page) }
        #expect(bytes == [1, 2, 3])
    },
    StarvedCall(description: "madvise in the middle", prepare: threePages) { test, start in
        succeeds { try test.task.madvise(start + page, page, Advice.sequential.rawValue) }
    } check: { test, start, _ in
        expectThree(test, start)
    },
    StarvedCall(description: "guards", prepare: threePages) { test, start in
        succeeds { try test.task.madvise(start + 4 * page, 2 * page, Advice.guardInstall.rawValue) }
    } check: { test, start, _ in
        expectThree(test, start)
    },
    StarvedCall(description: "brk") {
        $0.process.setHeap(start: 0x100_0000)
        return 0x100_0000
    } run: { test, start in
        test.task.brk(start + 10 * page) == start + 10 * page && test.task.touchWrite(start, 10 * page) == .done
    },
    StarvedCall(description: "execve", prepare: threePages) { test, _ in
        succeeds { try test.task.execve() }
    } check: { test, start, done in
        if !done { expectThree(test, start) }
    },
    StarvedCall(description: "give back") {
        let start = try $0.map(span)
        $0.task.touchWrite(start, 20 * page)
        return start
    } run: { test, start in
        succeeds { try test.discard(start, span) }
    } check: { test, start, done in
        #expect(test.status.anonymous == 0)
        #expect(done)
    },
]

@Suite struct FailureTests {
    /// Runs a call with the n-th allocation failing, for n = 0, 1, … until it needs fewer.
    private func starve(
        _ call: StarvedCall, _ begin: (TestMachine, Int) -> Void, _ isOver: (TestMachine) -> Bool,
        _ end: (TestMachine) -> Void
    ) throws {
        for count in 0..<200 {
            let test = try TestMachine { $0.memory = 32 << 20 }
            let address = try call.prepare(test)
            begin(test, count)
            let done = call.run(test, address)
            let wasStarved = isOver(test)
            end(test)
            test.process.checkInvariants()
            call.check(test, address, done)
            for process in test.machine.processes { process.checkInvariants() }
            test.expectNothingLeft("allocation \(count), \(done ? "done" : "refused")")
            if !wasStarved {
                #expect(done, "nothing failed, so it must succeed")
                return
            }
        }
        Issue.record("it never had enough")
    }

    @Test(arguments: calls) func everyFrameMayBeRefused(_ call: StarvedCall) throws {
        try starve(
            call, { $0.memory.fail(after: $1) }, { unsafe $0.memory.zone.pointee.failCountdown == 0 },
            { $0.memory.fail(after: -1) })
    }

    @Test(arguments: calls) func everyAreaMayBeRefused(_ call: StarvedCall) throws {
        try starve(
            call, { $0.core.areas.fail(after: $1) }, { !$0.core.areas.isFailing }, { $0.core.areas.fail(after: -1) })
    }

    @Test(arguments: calls) func everyAnonVMAMayBeRefused(_ call: StarvedCall) throws {
        try starve(
            call, { $0.core.anonVMAs.fail(after: $1) }, { !$0.core.anonVMAs.isFailing },
            { $0.core.anonVMAs.fail(after: -1) })
    }

    @Test(arguments: calls) func everyLinkMayBeRefused(_ call: StarvedCall) throws {
        try starve(
            call, { $0.core.links.fail(after: $1) }, { !$0.core.links.isFailing }, { $0.core.links.fail(after: -1) })
    }

    @Test(arguments: calls) func everyTreeNodeAndFileMayBeRefused(_ call: StarvedCall) throws {
        try starve(
            call, { $0.core.nodes.fail(after: $1) }, { !$0.core.nodes.isFailing }, { $0.core.nodes.fail(after: -1) })
        try starve(
            call, { $0.core.files.fail(after: $1) }, { !$0.core.files.isFailing }, { $0.core.files.fail(after: -1) })
    }

    /// All pools at once, as `failRecords` does it.
    @Test func failingRecordsOfEveryKind() throws {
        for count in 0..<6 {
            let test = try TestMachine()
            let start = try threePages(test)
            test.core.failRecords(after: count)
            _ = try? test.task.fork(pid: 2)
            _ = try? test.task.mprotect(start + page, page, .read)
            test.core.failRecords(after: -1)
            expectThree(test, start)
            for process in test.machine.processes { process.checkInvariants() }
            test.expectNothingLeft("after \(count)")
        }
    }
}

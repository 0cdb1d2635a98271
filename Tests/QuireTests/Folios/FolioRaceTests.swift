// What happens to a folio while somebody comes in between at every single point: a store by hardware is not lost, a pin keeps
// its page, and whoever walks without a lock never takes memory that is there for memory that is not.

import Testing

@testable import Quire

private let folio = 16 * page

@Suite struct FolioRaceTests {
    private func lazilyFree(_ test: TestMachine, _ pages: UInt64) throws -> UInt64 {
        let start = try test.map(pages == 512 ? 2 * span : pages * page, at: 0x1000_0000_0000)
        test.task.touchWrite(start, pages * page)
        try test.advise(start, pages * page, .free)
        return start
    }

    @Test(arguments: [1, 16, 512] as [UInt64]) func storeWhileMemoryIsPagedOutIsNotLost(_ pages: UInt64) throws {
        let times = try TestMachine.onceAtEveryPoint(sizes: pages == 1 ? [] : pages == 16 ? [64] : [2048]) { test in
            try lazilyFree(test, pages)
        } victim: { test, start in
            try? test.advise(start, pages * page, .pageOut)
        } act: { test, start in
            test.storeByHardware(start)
        } check: { test, start in
            #expect(!test.space.mappedFrame(test.cpu, start).isNone, "what was written after MADV_FREE stays")
        }
        #expect(times > 10)
    }

    @Test(arguments: [1, 16, 512] as [UInt64]) func pinWhileMemoryIsPagedOutKeepsThePage(_ pages: UInt64) throws {
        let times = try TestMachine.pinnedAtEveryPoint([.write], sizes: pages == 1 ? [] : pages == 16 ? [64] : [2048]) {
            try lazilyFree($0, pages)
        } victim: { test, start in
            try? test.advise(start, pages * page, .pageOut)
        } check: { test, start, frame in
            #expect(test.space.mappedFrame(test.cpu, start) == frame, "INV-PIN")
        }
        #expect(times > 10)
    }

    /// Whether a walk without locks finds the PMD entry of the first span at every point of `victim`.
    private func isAlwaysFound(_ victim: (TestMachine, UInt64) throws -> Void) throws -> Bool {
        let test = try TestMachine(sizes: [2048]) {
            $0.mode = .explored
            $0.cpus = 2
        }
        let start = try test.map(2 * span, at: 0x1000_0000_0000)
        _ = test.byte(start)
        _ = test.task.storeByte(start + span, 1)
        let watcher = Watcher {
            let found = [start, start + span].map { test.space.tables.nextPMD(test.machine.cpu(1), $0, $0 + span) }
            return found == [start, start + span]
        }
        test.machine.environment.hook = watcher
        try victim(test, start)
        test.machine.environment.hook = nil
        #expect(watcher.points > 10)
        test.expectNothingLeft()
        return watcher.wasAlwaysTrue
    }

    @Test(arguments: [Advice.cold, .free, .pageOut]) func leafIsNeverNoneWhileItIsChanged(_ advice: Advice) throws {
        // In part, so that it is taken apart; whole, so that its age changes.
        for length in [span / 2, span] {
            #expect(try isAlwaysFound { test, start in try test.advise(start + span, length, advice) })
        }
    }

    @Test func hugeZeroPageThatIsWrittenIsNeverNone() throws {
        #expect(try isAlwaysFound { test, start in _ = test.task.storeByte(start, 1) })
    }

    /// What an intruder pinned.
    private final class Pinned { var handle: Int? }

    @Test(arguments: [[], [64]]) func copyForAWriteLeavesAPageThatBecameItsOwnAndWasPinned(_ sizes: [Int]) throws {
        let pinned = Pinned()
        let points = try TestMachine.atEveryPoint { test in
            for size in [16, 32, 64, 128, 256, 512, 1024, 2048] {
                let policy = sizes.contains(size) ? "always" : "never"
                try test.machine.set(hugeFolder + "hugepages-\(size)kB/enabled", policy)
            }
            pinned.handle = nil
            let start = try test.map(folio)
            test.task.touchWrite(start, folio)
            _ = try test.task.fork(pid: 2)
            return start
        } victim: { task, start in
            _ = task.storeByte(start, 9)
        } intruder: { task, start in
            // Alone again: a pin for reading makes the page this side's own without a copy.
            try? task.process.machine.process(2)?.makeTask(tid: 3, cpu: 1).madvise(
                start, folio, Advice.dontNeed.rawValue)
            pinned.handle = try? task.pinPages(start, page, []).handle
        } check: { test, start in
            test.checkAll()
            #expect(test.byte(start) == 9)
            if let handle = pinned.handle { try? test.task.unpin(handle) }
        }
        #expect(points > 0)
    }

    @Test func zeroPagesGiveTheirChargeBack() throws {
        let test = try TestMachine(sizes: [2048])
        try test.machine.set("unaccount", "exact")
        let start = try test.map(2 * span, at: 0x1000_0000_0000)
        test.task.touchWrite(start, 8 * page)
        try test.task.mprotect(start, 2 * span, .read)
        try test.advise(start, 16 * page, .free)
        test.machine.checkInvariants()
        #expect(test.status.anonymous < 2048)
        test.checkAll()
        test.expectNothingLeft()
    }

    @Test func userfaultfdGetsNoLargeFolios() throws {
        let test = try TestMachine(sizes: [64, 2048])
        let start = try test.map(2 * span, at: 0x1000_0000_0000)
        let context = try #require(test.core.userfaults.allocate(test.cpu, UserfaultContext(space: test.space.number)))
        try test.space.registerUserfault(test.cpu, context, start, start + 2 * span, .userfaultWriteProtect)
        _ = test.task.storeByte(start, 1)
        #expect(test.folio(start)?.order == 0)
        test.space.releaseUserfault(test.cpu, context)
        test.checkAll()
        test.expectNothingLeft()
    }

    @Test func collapseOfWhatIsAnotherMappingByThenIsRefused() throws {
        let points = try TestMachine.atEveryPoint(takesMmapLock: true) { test in
            let start = try test.map(2 * span, at: 0x1000_0000_0000)
            test.task.touchWrite(start, 4 * page)
            return start
        } victim: { task, start in
            try? task.madvise(start, span, Advice.collapse.rawValue)
        } intruder: { task, start in
            _ = try? task.mmap(
                start, length: 2 * span, protection: [.read, .write], flags: [.shared, .anonymous, .fixed])
        }
        #expect(points > 0)
    }
}

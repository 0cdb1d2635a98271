// Folios taken out of every mapping and put back, moved to other frames, moved to other addresses, and made shared: what
// nobody else may notice, and what a pin forbids.

import Testing

@testable import Quire

/// What page number `place` holds: never zeroes, which a split gives back.
private func content(_ place: UInt64) -> UInt8 { UInt8(place % 255 + 1) }

@Suite struct UnmapFolioTests {
    /// Memory of pages 1, 2, 3, … in folios of one size.
    private func written(_ sizes: [Int], pages: UInt64, locked: Bool = false) throws -> (TestMachine, UInt64) {
        let test = try TestMachine(sizes: sizes) { $0.cpus = 2 }
        let start = try test.map(pages * page, at: 0x1000_0000_0000)
        for place in 0..<pages { _ = test.task.storeByte(start + place * page, content(place)) }
        if locked { try test.task.mlock(start, pages * page) }
        return (test, start)
    }

    private func expectContents(_ test: TestMachine, _ start: UInt64, pages: UInt64, of process: Process? = nil) {
        let task = (process ?? test.process).main
        for place in 0..<pages {
            var seen: UInt8 = 0
            _ = task.load(start + place * page, 1) { seen = $0 }
            #expect(seen == content(place))
        }
    }

    /// Another CPU's task: one that holds no lock while CPU 0 holds the folio's.
    private func other(_ test: TestMachine) -> Quire.Task { test.process.makeTask(tid: 2, cpu: 1) }

    /// Unmaps the folio at an address, lets `body` look, and puts it back.
    private func unmapped(
        _ test: TestMachine, _ start: UInt64, _ kind: UnmappedAs, _ body: (Bool) throws -> Void
    ) throws {
        let head = try #require(test.folio(start)).head
        let lock = test.memory.folioLock(head)
        lock.lock(test.cpu)
        test.memory.refcount(head).add(test.cpu, 1, .refcount)
        guard let unmapped = test.core.tryToUnmap(test.cpu, head, as: kind) else {
            Issue.record("nothing maps the folio")
            return
        }
        try body(unmapped.isComplete)
        test.core.putBack(test.cpu, unmapped)
        lock.unlock(test.cpu)
        test.memory.put(test.cpu, folio: head, count: 1)
    }

    @Test(arguments: [[], [64], [2048]], [false, true])
    func folioComesBackAsItWas(_ sizes: [Int], _ isSwap: Bool) throws {
        let pages: UInt64 = sizes == [2048] ? 512 : 16
        let (test, start) = try written(sizes, pages: pages)
        let ofFolio = sizes.isEmpty ? 1 : pages
        try unmapped(test, start, isSwap ? .swap(slot: 7) : .migration) { isComplete in
            #expect(isComplete)
            #expect(test.status.anonymous == (isSwap ? (pages - ofFolio) * 4 : pages * 4))
            #expect(test.status.swap == (isSwap ? ofFolio * 4 : 0))
        }
        #expect(test.status.anonymous == pages * 4 && test.status.swap == 0)
        expectContents(test, start, pages: pages)
        let copied = test.counter(.pagesCopied)
        _ = test.task.storeByte(start, 1)
        #expect(test.counter(.pagesCopied) == copied, "still this mapping's alone")
        test.checkAll()
        test.expectNothingLeft()
    }

    @Test(arguments: [false, true]) func pinnedPageStaysMapped(_ isSwap: Bool) throws {
        let (test, start) = try written([64], pages: 16)
        let pin = try test.task.pinPages(start + 5 * page, page, .write)
        let pinned = test.space.mappedFrame(test.cpu, start + 5 * page)
        try unmapped(test, start, isSwap ? .swap(slot: 7) : .migration) { isComplete in
            #expect(!isComplete)
            #expect(test.space.mappedFrame(test.cpu, start + 5 * page) == pinned)
        }
        expectContents(test, start, pages: 16)
        test.checkAll()
        try test.task.unpin(pin.handle)
        test.expectNothingLeft()
    }

    @Test func lockedMemoryDoesNotGoToSwapButMoves() throws {
        let (test, start) = try written([], pages: 2, locked: true)
        try unmapped(test, start, .swap(slot: 1)) { #expect(!$0) }
        try unmapped(test, start, .migration) { #expect($0) }
        test.checkAll()
        test.expectNothingLeft()
    }

    @Test(arguments: [false, true]) func forkMeanwhileMakesItShared(_ isSwap: Bool) throws {
        let (test, start) = try written([64], pages: 16)
        var child: Process?
        try unmapped(test, start, isSwap ? .swap(slot: 3) : .migration) { _ in
            child = try other(test).fork(pid: 2)
        }
        let forked = try #require(child)
        expectContents(test, start, pages: 16)
        expectContents(test, start, pages: 16, of: forked)
        _ = forked.main.storeByte(start, 99)
        expectContents(test, start, pages: 16)
        test.checkAll()
        test.expectNothingLeft()
    }

    @Test(arguments: [false, true]) func memoryThatIsUnmappedMeanwhileStaysAway(_ isSwap: Bool) throws {
        let (test, start) = try written([64], pages: 16)
        try unmapped(test, start, isSwap ? .swap(slot: 3) : .migration) { _ in
            try other(test).munmap(start + 4 * page, 12 * page)
            #expect(test.status.swap == (isSwap ? 16 : 0))
        }
        #expect(test.status.anonymous == 16 && test.status.swap == 0)
        expectContents(test, start, pages: 4)
        test.checkAll()
        test.expectNothingLeft()
    }

    // MARK: Other frames

    private func migrate(_ test: TestMachine, _ start: UInt64) throws -> FrameNumber? {
        let head = try #require(test.folio(start)).head
        test.memory.refcount(head).add(test.cpu, 1, .refcount)
        return test.core.migrate(test.cpu, head)
    }

    @Test(arguments: [[], [64], [2048]]) func folioMovesForAllWhoMapIt(_ sizes: [Int]) throws {
        let pages: UInt64 = sizes == [2048] ? 512 : 16
        let (test, start) = try written(sizes, pages: pages)
        let child = try test.task.fork(pid: 2)
        let before = try #require(test.folio(start))
        let new = try #require(try migrate(test, start))
        #expect(new != before.head)
        #expect(test.folio(start)?.head == new && test.folio(start, of: child)?.head == new)
        #expect(test.folio(start)?.order == before.order)
        expectContents(test, start, pages: pages)
        expectContents(test, start, pages: pages, of: child)
        test.checkAll()
        test.expectNothingLeft()
    }

    @Test func forkWhileAFolioIsOnItsWayMakesItSharedWhereItGoes() throws {
        let (test, start) = try written([64], pages: 16)
        let head = try #require(test.folio(start)).head
        let (memory, cpu) = (test.memory, test.cpu)
        memory.refcount(head).add(cpu, 1, .refcount)
        guard let unmapped = test.core.tryToUnmap(cpu, head, as: .migration) else {
            Issue.record("nothing maps the folio")
            return
        }
        let child = try test.task.fork(pid: 2)
        let new = memory.allocateFolio(cpu, order: 4, .maySleep)
        memory.initializeFolio(
            cpu, new, order: 4, .anonymous, flags: FrameFlags.swapBacked, pageFlags: 0, references: 1,
            mapping: memory.mapping(head), index: memory.index(head))
        cpu.count(.anonymous, order: 4)
        for number in 0..<16 { memory.copy(cpu, from: memory.page(head, number), to: memory.page(new, number)) }
        test.core.putBack(cpu, unmapped, at: new)
        memory.put(cpu, folio: head, count: 1)
        memory.put(cpu, folio: new, count: 1)
        test.checkAll()
        _ = test.task.storeByte(start, 200)
        expectContents(test, start, pages: 16, of: child)
        test.checkAll()
        test.expectNothingLeft()
    }

    @Test func partOfAFolioMovesAndWaitsToBeSplitAsBefore() throws {
        let (test, start) = try written([64], pages: 16)
        try test.discard(start + 4 * page, 4 * page)
        #expect(try migrate(test, start) != nil)
        test.checkAll()
        #expect(test.memory.splitQueueLength == 1)
        test.expectNothingLeft()
    }

    @Test func pinnedOrReferencedFolioDoesNotMove() throws {
        let (test, start) = try written([64], pages: 16)
        let pin = try test.task.pinPages(start + page, page, .write)
        #expect(try migrate(test, start) == nil)
        test.checkAll()
        try test.task.unpin(pin.handle)
        let reference = try test.task.pinPages(start + page, page, [.get])
        #expect(try migrate(test, start) == nil)
        try test.task.unpin(reference.handle)
        #expect(try migrate(test, start) != nil)
        expectContents(test, start, pages: 16)
        test.checkAll()
        test.expectNothingLeft()
    }

    @Test func fastPinAtAnyPointKeepsThePageOrComesTooLate() throws {
        let times = try TestMachine.pinnedAtEveryPoint([.write]) { test in
            let start = try test.map(2 * page)
            for place in 0..<2 as Range<UInt64> { _ = test.task.storeByte(start + place * page, 5) }
            return start
        } victim: { test, start in
            guard let head = test.folio(start)?.head else { return }
            test.memory.refcount(head).add(test.cpu, 1, .refcount)
            _ = test.core.migrate(test.cpu, head)
        } check: { test, start, frame in
            #expect(test.space.mappedFrame(test.cpu, start) == frame, "INV-PIN")
            #expect(test.byte(start) == 5)
        }
        #expect(times > 10)
    }

    /// What was mapped when a folio had been unmapped.
    private final class Seen { var frame = FrameNumber.none }

    @Test func fastPinAtAnyPointOfUnmappingKeepsThePageMappedOrComesTooLate() throws {
        let seen = Seen()
        let times = try TestMachine.pinnedAtEveryPoint([.write]) { test in
            let start = try test.map(page)
            _ = test.task.storeByte(start, 5)
            return start
        } victim: { test, start in
            guard let head = test.folio(start)?.head else { return }
            test.memory.refcount(head).add(test.cpu, 1, .refcount)
            if let unmapped = test.core.tryToUnmap(test.cpu, head, as: .swap(slot: 1)) {
                test.machine.environment.hook = nil
                seen.frame = test.space.mappedFrame(test.cpu, start)
                test.core.putBack(test.cpu, unmapped)
            }
            test.memory.put(test.cpu, head)
        } check: { _, _, frame in
            #expect(seen.frame == frame)
        }
        #expect(times > 5)
    }

    // MARK: Other addresses

    @Test(arguments: [[], [64], [2048]]) func pagesMoveWithoutACopy(_ sizes: [Int]) throws {
        let pages: UInt64 = sizes == [2048] ? 512 : 16
        let (test, start) = try written(sizes, pages: pages)
        let target = try test.map(pages * page, at: 0x1001_0000_0000)
        let frames = (0..<pages).map { test.space.mappedFrame(test.cpu, start + $0 * page) }
        #expect(try test.space.movePages(test.cpu, to: target, from: start, length: pages * page) == pages * page)
        let isSame = frames == (0..<pages).map { test.space.mappedFrame(test.cpu, target + $0 * page) }
        #expect(isSame)
        #expect((0..<pages).allSatisfy { test.space.mappedFrame(test.cpu, start + $0 * page).isNone })
        expectContents(test, target, pages: pages)
        #expect(test.counter(.pagesCopied) == 0 && test.status.anonymous == pages * 4)
        test.checkAll()
        let child = try test.task.fork(pid: 2)
        _ = child.main.storeByte(target, 77)
        expectContents(test, target, pages: pages)
        test.checkAll()
        test.expectNothingLeft()
    }

    @Test func moveStopsAtWhatMayNotGo() throws {
        let (test, start) = try written([], pages: 8)
        let target = try test.map(8 * page, at: 0x1001_0000_0000)
        func move(_ from: UInt64, _ to: UInt64, _ pages: UInt64, holes: Bool = false) throws(Errno) -> UInt64 {
            try test.space.movePages(
                test.cpu, to: target + to * page, from: start + from * page, length: pages * page, allowsHoles: holes)
        }
        let pin = try test.task.pinPages(start + 2 * page, page, .write)
        #expect(try move(0, 0, 8) == 2 * page, "up to the pinned page")
        #expect(throws: Errno.EBUSY) { try move(2, 2, 1) }
        try test.task.unpin(pin.handle)
        #expect(throws: Errno.ENOENT) { try move(0, 2, 1) }
        #expect(try move(0, 2, 1, holes: true) == page)
        #expect(throws: Errno.EEXIST) { try move(3, 0, 1) }
        let child = try test.task.fork(pid: 2)
        #expect(throws: Errno.EBUSY) { try move(3, 3, 1) }
        child.main.exit()
        #expect(throws: Errno.EBUSY) { try move(3, 3, 1) }
        _ = test.task.storeByte(start + 3 * page, 4)
        #expect(try move(3, 3, 1) == page, "a write has found out that it is alone")
        try test.task.mprotect(target + 4 * page, page, .read)
        #expect(throws: Errno.EINVAL) { try move(4, 4, 1) }
        test.checkAll()
        test.expectNothingLeft()
    }

    @Test func zeroPageMovesAsTheZeroPage() throws {
        let test = try TestMachine()
        let start = try test.map(2 * page, at: 0x1000_0000_0000)
        let target = try test.map(2 * page, at: 0x1001_0000_0000)
        _ = test.byte(start)
        #expect(try test.space.movePages(test.cpu, to: target, from: start, length: page) == page)
        #expect(test.space.mappedFrame(test.cpu, target) == test.core.zeroFrame)
        test.checkAll()
        test.expectNothingLeft()
    }

    @Test func fastPinAtAnyPointOfAMoveKeepsThePageOrComesTooLate() throws {
        let times = try TestMachine.pinnedAtEveryPoint([.write]) { test in
            let start = try test.map(2 * page, at: 0x1000_0000_0000)
            _ = test.task.storeByte(start, 5)
            return start
        } victim: { test, start in
            guard let target = try? test.map(page, at: 0x1001_0000_0000) else { return }
            _ = try? test.space.movePages(test.cpu, to: target, from: start, length: page)
        } check: { test, start, frame in
            #expect(test.space.mappedFrame(test.cpu, start) == frame, "INV-PIN")
        }
        #expect(times > 10)
    }

    // MARK: Sharing

    @Test func sharedPageIsCopiedByTheNextWrite() throws {
        let (test, start) = try written([], pages: 1)
        let frame = test.space.mappedFrame(test.cpu, start)
        test.memory.refcount(frame).add(test.cpu, 1, .refcount)
        _ = try test.space.writeProtectAndShare(test.cpu, start, held: 1)
        _ = test.task.storeByte(start, 9)
        #expect(test.space.mappedFrame(test.cpu, start) != frame, "somebody relies on its contents")
        test.memory.put(test.cpu, frame)
        test.checkAll()
        test.expectNothingLeft()
    }

    @Test func pinnedPageIsNotShared() throws {
        let (test, start) = try written([], pages: 1)
        let pin = try test.task.pinPages(start, page, .write)
        let before = test.space.entry(test.cpu, start)
        #expect(throws: Errno.EBUSY) { try test.space.writeProtectAndShare(test.cpu, start) }
        #expect(test.space.entry(test.cpu, start) == before)
        try test.task.unpin(pin.handle)
        _ = try test.space.writeProtectAndShare(test.cpu, start)
        test.checkAll()
        test.expectNothingLeft()
    }

    @Test func pageOfZeroesGivesWayToTheZeroPageUnlessItIsWrittenMeanwhile() throws {
        let (test, start) = try written([], pages: 2)
        for place in 0..<2 as Range<UInt64> { _ = test.task.storeByte(start + place * page, 0) }
        let entry = try test.space.writeProtectAndShare(test.cpu, start)
        #expect(try test.space.replaceByZeroPage(test.cpu, start, entry))
        #expect(test.status.anonymous == 4)
        let other = try test.space.writeProtectAndShare(test.cpu, start + page)
        _ = test.task.storeByte(start + page, 3)
        #expect(try !test.space.replaceByZeroPage(test.cpu, start + page, other))
        #expect(test.byte(start) == 0 && test.byte(start + page) == 3)
        test.checkAll()
        test.expectNothingLeft()
    }

    @Test func fastPinAtAnyPointOfSharingKeepsThePageWritableOrComesTooLate() throws {
        let times = try TestMachine.pinnedAtEveryPoint([]) { test in
            let start = try test.map(page)
            _ = test.task.storeByte(start, 5)
            return start
        } victim: { test, start in
            _ = try? test.space.writeProtectAndShare(test.cpu, start)
        } check: { test, start, frame in
            #expect(test.space.mappedFrame(test.cpu, start) == frame)
            #expect(test.memory.has(test.cpu, frame, FrameFlags.anonExclusive), "a pinned page may be shared")
            _ = test.task.storeByte(start, 6)
            #expect(test.space.mappedFrame(test.cpu, start) == frame, "INV-PIN")
        }
        #expect(times > 5)
    }
}

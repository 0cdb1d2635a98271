// What get_user_pages asks of what is mapped: exclusive pages, rights, pages that are there; what it faults in and what not, what
// it waits for and what not, and what it leaves behind.

import Testing

@testable import Quire

@Suite struct FollowTests {
    /// Private anonymous memory, each page written, in folios of `sizes`.
    private func written(_ sizes: [Int], pages: UInt64 = 16) throws -> (TestMachine, UInt64) {
        let test = try TestMachine(sizes: sizes) { $0.cpus = 2 }
        let start = try test.map(pages * page, at: 0x1000_0000_0000)
        for place in 0..<pages { _ = test.task.storeByte(start + place * page, UInt8(place + 1)) }
        return (test, start)
    }

    private func follow(
        _ test: TestMachine, _ address: UInt64, _ flags: FollowFlags, count: Int = 1
    ) throws(Errno) -> [FrameNumber] {
        var frames: [FrameNumber] = []
        let got = try test.space.followPages(test.cpu, address, count: count, flags) { _, frame in frames.append(frame)
        }
        #expect(got == frames.count)
        for frame in frames { test.memory.ungrab(test.cpu, frame, flags) }
        return frames
    }

    /// S2-02: whether the page is this mapping's alone, whether it is part of a large folio, and what the pin is for.
    @Test(arguments: [false, true], [[], [64]] as [[Int]])
    func pinTakesAnExclusivePageAtOnceAndMakesASharedOneExclusiveFirst(_ isExclusive: Bool, _ sizes: [Int]) throws {
        for (isWrite, isFast) in [(false, false), (false, true), (true, false), (true, true)] {
            let (test, start) = try written(sizes)
            let at = start + 3 * page
            let child = isExclusive ? nil : try test.task.fork(pid: 2)
            if isExclusive {
                // Read-only, as a write-protected page is, and still this mapping's alone.
                try test.task.mprotect(start, 16 * page, .read)
                if isWrite { try test.task.mprotect(start, 16 * page, [.read, .write]) }
            }
            let before = test.space.mappedFrame(test.cpu, at)
            #expect(test.space.isExclusive(test.cpu, before) == isExclusive)
            let entry = test.entry(at)
            let (copied, faults) = (test.counter(.pagesCopied), test.status.minorFaults)
            let flags: FollowFlags = isWrite ? [.pin, .write] : .pin
            var frames: [FrameNumber] = []
            if isFast {
                _ = test.space.followFast(test.cpu, at, count: 1, flags) {
                    frames.append($1)
                } undo: {
                }
            } else {
                _ = try test.space.followPages(test.cpu, at, count: 1, flags) { frames.append($1) }
            }
            let now = test.space.mappedFrame(test.cpu, at)
            // A shared page is nothing for the fast way; a write-protected one that is exclusive can be pinned to read.
            let isTaken = isExclusive && (!isWrite || test.tables.format.isWritable(entry)) || !isFast
            #expect(frames == (isTaken ? [now] : []), "\(isWrite) \(isFast)")
            #expect(now == before || !isExclusive && !isFast)
            #expect(test.space.isExclusive(test.cpu, now) == (isExclusive || !isFast))
            let mustCopy = !isExclusive && !isFast
            #expect(test.counter(.pagesCopied) - copied == (mustCopy ? 1 : 0), "\(isWrite) \(isFast)")
            if isFast || isExclusive && !isWrite {
                #expect(test.status.minorFaults == faults && test.entry(at) == entry)
            }
            // INV-PIN: neither side's write replaces it.
            if isTaken, isWrite || !isExclusive {
                _ = child?.main.storeByte(at, 99)
                #expect(test.task.storeByte(at, 77) == .done)
                #expect(test.space.mappedFrame(test.cpu, at) == now)
            }
            for frame in frames { test.memory.ungrab(test.cpu, frame, flags) }
            test.checkAll()
            test.expectNothingLeft()
        }
    }

    #if DEBUG
        /// A writable entry says that its page is exclusive; whoever breaks that is found by the next pin.
        @Test func writableEntryOfASharedPageIsFoundByThePin() async {
            await #expect(processExitsWith: .failure) {
                let test = try TestMachine()
                let start = try test.map(page)
                _ = test.task.storeByte(start, 1)
                let frame = test.space.mappedFrame(test.cpu, start)
                test.memory.flags(frame).clear(test.cpu, bits: FrameFlags.anonExclusive, .frameFlags)
                _ = try test.space.followPages(test.cpu, start, count: 1, [.pin, .write]) { _, _ in }
            }
        }
    #endif

    // MARK: What is not there

    @Test func dumpOfAHoleFaultsNothingInAndAvoidsTheZeroPage() throws {
        let test = try TestMachine()
        let start = try test.map(4 * page, at: 0x1000_0000_0000)
        let tables = test.status.pageTables
        #expect(throws: Errno.EFAULT) { try follow(test, start, [.get, .dump]) }
        #expect(test.status.pageTables == tables && test.status.minorFaults == 0, "not even a table")
        #expect(test.byte(start) == 0)
        #expect(throws: Errno.EFAULT) { try follow(test, start, [.get, .dump]) }
        #expect(throws: Errno.EFAULT) { try follow(test, start + page, [.get, .dump]) }
        #expect(test.status.minorFaults == 1 && test.status.anonymous == 0)
        _ = test.task.storeByte(start + 2 * page, 3)
        #expect(try follow(test, start + 2 * page, [.get, .dump]).count == 1)
        // A hole in a file's mapping may be anything: it is faulted in.
        let fd = try test.memoryFile(pages: 2)
        let mapped = try test.task.mmap(length: 2 * page, protection: .read, flags: .shared, fd: fd)
        #expect(try follow(test, mapped, [.get, .dump]).count == 1)
        #expect(throws: Errno.EFAULT) { try test.task.pinPages(start, page, .dump) }
        test.checkAll()
        test.expectNothingLeft()
    }

    @Test func pageOnDiskIsNotWaitedForWithNoWaitAndHasBeenReadTheNextTime() throws {
        let test = try TestMachine()
        let fd = try test.task.openOwn("own", OpenRequest(flags: 0x42))
        for place in 0..<2 as Range<UInt64> { _ = try test.task.write(fd, [7], at: place * page) }
        let start = try test.task.mmap(length: 2 * page, protection: [.read, .write], flags: .shared, fd: fd)
        func cool() throws {
            test.task.touchRead(start, 2 * page)
            try test.task.msync(start, 2 * page, 4)
            try test.task.madvise(start, 2 * page, Advice.pageOut.rawValue)
        }
        try cool()
        #expect(try follow(test, start, [.get, .noWait]) == [], "nothing got, and no error")
        #expect(try follow(test, start, [.get, .noWait]).count == 1)
        try cool()
        #expect(throws: Errno.EAGAIN) { try test.task.pinPages(start, 2 * page, .noWait) }
        try cool()
        #expect(try follow(test, start, .get).count == 1, "who may wait does")
        try cool()
        // The call that copies for a private mapping waits no more than others.
        let own = try test.task.mmap(length: 2 * page, protection: [.read, .write], flags: .private, fd: fd)
        #expect(try follow(test, own, [.get, .noWait, .write]) == [])
        #expect(try follow(test, own, [.get, .noWait, .write]).count == 1)
        #expect(throws: Errno.EFAULT) { try follow(test, own + 8 * page, [.get, .noWait]) }
        #expect(throws: Errno.EFAULT) { try follow(test, start, [.get, .noWait, .anonymous]) }
        test.process.checkInvariants()
        test.machine.shutDown()
        test.expectNothingLeft()
    }

    @Test func frozenPageIsNotWaitedForWithNoWait() throws {
        let (test, start) = try written([])
        let frame = test.space.mappedFrame(test.cpu, start)
        let lock = test.memory.folioLock(frame)
        lock.lock(test.cpu)
        test.memory.refcount(frame).add(test.cpu, 1, .refcount)
        guard let unmapped = test.core.tryToUnmap(test.cpu, frame, as: .migration) else {
            Issue.record("nothing maps the page")
            return
        }
        let other = test.machine.cpu(1)
        #expect(try test.space.followPages(other, start, count: 2, [.pin, .noWait]) { _, _ in } == 0)
        test.core.putBack(test.cpu, unmapped)
        lock.unlock(test.cpu)
        test.memory.put(test.cpu, frame)
        #expect(try follow(test, start, [.pin, .noWait], count: 2).count == 2)
        test.checkAll()
        test.expectNothingLeft()
    }

    // MARK: Areas

    @Test func driversAreaWithoutFramesOfItsOwnIsRefused() throws {
        for flag in [AreaFlags.io, .pfnMap] {
            let test = try TestMachine()
            let fd = try test.task.openDevice("registers", size: 4 * page, [])
            let start = try test.task.mmap(length: 4 * page, protection: [.read, .write], flags: .shared, fd: fd)
            test.core.areas[test.space.areas.find(start)].flags.insert(flag)
            test.task.touchRead(start, page)
            #expect(throws: Errno.EFAULT) { try follow(test, start, .get) }
            #expect(throws: Errno.EFAULT) { try test.task.pinPages(start, page, []) }
            #expect(test.process.main.readMemory(of: test.process, start, 4).isEmpty)
            test.machine.shutDown()
            test.expectNothingLeft()
        }
    }

    @Test func pagesOfADAXFileAreNotPinnedForLong() throws {
        let test = try TestMachine()
        let fd = try test.task.openDevice("dax", size: 4 * page, .dax)
        let start = try test.task.mmap(length: 4 * page, protection: [.read, .write], flags: .shared, fd: fd)
        test.task.touchRead(start, page)
        #expect(throws: Errno.EOPNOTSUPP) { try test.task.pinPages(start, page, .longTerm) }
        try test.task.unpin(try test.task.pinPages(start, page, []).handle)
        test.machine.shutDown()
        test.expectNothingLeft()
    }

    // MARK: Flags

    @Test func flagsThatAreNotTheCallersAreRefusedByPinning() throws {
        let (test, start) = try written([])
        let refused: [FollowFlags] = [
            [.get, .pin], [.get, .longTerm], [.longTerm, .peerToPeer], .touch, .tried, .remote, .fastOnly, .unlockable,
            .populate, FollowFlags(rawValue: 0x2000), FollowFlags(rawValue: 0x80_0000), FollowFlags(rawValue: 1 << 31),
        ]
        for flags in refused {
            #expect(throws: Errno.EINVAL, "\(flags)") { try test.task.pinPages(start, page, flags) }
        }
        for bit in [0x40, 0x400, 0x800, 0x1000] as [UInt32] {
            try test.task.unpin(try test.task.pinPages(start, page, FollowFlags(rawValue: bit)).handle)
        }
        #expect(throws: Errno.EINVAL) { try test.task.pinPages(start, 0, []) }
        test.expectNothingLeft()
    }

    @Test func onlyPinUserPagesLeavesNoTrace() {
        for entry in FollowEntry.allCases {
            let touches = !(entry == .pin || entry == .pinFast || entry == .getFast)
            #expect(entry.checked([])?.contains(.touch) == touches, "\(entry)")
        }
    }

    /// Stores one byte at the first point at which the follower has read an entry.
    private final class Writer: ScheduleHook {
        let task: Quire.Task
        let address: UInt64
        var hasActed = false
        var seen = 0

        init(_ task: Quire.Task, _ address: UInt64, after seen: Int) {
            (self.task, self.address, self.seen) = (task, address, seen)
        }

        override func point(_ event: SyncEvent, on cpu: CPU) {
            guard cpu.index == 0, event.name == .entry || event.name == .refcount else { return }
            seen -= 1
            guard seen < 0, !hasActed else { return }
            hasActed = true
            _ = task.storeByte(address, 9)
        }
    }

    /// The dirty bit that hardware sets between the look at an entry and the note that the page was used.
    @Test(arguments: [false, true]) func storeWhileAPageIsTouchedIsNotForgotten(_ isLeaf: Bool) throws {
        for points in 0..<40 {
            let test = try TestMachine(sizes: isLeaf ? [2048] : []) {
                $0.mode = .explored
                $0.cpus = 2
                $0.memory = 32 << 20
            }
            let start = try test.map(span, at: 0x1000_0000_0000)
            _ = test.task.storeByte(start, 1)
            #expect((test.tables.leaf(test.cpu, start) != nil) == isLeaf)
            // Clean and not used: as after MADV_FREE's or the cleaner's work.
            let format = test.tables.format
            func entry() -> Entry { test.tables.leaf(test.cpu, start)?.entry ?? test.entry(start) }
            let clean = format.old(format.cleaned(entry()))
            if let leaf = test.tables.leaf(test.cpu, start) {
                test.tables.update(test.cpu, leaf.pmdTable, leaf.index, clean)
            } else {
                let table = test.tables.table(test.cpu, start, level: 0)
                test.tables.update(test.cpu, table, format.index(start, level: 0), clean)
            }
            let writer = Writer(test.process.makeTask(tid: 2, cpu: 1), start, after: points)
            test.machine.environment.hook = writer
            _ = try follow(test, start, [.pin, .touch])
            test.machine.environment.hook = nil
            #expect(!writer.hasActed || format.isDirty(entry()), "point \(points)")
            test.expectNothingLeft()
            if !writer.hasActed { break }
        }
    }

    // MARK: What a fork and a hole leave

    @Test func childHasPinnedNothing() throws {
        let (test, start) = try written([])
        let pin = try test.task.pinPages(start, page, .write)
        let child = try test.task.fork(pid: 2)
        #expect(test.space.hasPinned(test.cpu) && !child.space.hasPinned(test.cpu))
        try test.task.unpin(pin.handle)
        test.expectNothingLeft()
    }

    @Test func privateCopyThatAHoleInTheFileLeavesStaysPinned() throws {
        let test = try TestMachine()
        let fd = try test.memoryFile(pages: 2)
        let start = try test.task.mmap(length: 2 * page, protection: [.read, .write], flags: .private, fd: fd)
        _ = test.task.storeByte(start, 9)
        let pin = try test.task.pinPages(start, page, .write)
        try test.task.fallocate(fd, 3, 0, 2 * page)
        #expect(test.byte(start) == 9)
        let record = test.core.pins[test.core.pins.handle(at: test.core.firstPin)]
        #expect(!record.isDiscarded, "the copy is still mapped")
        test.process.checkInvariants()
        try test.task.unpin(pin.handle)
        test.expectNothingLeft()
    }
}

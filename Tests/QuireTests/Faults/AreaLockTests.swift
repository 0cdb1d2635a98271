// Which faults their area's lock is enough for, and which start over under the mmap lock: the rows S3-09 to S3-14, by what
// the counters say. One CPU of a machine that runs as if there were several.

import Testing

@testable import Quire

@Suite struct AreaLockTests {
    /// What a fault can be, in an area with a file.
    enum Kind: CaseIterable {
        case read, copy, shared
    }

    private func machine() throws -> TestMachine {
        try TestMachine {
            $0.mode = .explored
            $0.cpus = 2
        }
    }

    /// What `body` adds to the counters: served under the area's lock, started over, given up before, mmap_lock taken.
    private func locks(
        _ test: TestMachine, _ body: () throws -> Void
    ) rethrows -> [UInt64] {
        let counters: [Counter] = [.areaLockSuccesses, .areaLockRetries, .areaLockAborts, .mmapLocks]
        let before = counters.map(test.counter)
        try body()
        return zip(counters.map(test.counter), before).map { $0 - $1 }
    }

    private let underAreaLock: [UInt64] = [1, 0, 0, 0]
    private let startedOver: [UInt64] = [0, 1, 0, 1]

    /// 4 pages of a file whose pages are mapped around a fault, or of a driver's.
    private func map(_ test: TestMachine, mapsAround: Bool, _ flags: MapFlags) throws -> UInt64 {
        try test.machine.set("/sys/kernel/debug/fault_around_bytes", "4096")
        let fd = try mapsAround ? test.memoryFile(pages: 4) : test.task.openDevice("d", size: 4 * page, [])
        return try test.task.mmap(length: 4 * page, protection: [.read, .write], flags: flags, fd: fd)
    }

    // MARK: Anonymous memory

    /// S3-10: only the first write of an area starts over.
    @Test func ofManyWritesToAFreshAreaOneStartsOver() throws {
        let test = try machine()
        let start = try test.map(64 * page)
        let taken = locks(test) { test.task.touchWrite(start, 64 * page) }
        #expect(taken == [63, 1, 0, 1])
        test.expectNothingLeft()
    }

    /// S3-10: copies of what a child shares with its parent need no more than the area's lock, since a fork has given both an
    /// anon_vma.
    @Test func copiesAfterAForkDoNotStartOver() throws {
        let test = try machine()
        let start = try test.map(8 * page)
        test.task.touchWrite(start, 8 * page)
        let child = try test.task.fork(pid: 2)
        #expect(locks(test) { child.main.touchWrite(start, 8 * page) } == [8, 0, 0, 0])
        test.expectNothingLeft()
    }

    @Test func readsOfFreshMemoryAndTheCopyOfTheZeroPage() throws {
        let test = try machine()
        let start = try test.map(4 * page)
        #expect(locks(test) { test.task.touchRead(start, page) } == underAreaLock)
        #expect(locks(test) { test.task.touchWrite(start, page) } == startedOver)
        #expect(locks(test) { test.task.touchWrite(start + page, page) } == underAreaLock)
        test.expectNothingLeft()
    }

    // MARK: Files

    /// S3-11, S3-13: a driver's fault starts over, always; another file's does not.
    @Test(arguments: Kind.allCases, [true, false])
    func onlyFilesThatMapAroundAreServedUnderTheAreasLock(_ kind: Kind, _ mapsAround: Bool) throws {
        let test = try machine()
        let start = try map(test, mapsAround: mapsAround, kind == .copy ? .private : .shared)
        // An anon_vma, and nothing else, is there.
        if kind == .copy { test.task.touchWrite(start, page) }
        let access: Access = kind == .read ? .read : .write
        for place in 1..<4 as Range<UInt64> {
            let taken = locks(test) { #expect(test.task.access(start + place * page, access) == .done) }
            #expect(taken == (mapsAround ? underAreaLock : startedOver))
        }
        test.expectNothingLeft()
    }

    /// S3-12: the first copy in an area needs an anon_vma and a file that may be asked.
    @Test(arguments: [true, false], [true, false])
    func aCopyNeedsAnAnonVMAAndAFileThatMayBeAsked(_ mapsAround: Bool, _ hasAnonVMA: Bool) throws {
        let test = try machine()
        let start = try map(test, mapsAround: mapsAround, .private)
        if hasAnonVMA { test.task.touchWrite(start, page) }
        let taken = locks(test) { test.task.touchWrite(start + page, page) }
        #expect(taken == (mapsAround && hasAnonVMA ? underAreaLock : startedOver))
        #expect(test.status.anonymous == (hasAnonVMA ? 8 : 4))
        test.expectNothingLeft()
    }

    /// S3-14: a write to a page that is mapped for reading, in a shared mapping.
    @Test func aWriteToAPageThatIsThereForReading() throws {
        let test = try machine()
        let fd = try test.task.openOwn("own", OpenRequest(flags: 0x42))
        _ = try test.task.write(fd, [1], at: 0)
        let start = try test.task.mmap(length: page, protection: [.read, .write], flags: .shared, fd: fd)
        test.task.touchRead(start, page)
        #expect(locks(test) { test.task.touchWrite(start, page) } == underAreaLock)
        let driver = try map(test, mapsAround: false, .shared)
        test.task.touchRead(driver, page)
        #expect(locks(test) { test.task.touchWrite(driver, page) } == startedOver)
        test.machine.shutDown()
        test.expectNothingLeft()
    }

    /// S3-13: also a page that must be read from its disk first.
    @Test func aFaultThatReadsFromADiskTakesNoMmapLock() throws {
        let test = try machine()
        let fd = try test.task.openOwn("own", OpenRequest(flags: 0x42))
        for place in 0..<8 as Range<UInt64> { _ = try test.task.write(fd, [1], at: place * page) }
        let start = try test.task.mmap(length: 8 * page, protection: .read, flags: .shared, fd: fd)
        test.task.touchRead(start, 8 * page)
        try test.task.msync(start, 8 * page, 4)
        try test.task.madvise(start, 8 * page, Advice.pageOut.rawValue)
        let major = test.status.majorFaults
        #expect(locks(test) { test.task.touchRead(start, page) } == underAreaLock)
        #expect(test.status.majorFaults == major + 1)
        test.machine.shutDown()
        test.expectNothingLeft()
    }

    /// A SIGBUS beyond the end of a file, and of a driver's, which is asked first.
    @Test(arguments: [true, false]) func beyondTheEnd(_ mapsAround: Bool) throws {
        let test = try machine()
        let fd = try mapsAround ? test.memoryFile(pages: 1) : test.task.openDevice("d", size: page, [])
        let start = try test.task.mmap(length: 4 * page, protection: [.read, .write], flags: .shared, fd: fd)
        let taken = locks(test) {
            #expect(test.task.access(start + page, .read) == .signal(.busAddressError, address: start + page))
        }
        #expect(taken == (mapsAround ? underAreaLock : startedOver))
        test.expectNothingLeft()
    }

    // MARK: What the area's lock is not enough for

    @Test func holesStacksAndRightsThatAreMissing() throws {
        let test = try machine()
        let start = try test.map(4 * page, at: 0x4000_0000, .read)
        let stack = try test.map(page, at: 0x5000_0000, [.read, .write], .growsDown)
        #expect(locks(test) { _ = test.task.access(start, .write) } == underAreaLock)
        #expect(locks(test) { _ = test.task.access(start - page, .read) }[0...2] == [0, 0, 1])
        let grown = locks(test) { #expect(test.task.access(stack - 2 * page, .write) == .done) }
        #expect(grown == [0, 0, 1, 2])
        #expect(locks(test) { test.task.touchWrite(stack - page, page) } == underAreaLock)
        test.expectNothingLeft()
    }

    @Test func anAreaThatAUserfaultfdServes() throws {
        let test = try machine()
        let context = try #require(test.core.userfaults.allocate(test.cpu, UserfaultContext(space: test.space.number)))
        let start = try test.map(4 * page)
        try test.space.registerUserfault(test.cpu, context, start, start + 2 * page, .userfaultMissing)
        #expect(locks(test) { test.task.touchRead(start, page) } == startedOver)
        #expect(locks(test) { test.task.touchRead(start + 2 * page, page) } == underAreaLock)
        test.space.releaseUserfault(test.cpu, context)
        test.expectNothingLeft()
    }

    /// A sequential machine has nobody to keep apart, and takes the mmap lock.
    @Test func sequentialMachinesTakeTheMmapLock() throws {
        let test = try TestMachine()
        let start = try test.map(4 * page)
        #expect(locks(test) { test.task.touchWrite(start, 4 * page) } == [0, 0, 0, 4])
        test.expectNothingLeft()
    }

    @Test func vmstatTells() throws {
        let test = try machine()
        let start = try test.map(4 * page)
        test.task.touchWrite(start, 4 * page)
        let lines = test.machine.vmstat.filter { $0.name.hasPrefix("vma_lock_") }
        #expect(lines.map(\.name) == ["vma_lock_success", "vma_lock_abort", "vma_lock_retry", "vma_lock_miss"])
        #expect(lines.map(\.value) == [3, 0, 1, 0])
    }

    // MARK: Writers

    /// A writer waits for the faults in its area, and nobody gets into it until the mmap lock is given up; the neighbour is
    /// open all the time.
    @Test func aMarkedAreaIsClosedUntilTheMmapLockIsGivenUp() throws {
        let test = try machine()
        let (space, cpu) = (test.space, test.cpu)
        let start = try test.map(4 * page)
        try test.task.mprotect(start + 2 * page, 2 * page, .read)
        let (lower, upper) = (space.areas.find(start), space.areas.find(start + 2 * page))
        for downgrades in [false, true] {
            space.mmapLock.writeLock(cpu)
            space.startWrite(cpu, lower)
            #expect(space.lockArea(cpu, start).isNone)
            #expect(space.lockArea(cpu, start + 2 * page) == upper)
            space.unlockArea(cpu, upper)
            if downgrades { space.mmapLock.downgrade(cpu) } else { space.mmapLock.writeUnlock(cpu) }
            #expect(space.lockArea(cpu, start) == lower)
            space.unlockArea(cpu, lower)
            if downgrades { space.mmapLock.readUnlock(cpu) }
        }
        test.expectNothingLeft()
    }

    /// A new area is its maker's until the mmap lock is given up, and so is a piece that was cut off.
    @Test func newAreasAreClosedUntilTheMmapLockIsGivenUp() throws {
        let test = try machine()
        let (space, cpu) = (test.space, test.cpu)
        let start = try test.map(4 * page)
        space.mmapLock.writeLock(cpu)
        let upper = try space.split(cpu, space.areas.find(start), at: start + page)
        #expect(space.lockArea(cpu, start).isNone)
        #expect(space.lockArea(cpu, start + page).isNone)
        space.mmapLock.writeUnlock(cpu)
        #expect(space.lockArea(cpu, start + page) == upper)
        space.unlockArea(cpu, upper)
        test.expectNothingLeft()
    }

    // MARK: The tree without a lock

    @Test func lookUpFindsWhatFindFinds() throws {
        let test = try machine()
        var random = SeededRandom(seed: 5)
        for place in 0..<3000 as Range<UInt64> where !random.oneIn(3) {
            _ = try test.map(page, at: 0x4000_0000 + place * 2 * page)
        }
        for _ in 0..<4000 {
            let address = 0x4000_0000 + UInt64(random.below(6100)) * page
            let found = test.space.areas.find(address)
            let seen = try #require(test.space.areas.lookUp(test.cpu, address))
            if !found.isNone { #expect(seen == found.index) }
            let locked = test.space.lockArea(test.cpu, address)
            let isThere = !found.isNone && test.core.areas[found].start <= address
            #expect(locked == (isThere ? found : .none))
            if !locked.isNone { test.space.unlockArea(test.cpu, locked) }
        }
        test.expectNothingLeft()
    }

    @Test func lookUpDuringAChangeIsAMiss() throws {
        let test = try machine()
        let start = try test.map(page)
        test.space.areas.change(test.cpu) { #expect(test.space.areas.lookUp(test.cpu, start) == nil) }
        #expect(test.space.areas.lookUp(test.cpu, start) != nil)
    }
}

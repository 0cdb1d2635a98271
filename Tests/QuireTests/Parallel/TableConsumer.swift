// What lives on page tables while reclaim takes them away: each kind of access, change and walk of the matrix S0-13, as one act
// somewhere in a table. Those who reclaim are in TableReclaimer.swift.

@testable import Quire

/// What runs against the reclaim.
enum TableConsumer: String, CaseIterable, Sendable {
    case fault, readFault, populate, faultFile, mprotect, mremap, moveTable, pinFast, pinSlow, accessRemote, collapse
    case migrate, unmapByReclaim, share, movePages, pageOut, free, install, fork, munmap

    /// Whether the memory is a file's.
    var isOfFile: Bool { self == .faultFile }

    /// Once, in the 2 MiB at `base`; `other` is memory of the same size that is this thread's alone.
    func act(_ test: TestMachine, _ task: Quire.Task, _ random: inout SeededRandom, base: UInt64, other: UInt64) {
        let at = base + UInt64(random.below(500)) * page
        switch self {
        case .fault, .faultFile: task.touchWrite(at, 4 * page)
        case .readFault: for place in 0..<4 as Range<UInt64> { _ = task.access(at + place * page, .read) }
        case .populate: try? task.madvise(at, 8 * page, Advice.populateWrite.rawValue)
        case .mprotect:
            try? task.mprotect(at, 4 * page, .read)
            _ = task.storeByte(at, 1)
            try? task.mprotect(at, 4 * page, [.read, .write])
            _ = task.storeByte(at, 1)
        case .mremap: moveAndBack(task, at, 4 * page, other)
        case .moveTable: moveAndBack(task, base, span, other)
        case .pinFast:
            _ = task.storeByte(at, 1)
            if let pin = try? task.pinPages(at, 2 * page, .write, fastOnly: random.oneIn(2)) {
                try? task.unpin(pin.handle)
            }
        case .pinSlow:
            // Who forces goes the slow way at once.
            if let pin = try? task.pinPages(at, 2 * page, [.write, .longTerm, .force]) {
                try? task.unpin(pin.handle)
            }
        case .accessRemote:
            _ = task.writeMemory(of: test.process, at, [1, 2, 3])
            _ = task.readMemory(of: test.process, at + page - 2, 4)
        case .collapse:
            task.touchWrite(base, span / 4)
            try? task.madvise(base, span, Advice.collapse.rawValue)
        case .migrate:
            _ = task.storeByte(at, 1)
            task.migrateFolio(at: at)
        case .unmapByReclaim:
            _ = task.storeByte(at, 1)
            task.unmapFolio(at: at)
        case .share:
            _ = task.storeByte(at, 1)
            try? task.sharePage(at: at)
        case .movePages:
            _ = task.storeByte(other, 1)
            try? task.madvise(at, page, Advice.dontNeed.rawValue)
            _ = try? test.space.movePages(task.cpu, to: at, from: other, length: page, allowsHoles: true)
        case .pageOut:
            task.touchWrite(at, 4 * page)
            try? task.madvise(at, 4 * page, Advice.pageOut.rawValue)
        case .free:
            task.touchWrite(at, 4 * page)
            try? task.madvise(at, 4 * page, Advice.free.rawValue)
        case .install:
            try? task.madvise(at, 2 * page, Advice.guardInstall.rawValue)
            try? task.madvise(at, 2 * page, Advice.guardRemove.rawValue)
        case .fork:
            // Processes are made and ended by one thread at a time.
            guard task.cpu.index == 1, random.oneIn(4), let child = try? task.fork(pid: 1000 + random.below(1 << 20))
            else {
                task.touchWrite(at, page)
                return
            }
            _ = child.main.storeByte(at, 2)
            child.main.exit()
        case .munmap:
            try? task.munmap(at, 4 * page)
            _ = try? task.mmap(
                at, length: 4 * page, protection: [.read, .write], flags: [.private, .anonymous, .fixed])
            _ = task.storeByte(at, 1)
        }
    }

    /// Moves memory away and back; what is moved is not there for a while.
    private func moveAndBack(_ task: Quire.Task, _ start: UInt64, _ length: UInt64, _ other: UInt64) {
        task.touchWrite(start, 2 * page)
        _ = try? task.mremap(start, length, length, [.mayMove, .fixed], other)
        _ = task.storeByte(other, 1)
        _ = try? task.mremap(other, length, length, [.mayMove, .fixed], start)
    }
}

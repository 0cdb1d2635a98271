// Those who take empty page tables away, each in a form that a test can call again and again.

@testable import Quire

/// How empty tables are reclaimed.
enum TableReclaimer: String, CaseIterable, Sendable {
    /// A scan after the zap (the RFC).
    case rfc
    /// In passing, under the PTE lock with a try for the PMD lock.
    case sync
    /// The same where the try always fails: both locks in order, and a second look.
    case syncSlow
    /// pt_reclaimd.
    case async

    func configure(_ configuration: inout MachineConfiguration) {
        configuration.reclaim = self == .rfc ? .rfc : self == .async ? .off : .sync
    }

    func prepare(_ test: TestMachine) throws {
        test.core.settings.failTryLock = self == .syncSlow
        if self == .async { try test.machine.set("pt_reclaim.async", "on") }
    }

    /// Puts something into the tables at [base, base + length) and gives it back.
    func act(_ test: TestMachine, _ task: Quire.Task, _ random: inout SeededRandom, base: UInt64, length: UInt64) {
        let at = base + UInt64(random.below(Int(length / page) - 2)) * page
        task.touchWrite(at, page)
        guard self == .async else {
            try? task.madvise(base, length, Advice.dontNeed.rawValue)
            return
        }
        // Lazily free pages, pages that are gone one by one, or a neighbour's.
        switch random.below(3) {
        case 0: try? task.madvise(base, length, Advice.free.rawValue)
        case 1:
            try? task.madvise(base, length / 4, Advice.dontNeed.rawValue)
            try? task.madvise(base + length / 4, length - length / 4, Advice.dontNeed.rawValue)
        default: try? task.madvise(at, page, Advice.dontNeed.rawValue)
        }
        var limit = UInt64.max
        _ = test.space.reclaimTables(task.cpu, from: 0, limit: &limit)
    }

    /// Tables that it has freed, and nobody else frees.
    func freed(_ test: TestMachine) -> UInt64 {
        switch self {
        case .rfc, .syncSlow: test.counter(.tablesFreedSlow)
        case .sync: test.counter(.tablesFreedFast)
        case .async: test.counter(.asyncTablesFreed)
        }
    }
}

// What interrupts are to a real processor: while a CPU makes one access (walk the tables, use the frame it found), a
// flush of translations by another CPU waits for it, as the sender of an inter-processor interrupt waits for the answer.
// A section takes no lock and never sleeps, so the wait is short and cannot deadlock, even under a page-table lock.
// Linux: local_irq_save around lockless walks, flush_tlb_others, tlb_remove_table_sync_one.

import Synchronization

/// The access sections of a machine: a count for each CPU, odd while it is inside. Shares the CPUs' lines with `RCU`.
@safe struct AccessSections: BitwiseCopyable, @unchecked Sendable {
    private let base: UnsafeMutableRawPointer
    private let cpus: Int

    /// The sections of a machine whose RCU domain lies at `base`.
    init(besideRCUAt base: UnsafeMutableRawPointer, cpus: Int) {
        unsafe self.base = base
        self.cpus = cpus
    }

    private func count(_ cpu: Int) -> Word64 { unsafe Word64(at: base + (cpu + 1) * 64 + 16) }

    /// Enters a section: no interrupt is taken until `exit`.
    @inline(__always) func enter(_ cpu: CPU) {
        guard !cpu.isSequential else { return }
        let mine = count(cpu.index)
        unsafe schedulePoint(cpu, .readSideEnter, mine.cell, .sequential, .tlb)
        // Sequentially consistent: a flush that does not see this store has cleared its entries before the walk.
        unsafe mine.cell.pointee.store(
            mine.cell.pointee.load(ordering: .relaxed) &+ 1, ordering: .sequentiallyConsistent)
    }

    /// Leaves a section.
    @inline(__always) func exit(_ cpu: CPU) {
        guard !cpu.isSequential else { return }
        let mine = count(cpu.index)
        unsafe schedulePoint(cpu, .readSideExit, mine.cell, .release, .tlb)
        unsafe mine.cell.pointee.store(mine.cell.pointee.load(ordering: .relaxed) &+ 1, ordering: .releasing)
    }

    /// Waits until every other CPU has left the section that it is in now, if it is in one.
    func waitForOthers(_ cpu: CPU) {
        guard !cpu.isSequential, cpus > 1 else { return }
        for other in 0..<cpus where other != cpu.index { wait(cpu, for: other) }
    }

    /// Waits until another CPU has left the section that it is in now, if it is in one.
    func wait(_ cpu: CPU, for other: Int) {
        guard !cpu.isSequential else { return }
        let word = count(other)
        let seen = unsafe word.cell.pointee.load(ordering: .sequentiallyConsistent)
        if cpu.isExplored {
            if cpu.lacks(.waitForAccesses) { return }
            if seen & 1 == 0 { cpu.environment.hook?.interrupted(other, by: cpu) }
        }
        guard seen & 1 == 1 else { return }
        var turn = 0
        while unsafe word.cell.pointee.load(ordering: .acquiring) == seen {
            unsafe cpu.spinOnce(word.cell, .tlb, turn: turn)
            turn += 1
        }
        if cpu.isExplored { cpu.environment.hook?.interrupted(other, by: cpu) }
    }
}

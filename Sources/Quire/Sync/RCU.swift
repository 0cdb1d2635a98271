// Read-copy-update by epochs. A reader enters by writing the machine's epoch into its CPU's word and leaves by
// writing zero. Something that was unlinked in epoch e may be freed once the epoch has reached e + 2: every reader
// that could have seen it has left. The epoch advances only when each CPU is outside or has entered in the current
// one. What is deferred (table frames) is queued by `Paging`; this file knows epochs alone.
// Linux: rcu_read_lock, call_rcu, synchronize_rcu; the algorithm is Fraser's epoch-based reclamation.

import Synchronization

/// The RCU domain of one machine: the epoch, and a word for each CPU, a cache line apart.
@safe struct RCU: BitwiseCopyable, @unchecked Sendable {
    let base: UnsafeMutableRawPointer
    let cpus: Int

    private static let line = 64

    /// The bytes that a domain of `cpus` CPUs needs.
    static func bytes(cpus: Int) -> Int { (cpus + 1) * line }

    /// Makes a domain in zeroed memory of `bytes(cpus:)` bytes.
    init(at base: UnsafeMutableRawPointer, cpus: Int) {
        unsafe self.base = base
        self.cpus = cpus
        unsafe epochWord.cell.pointee.store(1, ordering: .relaxed)
    }

    /// The domain that lies in memory of `bytes(cpus:)` bytes already.
    init(existingAt base: UnsafeMutableRawPointer, cpus: Int) {
        unsafe self.base = base
        self.cpus = cpus
    }

    private var epochWord: Word64 { unsafe Word64(at: base) }
    private func word(_ cpu: Int) -> Word64 { unsafe Word64(at: base + (cpu + 1) * Self.line) }

    /// Enters a read-side section; sections nest. What is reachable inside is not freed before `exit`.
    @inline(__always) func enter(_ cpu: CPU) {
        let nesting = unsafe cpu.state.pointee.rcuNesting
        unsafe cpu.state.pointee.rcuNesting = nesting &+ 1
        if nesting == 0 && !cpu.isSequential { announce(cpu) }
    }

    /// Leaves a read-side section.
    @inline(__always) func exit(_ cpu: CPU) {
        let nesting = unsafe cpu.state.pointee.rcuNesting &- 1
        unsafe cpu.state.pointee.rcuNesting = nesting
        if nesting == 0 && !cpu.isSequential {
            let mine = word(cpu.index)
            guard unsafe lockPoint(cpu, .readSideExit, mine.cell, .release, .rcu) else { return }
            unsafe mine.cell.pointee.store(0, ordering: .releasing)
        }
    }

    private func announce(_ cpu: CPU) {
        let mine = word(cpu.index)
        guard unsafe lockPoint(cpu, .readSideEnter, mine.cell, .sequential, .rcu) else { return }
        let now = unsafe epochWord.cell.pointee.load(ordering: .relaxed)
        // Sequentially consistent: the section's loads must not be taken before others can see this store.
        unsafe mine.cell.pointee.store(now, ordering: .sequentiallyConsistent)
    }

    /// The epoch in which something that is unlinked now is retired.
    func currentEpoch(_ cpu: CPU) -> UInt64 { unsafe epochWord.cell.pointee.load(ordering: .sequentiallyConsistent) }

    /// Whether what was retired in `epoch` may be freed; tries to let the epoch advance. Never waits.
    func hasExpired(_ cpu: CPU, _ epoch: UInt64) -> Bool {
        if cpu.isSequential { return unsafe cpu.state.pointee.rcuNesting == 0 }
        unsafe schedulePoint(cpu, .gracePeriod, epochWord.cell, .acquireRelease, .rcu)
        let epochs: UInt64 = cpu.lacks(.wholeGracePeriod) ? 1 : 2
        for _ in 0..<epochs {
            if currentEpoch(cpu) >= epoch &+ epochs { return true }
            guard tryAdvance(cpu) else { return false }
        }
        return currentEpoch(cpu) >= epoch &+ epochs
    }

    private func tryAdvance(_ cpu: CPU) -> Bool {
        let now = currentEpoch(cpu)
        for index in 0..<cpus {
            let seen = unsafe word(index).cell.pointee.load(ordering: .sequentiallyConsistent)
            if seen != 0 && seen != now { return false }
        }
        cpu.count(.rcuGracePeriods)
        return unsafe epochWord.cell.pointee.compareExchange(
            expected: now, desired: now &+ 1, ordering: .sequentiallyConsistent
        ).exchanged
    }

    /// Waits until every reader of now has left: a whole grace period. The caller is in no read-side section.
    func synchronize(_ cpu: CPU) {
        cpu.mightSleep()
        unsafe precondition(cpu.state.pointee.rcuNesting == 0, "synchronize inside a read-side section")
        if cpu.isSequential { return }
        let epoch = currentEpoch(cpu)
        var turn = 0
        while !hasExpired(cpu, epoch) {
            unsafe cpu.spinOnce(epochWord.cell, .rcu, turn: turn)
            turn += 1
        }
    }
}

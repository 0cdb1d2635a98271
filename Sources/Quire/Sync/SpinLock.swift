// A spin lock in one 32-bit word of raw memory: 0 free, 1 held. Small enough to live in a frame's metadata
// (the split page-table lock) and usable by a handle that costs nothing to make. Test-and-test-and-set; the
// explorer sees `lock`, `tryLock` and `unlock`, never the spinning. Linux: spinlock_t, `spin_trylock`.

import Synchronization

/// A handle on a spin lock.
@safe struct SpinLock: BitwiseCopyable, @unchecked Sendable {
    let word: Word32
    let name: SyncName

    @inline(__always) init(_ word: Word32, _ name: SyncName) {
        self.word = word
        self.name = name
    }

    @inline(__always) func lock(_ cpu: CPU) {
        if cpu.isSequential {
            #if DEBUG
                unsafe precondition(word.cell.pointee.load(ordering: .relaxed) == 0, "\(name.label) taken twice")
            #endif
            unsafe word.cell.pointee.store(1, ordering: .relaxed)
        } else if !lockShared(cpu) {
            return
        }
        unsafe cpu.acquired(word.cell, name, blocking: true)
    }

    /// False: there is no such lock where an explorer has turned it off.
    private func lockShared(_ cpu: CPU) -> Bool {
        guard unsafe lockPoint(cpu, .lock, word.cell, .acquire, name, blockers: ~0) else { return false }
        var turn = 0
        while true {
            if unsafe word.cell.pointee.load(ordering: .relaxed) == 0,
                unsafe word.cell.pointee.exchange(1, ordering: .acquiring) == 0
            {
                return true
            }
            unsafe cpu.spinOnce(word.cell, name, turn: turn)
            turn += 1
        }
    }

    /// Takes the lock if it is free; the only legal way against the lock order.
    @inline(__always) func tryLock(_ cpu: CPU) -> Bool {
        guard unsafe lockPoint(cpu, .tryLock, word.cell, .acquire, name) else { return true }
        guard unsafe word.cell.pointee.load(ordering: .relaxed) == 0 else { return false }
        if cpu.isSequential {
            unsafe word.cell.pointee.store(1, ordering: .relaxed)
        } else if unsafe word.cell.pointee.exchange(1, ordering: .acquiring) != 0 {
            return false
        }
        unsafe cpu.acquired(word.cell, name, blocking: false)
        return true
    }

    @inline(__always) func unlock(_ cpu: CPU) {
        if cpu.isExplored {
            if cpu.isAblated(name) { return }
            unsafe cpu.released(word.cell, name)
            if unsafe announceStore(cpu, word.cell, 0, size: 4, .release, name, kind: .unlock) { return }
        } else {
            unsafe cpu.released(word.cell, name)
        }
        unsafe word.cell.pointee.store(0, ordering: .releasing)
    }

    /// Waits a moment if somebody holds the lock, without taking it: for who reads without it what its holder is changing.
    func waitWhileHeld(_ cpu: CPU, turn: Int) {
        guard word.load(cpu, name) != 0 else { return }
        unsafe cpu.spinOnce(word.cell, name, turn: turn)
    }

    /// Whether two handles stand for the same lock (page-table locks that are not split).
    func isSame(as other: SpinLock) -> Bool { unsafe word.cell == other.word.cell }
}

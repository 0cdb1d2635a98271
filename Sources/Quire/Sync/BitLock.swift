// A sleeping lock in two bits of a word that has other uses: one says that somebody holds it, one that somebody sleeps for
// it. Linux: folio_lock, folio_trylock, PG_locked, PG_waiters.

import Synchronization

/// A handle on a lock of two bits.
@safe struct BitLock: BitwiseCopyable, @unchecked Sendable {
    private let word: Word32
    private let held: UInt32
    private let sleepers: UInt32
    private let name: SyncName

    @inline(__always) init(_ word: Word32, held: UInt32, sleepers: UInt32, _ name: SyncName) {
        self.word = word
        self.held = held
        self.sleepers = sleepers
        self.name = name
    }

    /// Takes the lock if it is free.
    func tryLock(_ cpu: CPU) -> Bool {
        guard unsafe lockPoint(cpu, .tryLock, word.cell, .acquire, name) else { return true }
        guard attempt(cpu) else { return false }
        unsafe cpu.acquired(word.cell, name, blocking: false)
        return true
    }

    /// Takes the lock; sleeps while another CPU holds it.
    func lock(_ cpu: CPU) {
        cpu.mightSleep()
        guard unsafe lockPoint(cpu, .lock, word.cell, .acquire, name, blockers: held) else { return }
        if !attempt(cpu) { sleepUntilLocked(cpu) }
        unsafe cpu.acquired(word.cell, name, blocking: true)
    }

    func unlock(_ cpu: CPU) {
        guard unsafe lockPoint(cpu, .unlock, word.cell, .release, name) else { return }
        unsafe cpu.released(word.cell, name)
        guard word.clear(cpu, bits: held | sleepers, name) & sleepers != 0 else { return }
        unsafe cpu.wake(word.cell, name)
    }

    /// Whether anybody holds it.
    func isLocked(_ cpu: CPU) -> Bool { word.loadRelaxed(cpu, name) & held != 0 }

    private func attempt(_ cpu: CPU) -> Bool {
        word.pointIfOpened(cpu, name, .load)
        let seen = unsafe word.cell.pointee.load(ordering: .relaxed)
        guard seen & held == 0 else { return false }
        guard !cpu.isSequential else {
            unsafe word.cell.pointee.store(seen | held, ordering: .relaxed)
            return true
        }
        word.pointIfOpened(cpu, name, .readModifyWrite)
        return unsafe word.cell.pointee.bitwiseOr(held, ordering: .acquiring).oldValue & held == 0
    }

    @inline(never)
    private func sleepUntilLocked(_ cpu: CPU) {
        precondition(!cpu.isSequential, "\(name.label) would sleep in a sequential machine")
        var turn = 0
        while !attempt(cpu) {
            if !cpu.opens(name) {
                unsafe cpu.spinOnce(word.cell, name, turn: turn)
                turn += 1
                guard cpu.mode == .parallel, turn > 100 else { continue }
            }
            // Another use of the word may change it meanwhile: then this does not sleep, and looks again.
            word.pointIfOpened(cpu, name, .readModifyWrite)
            let mark = cpu.lacks(.markOfSleeper) ? 0 : sleepers
            let seen = unsafe word.cell.pointee.bitwiseOr(mark, ordering: .relaxed).newValue
            if seen & held != 0 { unsafe cpu.sleep(on: word.cell, while: seen, name) }
        }
    }
}

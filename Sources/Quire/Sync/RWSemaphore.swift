// A reader-writer semaphore in one 32-bit word: many readers or one writer, who may sleep; a writer may become a
// reader without letting another writer in between. Waiting writers keep new readers out. Linux: rw_semaphore
// (mmap_lock, anon_vma, i_mmap_rwsem).

import Synchronization

/// A handle on a reader-writer semaphore. Bits 0–29: readers; bit 30: somebody sleeps; bit 31: a writer holds it.
@safe struct RWSemaphore: BitwiseCopyable, @unchecked Sendable {
    let word: Word32
    let name: SyncName

    private static let writer: UInt32 = 1 << 31
    /// The bit that says that a writer holds it.
    static let writerBit = writer
    private static let sleepers: UInt32 = 1 << 30
    private static let readers: UInt32 = 1 << 30 - 1

    @inline(__always) init(_ word: Word32, _ name: SyncName) {
        self.word = word
        self.name = name
    }

    @inline(__always) func readLock(_ cpu: CPU) {
        cpu.mightSleep()
        guard unsafe lockPoint(cpu, .readLock, word.cell, .acquire, name, blockers: Self.writer) else { return }
        if !attempt(cpu, adding: 1, unless: Self.writer | Self.sleepers) { sleepUntilRead(cpu) }
        unsafe cpu.acquired(word.cell, name, blocking: true)
    }

    @inline(__always) func tryReadLock(_ cpu: CPU) -> Bool {
        guard unsafe lockPoint(cpu, .tryLock, word.cell, .acquire, name) else { return true }
        guard attempt(cpu, adding: 1, unless: Self.writer | Self.sleepers) else { return false }
        unsafe cpu.acquired(word.cell, name, blocking: false)
        return true
    }

    @inline(__always) func readUnlock(_ cpu: CPU) {
        guard unsafe lockPoint(cpu, .readUnlock, word.cell, .release, name) else { return }
        unsafe cpu.released(word.cell, name)
        let left = subtract(cpu, 1)
        if left == Self.sleepers { wakeSleepers(cpu) }
    }

    @inline(__always) func writeLock(_ cpu: CPU) {
        cpu.mightSleep()
        guard unsafe lockPoint(cpu, .lock, word.cell, .acquire, name, blockers: Self.writer | Self.readers) else {
            return
        }
        if !attempt(cpu, adding: Self.writer, unless: ~0) { sleepUntilWrite(cpu) }
        unsafe cpu.acquired(word.cell, name, blocking: true)
    }

    @inline(__always) func tryWriteLock(_ cpu: CPU) -> Bool {
        guard unsafe lockPoint(cpu, .tryLock, word.cell, .acquire, name) else { return true }
        guard attempt(cpu, adding: Self.writer, unless: ~0) else { return false }
        unsafe cpu.acquired(word.cell, name, blocking: false)
        return true
    }

    @inline(__always) func writeUnlock(_ cpu: CPU) {
        guard unsafe lockPoint(cpu, .unlock, word.cell, .release, name) else { return }
        unsafe cpu.released(word.cell, name)
        if subtract(cpu, Self.writer) == Self.sleepers { wakeSleepers(cpu) }
    }

    /// Turns the write lock into a read lock; no other writer gets in between.
    func downgrade(_ cpu: CPU) {
        guard unsafe lockPoint(cpu, .downgrade, word.cell, .release, name) else { return }
        let left = subtract(cpu, Self.writer &- 1)
        if left & Self.sleepers != 0 { wakeSleepers(cpu) }
    }

    /// Takes it for write as nobody's: it stays taken until `open`, whoever calls that. What lies in it is in no use.
    func close(_ cpu: CPU) {
        cpu.mightSleep()
        guard unsafe lockPoint(cpu, .lock, word.cell, .acquire, name, blockers: Self.writer | Self.readers) else {
            return
        }
        if !attempt(cpu, adding: Self.writer, unless: ~0) { sleepUntilWrite(cpu) }
    }

    /// Gives up what `close` took.
    func open(_ cpu: CPU) {
        guard unsafe lockPoint(cpu, .unlock, word.cell, .release, name) else { return }
        if subtract(cpu, Self.writer) == Self.sleepers { wakeSleepers(cpu) }
    }

    /// Whether a writer holds it: for assertions.
    var isWriteLocked: Bool { unsafe word.cell.pointee.load(ordering: .relaxed) & Self.writer != 0 }

    /// Whether anybody holds it: for assertions.
    var isLocked: Bool {
        unsafe word.cell.pointee.load(ordering: .relaxed) & (Self.writer | Self.readers) != 0
    }

    // MARK: The slow sides

    @inline(__always)
    private func attempt(_ cpu: CPU, adding amount: UInt32, unless blockers: UInt32) -> Bool {
        word.pointIfOpened(cpu, name, .load)
        var old = unsafe word.cell.pointee.load(ordering: .relaxed)
        if cpu.isSequential {
            guard old & blockers == 0 else { return false }
            unsafe word.cell.pointee.store(old &+ amount, ordering: .relaxed)
            return true
        }
        while old & blockers == 0 {
            word.pointIfOpened(cpu, name, .readModifyWrite)
            let result = unsafe word.cell.pointee.compareExchange(
                expected: old, desired: old &+ amount, successOrdering: .acquiring, failureOrdering: .relaxed)
            if result.exchanged { return true }
            old = result.original
        }
        return false
    }

    @inline(__always) private func subtract(_ cpu: CPU, _ amount: UInt32) -> UInt32 {
        if cpu.isSequential {
            let new = unsafe word.cell.pointee.load(ordering: .relaxed) &- amount
            unsafe word.cell.pointee.store(new, ordering: .relaxed)
            return new
        }
        word.pointIfOpened(cpu, name, .readModifyWrite)
        return unsafe word.cell.pointee.wrappingSubtract(amount, ordering: .releasing).newValue
    }

    private func sleepUntilRead(_ cpu: CPU) {
        sleep(cpu) { attempt(cpu, adding: 1, unless: Self.writer) }
    }

    private func sleepUntilWrite(_ cpu: CPU) {
        sleep(cpu) { attempt(cpu, adding: Self.writer, unless: Self.writer | Self.readers) }
    }

    @inline(never)
    private func sleep(_ cpu: CPU, until taken: () -> Bool) {
        precondition(!cpu.isSequential, "\(name.label) would sleep in a sequential machine")
        var turn = 0
        while !taken() {
            if !cpu.opens(name) {
                unsafe cpu.spinOnce(word.cell, name, turn: turn)
                turn += 1
                guard cpu.mode == .parallel, turn > 100 else { continue }
            }
            word.pointIfOpened(cpu, name, .readModifyWrite)
            let mark = cpu.lacks(.markOfSleeper) ? 0 : Self.sleepers
            let seen = unsafe word.cell.pointee.bitwiseOr(mark, ordering: .relaxed).newValue
            if seen & (Self.writer | Self.readers) != 0 { unsafe cpu.sleep(on: word.cell, while: seen, name) }
        }
    }

    @inline(never)
    private func wakeSleepers(_ cpu: CPU) {
        word.pointIfOpened(cpu, name, .readModifyWrite)
        unsafe word.cell.pointee.bitwiseAnd(~Self.sleepers, ordering: .relaxed)
        unsafe cpu.wake(word.cell, name)
    }
}

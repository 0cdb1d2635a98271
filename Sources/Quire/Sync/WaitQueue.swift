// A queue of sleepers on one word: a waiter sleeps while the word has the value it saw, a waker changes the word
// and wakes. On real threads this is a futex; explored, the scheduler blocks and unblocks simulated CPUs.
// Linux: wait_queue_head, folio_wait_bit.

import Synchronization

/// A handle on a wait queue: the word counts the wake-ups.
@safe struct WaitQueue: BitwiseCopyable, @unchecked Sendable {
    let word: Word32

    @inline(__always) init(_ word: Word32) { self.word = word }

    /// The ticket to hand to `wait`: take it before testing the condition.
    func prepare(_ cpu: CPU) -> UInt32 { word.load(cpu, .waitQueue) }

    /// Sleeps until a wake-up that came after `prepare`; may return early.
    func wait(_ cpu: CPU, _ ticket: UInt32) {
        cpu.mightSleep()
        unsafe schedulePoint(cpu, .wait, word.cell, .acquire, .waitQueue)
        var turn = 0
        while unsafe word.cell.pointee.load(ordering: .acquiring) == ticket {
            precondition(!cpu.isSequential, "would sleep in a sequential machine")
            unsafe cpu.spinOnce(word.cell, .waitQueue, turn: turn)
            turn += 1
            if cpu.mode == .parallel {
                let raw = unsafe UnsafeMutableRawPointer(word.cell).assumingMemoryBound(to: UInt32.self)
                unsafe cpu.environment.host.park(raw, ticket)
            }
        }
    }

    /// Wakes all sleepers.
    func wakeAll(_ cpu: CPU) {
        word.add(cpu, 1, .waitQueue)
        unsafe schedulePoint(cpu, .wake, word.cell, .release, .waitQueue)
        guard cpu.mode == .parallel else { return }
        let raw = unsafe UnsafeMutableRawPointer(word.cell).assumingMemoryBound(to: UInt32.self)
        unsafe cpu.environment.host.unpark(raw, .max)
    }
}

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
        while word.load(cpu, .waitQueue) == ticket {
            precondition(!cpu.isSequential, "would sleep in a sequential machine")
            unsafe cpu.sleep(on: word.cell, while: ticket, .waitQueue)
        }
    }

    /// Wakes all sleepers.
    func wakeAll(_ cpu: CPU) {
        word.add(cpu, 1, .waitQueue)
        unsafe cpu.wake(word.cell, .waitQueue)
    }
}

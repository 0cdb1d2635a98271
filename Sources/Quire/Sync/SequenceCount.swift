// A sequence count: readers run without a lock and repeat when a writer was there. What it protects is read by
// relaxed atomics. Linux: seqcount_t (`write_protect_seq`, `mm_lock_seq`).

/// A handle on a sequence count: odd while a writer is at work.
@safe struct SequenceCount: BitwiseCopyable, @unchecked Sendable {
    let word: Word32

    @inline(__always) init(_ word: Word32) { self.word = word }

    /// Begins a read: the value to hand to `mustRetry`. Waits for a writer to finish.
    func beginRead(_ cpu: CPU) -> UInt32 {
        var turn = 0
        while true {
            let value = word.load(cpu, .sequence)
            if value & 1 == 0 { return value }
            unsafe cpu.spinOnce(word.cell, .sequence, turn: turn)
            turn += 1
        }
    }

    /// Reads the count without waiting; odd: a writer is at work.
    func peek(_ cpu: CPU) -> UInt32 { word.load(cpu, .sequence) }

    /// Whether what was read since `beginRead` must be thrown away.
    func mustRetry(_ cpu: CPU, _ begun: UInt32) -> Bool {
        // The acquiring add of nothing keeps the reads before it from moving below it.
        word.add(cpu, 0, .sequence) != begun
    }

    /// Begins a write; the caller excludes other writers.
    func beginWrite(_ cpu: CPU) { word.add(cpu, 1, .sequence) }

    /// Ends a write.
    func endWrite(_ cpu: CPU) { word.add(cpu, 1, .sequence) }
}

// A counter with a slot for each CPU: adding touches only the own slot, reading sums all. One block holds several
// counters that are used together (an address space's RSS kinds and fault counts), so that a CPU touches one cache
// line for all of them. Linux: percpu_counter, mm_struct's rss_stat.

import Synchronization

/// A block of up to eight counters, one cache line for each CPU.
@safe struct PerCPUCounters: BitwiseCopyable, @unchecked Sendable {
    let base: UnsafeMutableRawPointer
    let cpus: Int

    static let line = 64

    /// The bytes that a block for `cpus` CPUs needs.
    static func bytes(cpus: Int) -> Int { cpus * line }

    /// Adds to a counter of the own CPU; only that CPU ever writes the slot.
    @inline(__always) func add(_ cpu: CPU, _ counter: Int, _ amount: Int64) {
        let word = unsafe Word64(at: base + cpu.index * Self.line + counter * 8)
        unsafe word.cell.pointee.store(
            word.cell.pointee.load(ordering: .relaxed) &+ UInt64(bitPattern: amount), ordering: .relaxed)
    }

    /// The sum over all CPUs: exact when nothing runs, else a value of some recent moment.
    func sum(_ counter: Int) -> Int64 {
        var total: Int64 = 0
        for cpu in 0..<cpus {
            let word = unsafe Word64(at: base + cpu * Self.line + counter * 8)
            total &+= unsafe Int64(bitPattern: word.cell.pointee.load(ordering: .relaxed))
        }
        return total
    }
}

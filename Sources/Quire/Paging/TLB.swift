// The translation caches of the simulated CPUs. Off unless a machine asks for them: then flushes are only counted.
// On, each CPU has a set-associative cache of translations with the address space's tag; entries stay until they
// are flushed or evicted, so a stale one can be seen. Linux: flush_tlb_mm_range, and the hardware itself.

import Synchronization

/// The TLBs of a machine: `sets` × 4 slots for each CPU, each slot two words (tagged page, entry).
@safe struct TLBs: BitwiseCopyable, @unchecked Sendable {
    let base: UnsafeMutableRawPointer
    let cpus: Int

    static let ways = 4
    static let sets = 16
    private static let bytesPerCPU = ways * sets * 16

    /// The TLBs in the memory that a machine set aside for them.
    init(_ state: RawState, cpus: Int) {
        unsafe base = state.tlbMemory
        self.cpus = cpus
    }

    /// The bytes that the TLBs of `cpus` CPUs need.
    static func bytes(cpus: Int) -> Int { cpus * bytesPerCPU }

    private func slot(_ cpu: Int, _ page: UInt64, _ way: Int) -> (tag: Word64, entry: Word64) {
        let set = Int(page & UInt64(Self.sets - 1))
        let address = unsafe base + cpu * Self.bytesPerCPU + (set * Self.ways + way) * 16
        return unsafe (Word64(at: address), Word64(at: address + 8))
    }

    private func tag(_ space: UInt32, _ page: UInt64) -> UInt64 { UInt64(space) << 46 | (page + 1) }

    /// The cached entry for a page of an address space, if the CPU has one.
    func lookUp(_ cpu: CPU, space: UInt32, page: UInt64) -> Entry? {
        for way in 0..<Self.ways {
            let slot = slot(cpu.index, page, way)
            if slot.tag.load(cpu, .tlb) == tag(space, page) {
                cpu.count(.tlbHits)
                return Entry(slot.entry.load(cpu, .tlb))
            }
        }
        cpu.count(.tlbMisses)
        return nil
    }

    /// Caches an entry, in the place of the page's older one or of the next victim.
    func fill(_ cpu: CPU, space: UInt32, page: UInt64, _ entry: Entry) {
        var victim = Int(truncatingIfNeeded: (page >> 4) ^ UInt64(cpu.value(of: .tlbMisses))) & (Self.ways - 1)
        for way in 0..<Self.ways {
            let seen = slot(cpu.index, page, way).tag.loadRelaxed(cpu, .tlb)
            if seen == tag(space, page) || seen == 0 { victim = way }
        }
        let slot = slot(cpu.index, page, victim)
        slot.entry.store(cpu, entry.rawValue, .tlb)
        slot.tag.store(cpu, tag(space, page), .tlb)
    }

    /// Drops the translations of a range of an address space on every CPU.
    func flush(_ cpu: CPU, space: UInt32, _ start: UInt64, _ end: UInt64) {
        let first = start >> Page.shift
        let last = (end - 1) >> Page.shift
        for other in 0..<cpus {
            for set in 0..<UInt64(Self.sets) {
                for way in 0..<Self.ways {
                    let word = slot(other, set, way).tag
                    let value = word.load(cpu, .tlb)
                    guard value != 0, value >> 46 == UInt64(space) else { continue }
                    let page = value & (1 << 46 - 1) - 1
                    if page >= first && page <= last { word.store(cpu, 0, .tlb) }
                }
            }
        }
    }
}

extension PageTables {
    /// Flushes a range of this address space on all CPUs, counts it, and waits until it is done everywhere.
    func flushRange(_ cpu: CPU, _ start: UInt64, _ end: UInt64) {
        invalidateRange(cpu, start, end)
        completeFlush(cpu)
    }

    /// Flushes a range without the barrier at the end: whoever depends on it waits by `completeFlush` before, once for
    /// several ranges (__flush_tlb_range_nosync).
    func invalidateRange(_ cpu: CPU, _ start: UInt64, _ end: UInt64) {
        cpu.count(.tlbFlushes)
        cpu.count(.tlbFlushedPages, (end &- start) >> Page.shift)
        unsafe schedulePoint(cpu, .flush, UnsafeRawPointer(words), .sequential, .tlb)
        if let tlbs { tlbs.flush(cpu, space: owner, start, end) }
    }

    /// Waits until what was flushed is gone on every CPU, and accesses by old translations are over (dsb ish).
    func completeFlush(_ cpu: CPU) {
        cpu.count(.tlbBarriers)
        memory.accesses.waitForOthers(cpu)
    }
}

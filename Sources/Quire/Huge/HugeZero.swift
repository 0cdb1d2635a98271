// The huge zero page: 512 frames of zeroes that every read of an untouched 2 MiB may map. It is made at the first such
// read and goes when nobody maps it and caches are dropped. Linux: mm_get_huge_zero_folio, shrink_huge_zero_folio_scan.

extension MachineCore {
    /// Its first frame; none where it has not been made.
    func hugeZeroFrame(_ cpu: CPU) -> FrameNumber {
        FrameNumber(UInt32(truncatingIfNeeded: hugeZeroWord.load(cpu, .frameFlags)))
    }

    /// Makes it if it is not there, and takes a reference. False where there is no block of memory.
    func makeHugeZero(_ cpu: CPU) -> Bool {
        if hugeZeroFrame(cpu).isNone {
            let made = memory.allocateFolio(cpu, order: FolioOrder.huge, [.zeroed, .maySleep])
            guard !made.isNone else {
                cpu.count(.hugeZeroFailed)
                return false
            }
            cpu.count(.hugeZeroMade)
            memory.initializeFolio(
                made, order: FolioOrder.huge, .zero, flags: 0, pageFlags: 0, references: 1, mapping: 0, index: 0)
            if !hugeZeroWord.replace(cpu, 0, with: UInt64(made.rawValue), .frameFlags) {
                memory.freeFolio(cpu, made)
            }
        }
        getHugeZero(cpu)
        return true
    }

    /// Another leaf maps it.
    func getHugeZero(_ cpu: CPU) { memory.refcount(hugeZeroFrame(cpu)).add(cpu, 1, .refcount) }

    /// A leaf that mapped it is gone. False: nothing has to be flushed for it.
    func putHugeZero(_ cpu: CPU) -> Bool {
        memory.refcount(hugeZeroFrame(cpu)).subtract(cpu, 1, .refcount)
        return false
    }

    /// Frees it if no leaf maps it.
    func shrinkHugeZero(_ cpu: CPU) {
        let frame = hugeZeroFrame(cpu)
        guard !frame.isNone, memory.refcount(frame).load(cpu, .refcount) == 1 else { return }
        hugeZeroWord.store(cpu, 0, .frameFlags)
        memory.freeFolio(cpu, frame)
    }
}

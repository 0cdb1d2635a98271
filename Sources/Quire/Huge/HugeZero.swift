// The huge zero page: 512 frames of zeroes that every read of an untouched 2 MiB may map. It is made at the first such
// read. An address space that has mapped it holds one reference to its end, however many leaves map it; it goes when no
// address space holds it and caches are dropped. Linux: mm_get_huge_zero_folio, mm_put_huge_zero_folio,
// shrink_huge_zero_folio_scan.

extension AddressSpace {
    /// Makes sure that this address space holds the huge zero page. False where there is no block of memory.
    func holdHugeZero(_ cpu: CPU) -> Bool {
        if hugeZeroHeld.load(cpu, .counter) != 0 { return true }
        guard core.takeHugeZero(cpu) else { return false }
        // Another fault was faster.
        if !hugeZeroHeld.replace(cpu, 0, with: 1, .counter) { core.putHugeZero(cpu) }
        return true
    }

    /// The address space ends: nothing of it maps the page any more.
    func releaseHugeZero(_ cpu: CPU) {
        if hugeZeroHeld.load(cpu, .counter) != 0 { core.putHugeZero(cpu) }
    }
}

extension MachineCore {
    /// Its first frame; none where it has not been made.
    func hugeZeroFrame(_ cpu: CPU) -> FrameNumber {
        FrameNumber(UInt32(truncatingIfNeeded: hugeZeroWord.load(cpu, .frameFlags)))
    }

    /// Takes a reference, and makes the page first if it is not there. False where there is no block of memory.
    fileprivate func takeHugeZero(_ cpu: CPU) -> Bool {
        while true {
            let frame = hugeZeroFrame(cpu)
            if frame.isNone {
                guard let isOurs = makeHugeZero(cpu) else { return false }
                if isOurs { return true }
            } else if addReference(cpu, frame) {
                // It may have gone meanwhile, and its frames be somebody else's now.
                if hugeZeroFrame(cpu) == frame { return true }
                memory.put(cpu, folio: frame, count: 1)
            }
        }
    }

    /// One reference more, unless there is none (atomic_inc_not_zero).
    private func addReference(_ cpu: CPU, _ frame: FrameNumber) -> Bool {
        while true {
            let now = memory.refcount(frame).load(cpu, .refcount)
            if now == 0 { return false }
            if memory.refcount(frame).replace(cpu, now, with: now + 1, .refcount) { return true }
        }
    }

    /// Makes the page with two references, the machine's and the caller's; nil where there is no memory, false where
    /// somebody was faster.
    private func makeHugeZero(_ cpu: CPU) -> Bool? {
        let made = memory.allocateFolio(cpu, order: FolioOrder.huge, [.zeroed, .maySleep])
        guard !made.isNone else {
            cpu.count(.hugeZeroFailed)
            return nil
        }
        memory.initializeFolio(
            cpu, made, order: FolioOrder.huge, .zero, flags: 0, pageFlags: 0, references: 2, mapping: 0, index: 0)
        if hugeZeroWord.replace(cpu, 0, with: UInt64(made.rawValue), .frameFlags) {
            cpu.count(.hugeZeroMade)
            return true
        }
        memory.freeFolio(cpu, made)
        return false
    }

    /// An address space holds it no longer.
    fileprivate func putHugeZero(_ cpu: CPU) { memory.refcount(hugeZeroFrame(cpu)).subtract(cpu, 1, .refcount) }

    /// Frees it if no address space holds it.
    func shrinkHugeZero(_ cpu: CPU) {
        let frame = hugeZeroFrame(cpu)
        guard !frame.isNone, memory.refcount(frame).replace(cpu, 1, with: 0, .refcount) else { return }
        hugeZeroWord.store(cpu, 0, .frameFlags)
        memory.freeFolio(cpu, frame)
    }
}

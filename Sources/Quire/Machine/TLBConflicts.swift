// Whether the TLBs may mislead: two translations of one address in one TLB, or one that the tables no longer give.
// Tests and explorers ask between schedule points; between calls there must be none at all. The names are
// INV-TLB-SIZE and INV-TLB-ONE. Linux relies on them (pmdp_invalidate, ptep_clear_flush) and cannot look.

/// A translation in a TLB that should not be there.
struct TLBConflict: BitwiseCopyable, Sendable, Equatable {
    enum Kind: BitwiseCopyable, Sendable {
        /// The same TLB has the address with another size (INV-TLB-SIZE).
        case size
        /// The same TLB has the address with another frame (INV-TLB-ONE).
        case frame
        /// The tables translate the address with another size or to another frame: a walk could bring a second one.
        case second
        /// The tables allow less, or do not translate the address.
        case stale
    }

    var kind: Kind
    var cpu: Int
    var address: UInt64
}

/// A translation as a TLB holds it.
private struct Held {
    var start: UInt64
    /// log2 of the bytes that it covers.
    var shift: UInt64
    /// The class of the leaf that the tables had.
    var origin: Int
    var payload: UInt64

    var last: UInt64 { start + (1 << shift - 1) }
    func frame(_ address: UInt64) -> UInt64 {
        UInt64(TLBKey.frame(payload)) + (address - start) >> Page.shift
    }
}

extension AddressSpace {
    /// The conflicts in all TLBs, by CPU and address; of a `CPU` that is inside no access. O(translations held).
    func tlbConflicts(_ cpu: CPU) -> [TLBConflict] {
        guard let tlbs = core.tlbs else { return [] }
        var conflicts: [TLBConflict] = []
        for index in 0..<tlbs.cpus {
            let held = translations(cpu, tlbs, index)
            for (place, one) in held.enumerated() {
                if let kind = conflict(one, with: held[(place + 1)...]) {
                    conflicts.append(TLBConflict(kind: kind, cpu: index, address: one.start))
                }
                if let kind = conflictWithTables(cpu, tlbs, one) {
                    conflicts.append(TLBConflict(kind: kind, cpu: index, address: one.start))
                }
            }
        }
        return conflicts
    }

    /// What a CPU's TLB holds of this address space and may use, by address.
    private func translations(_ cpu: CPU, _ tlbs: TLBs, _ index: Int) -> [Held] {
        let tlb = tlbs[index]
        tlb.lock(cpu)
        defer { tlb.unlock(cpu) }
        return translations(cpu, tlbs, in: tlb)
    }

    /// The same of a TLB whose lock is held.
    private func translations(_ cpu: CPU, _ tlbs: TLBs, in tlb: TLB) -> [Held] {
        guard let tag = tlb.liveTag(cpu, tables) else { return [] }
        var held: [Held] = []
        tlb.each { key, payload in
            guard key & TLBKey.tag == tag else { return }
            let shift = tlbs.shift(ofClass: TLBKey.sizeClass(key))
            held.append(
                Held(
                    start: (key & TLBKey.number) << shift, shift: shift, origin: TLBKey.origin(payload),
                    payload: payload))
        }
        return held.sorted { $0.start < $1.start }
    }

    private func conflict(_ one: Held, with others: ArraySlice<Held>) -> TLBConflict.Kind? {
        for other in others {
            if other.start > one.last { return nil }
            if other.origin != one.origin { return .size }
            if other.frame(other.start) != one.frame(other.start) { return .frame }
        }
        return nil
    }

    private func conflictWithTables(_ cpu: CPU, _ tlbs: TLBs, _ one: Held) -> TLBConflict.Kind? {
        guard let (entry, level, frame) = leafEntry(cpu, one.start) else { return .stale }
        let format = tables.format
        let leaf = tlbs.leafClass(level: level, folded: format.isFolded(entry))
        if leaf != one.origin || UInt64(frame.rawValue) != one.frame(one.start) { return .second }
        let cached = Entry(one.payload)
        let allowsMore =
            format.isWritable(cached) && !format.isWritable(entry)
            || format.isExecutable(cached) && !format.isExecutable(entry)
        // A block's dirty state may stand in any of its entries.
        let losesDirty = format.isDirty(cached) && !format.isDirty(entry) && !format.isFolded(entry)
        return allowsMore || losesDirty ? .stale : nil
    }

    /// The leaf that the hardware's walk comes to, its level, and the frame of the address.
    func leafEntry(_ cpu: CPU, _ address: UInt64) -> (entry: Entry, level: Int, frame: FrameNumber)? {
        let format = tables.format
        var table = tables.root
        var level = format.levels - 1
        while true {
            let entry = tables.word(cpu, table, format.index(address, level: level))
            guard format.isValidForHardware(entry) else { return nil }
            if level == 0 || format.isHuge(entry) {
                let inside = (address >> Page.shift) & (1 << (format.shift(ofLevel: level) - Page.shift) - 1)
                return (entry, level, memory.page(format.frame(entry), Int(inside)))
            }
            table = format.frame(entry)
            level -= 1
        }
    }

    /// Traps where a TLB may mislead.
    func checkTLBs(_ cpu: CPU) {
        for conflict in tlbConflicts(cpu) {
            cpu.violated(
                "TLB of CPU \(conflict.cpu): \(conflict.kind) translation of \(VirtualAddress(conflict.address))")
        }
    }
}

// An access on a machine with TLBs: look-up, and where no translation serves, the walk that hardware would make: entry by
// entry from the root to a leaf of any level, counted, with accessed and dirty set; what it finds is cached with its
// size. The way without TLBs is in Access.swift. Linux knows of this only what it must flush.

extension AddressSpace {
    /// The frame for an access through the TLB of the CPU, or none: a fault. The TLB is locked from look-up to fill; the access
    /// section that goes on around the use keeps a flush waiting until that is over too.
    @inline(never)
    func translate(_ cpu: CPU, _ tlbs: TLBs, _ address: UInt64, _ access: Access) -> FrameNumber {
        let tlb = enter(cpu, tlbs)
        let frame = translate(cpu, tlbs, tlb, address, access)
        tlb.unlock(cpu)
        return frame
    }

    /// Takes the CPU's TLB for an access, and lets the CPU run this address space.
    @inline(__always) fileprivate func enter(_ cpu: CPU, _ tlbs: TLBs) -> TLB {
        let tlb = tlbs[cpu.index]
        tlb.lock(cpu)
        if !tlb.runs(number) { tlbs.switchTo(cpu, tlb, tables) }
        return tlb
    }

    /// The same, with the TLB locked.
    @inline(__always)
    private func translate(
        _ cpu: CPU, _ tlbs: TLBs, _ tlb: TLB, _ address: UInt64, _ access: Access
    ) -> FrameNumber {
        if let found = tlb.lookUp(address) {
            cpu.count(.tlbHits)
            if cpu.isExplored { noteIfStale(cpu, address, found.frame) }
            if allows(found.entry, access), access != .write || tables.format.isDirty(found.entry) {
                return found.frame
            }
            cpu.count(.tlbRewalks)
            return walkToLeaf(cpu, tlbs, tlb, address, access, isAbsent: false)
        }
        cpu.count(.tlbMisses)
        let table = tables.table(cpu, address, level: 0)
        guard !table.isNone else { return walkToLeaf(cpu, tlbs, tlb, address, access, isAbsent: true) }
        let levels = UInt64(truncatingIfNeeded: tables.format.levels)
        cpu.count(.tlbWalkReferences, levels)
        let entry = mark(cpu, table, tables.format.index(address, level: 0), access)
        guard !entry.isNone else { return .none }
        let frame = tables.format.frame(entry)
        let leaf = tlbs.leafClass(level: 0, folded: tables.format.isFolded(entry))
        tlb.countWalk(leaf, references: levels)
        if cpu.isExplored { tlbs.checkFill(cpu, tlb, cpu.index, address, leaf: leaf, frame, replaces: false) }
        tlb.fill(address, entry, leaf: leaf, frame, frameMask: tables.format.frameMask, isAbsent: true)
        return frame
    }

    /// The walk to a leaf of any level, or to nothing.
    @inline(never)
    private func walkToLeaf(
        _ cpu: CPU, _ tlbs: TLBs, _ tlb: TLB, _ address: UInt64, _ access: Access, isAbsent: Bool
    ) -> FrameNumber {
        var table = tables.root
        var level = tables.format.levels - 1
        var references: UInt64 = 1
        var index = tables.format.index(address, level: level)
        while level > 0 {
            let entry = tables.word(cpu, table, index)
            guard tables.format.isValidForHardware(entry) else {
                cpu.count(.tlbWalkReferences, references)
                return .none
            }
            if tables.format.isHuge(entry) { break }
            table = tables.format.frame(entry)
            level &-= 1
            references &+= 1
            index = tables.format.index(address, level: level)
        }
        cpu.count(.tlbWalkReferences, references)
        let entry = mark(cpu, table, index, access, isHuge: level > 0)
        guard !entry.isNone else { return .none }
        let inside = (address >> Page.shift) & (1 << (tables.format.shift(ofLevel: level) &- Page.shift) &- 1)
        let frame = memory.page(tables.format.frame(entry), Int(truncatingIfNeeded: inside))
        let leaf = tlbs.leafClass(level: level, folded: tables.format.isFolded(entry))
        tlb.countWalk(leaf, references: references)
        if cpu.isExplored { tlbs.checkFill(cpu, tlb, cpu.index, address, leaf: leaf, frame, replaces: !isAbsent) }
        tlb.fill(address, entry, leaf: leaf, frame, frameMask: tables.format.frameMask, isAbsent: isAbsent)
        return frame
    }
}

extension Task {
    /// Lets the task's CPU run its address space from now on, as a switch to the task would; any access does so as well.
    /// Only a machine with TLBs notices.
    public func schedule() {
        guard let tlbs = machine.core.tlbs else { return }
        space.enter(cpu, tlbs).unlock(cpu)
    }
}

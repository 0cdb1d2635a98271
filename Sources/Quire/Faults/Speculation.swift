// What hardware does without being asked: a processor may translate any address at any time and keep what it found. Explored,
// such a fill is a strand of its own, and one step: entries are read at the moment that the translation is
// kept. A walk that an invalidation overtakes keeps nothing, so that reading them earlier would show nothing else.
// An exhaustive or random search tries it everywhere; DPOR does not see what it reads. Neighbour: TLBAccess.swift.

extension Task {
    /// Lets the TLB of a CPU translate an address by itself, if the CPU runs this task's address space and a walk would find
    /// a translation that was used before. Nothing where there are no TLBs. O(translations held) while explored.
    public func speculate(_ address: UInt64, on number: Int) {
        guard let tlbs = machine.core.tlbs, address < space.tables.format.userEnd else { return }
        let tlb = tlbs[number]
        tlb.lock(cpu)
        defer { tlb.unlock(cpu) }
        // To set the accessed flag would be a second step.
        guard tlb.runs(space.number), let found = space.leafNow(address), space.tables.format.isAccessed(found.entry)
        else { return }
        let leaf = tlbs.leafClass(level: found.level, folded: space.tables.format.isFolded(found.entry))
        tlbs.checkFill(cpu, tlb, number, address, leaf: leaf, found.frame, replaces: false)
        tlb.fill(
            address, found.entry, leaf: leaf, found.frame, frameMask: space.tables.format.frameMask, isAbsent: false)
    }
}

extension AddressSpace {
    /// Tells the explorer where a translation from a TLB is not what the tables say.
    @inline(never) func noteIfStale(_ cpu: CPU, _ address: UInt64, _ frame: FrameNumber) {
        if leafNow(address)?.frame != frame { cpu.note(.staleHit(address)) }
    }

    /// The leaf that a walk would come to, its level, and the frame of the address: a look without an operation.
    fileprivate func leafNow(_ address: UInt64) -> (entry: Entry, level: Int, frame: FrameNumber)? {
        let format = tables.format
        var table = tables.root
        var level = format.levels - 1
        while true {
            let entry = Entry(memory.wordNow(table, format.index(address, level: level)))
            guard format.isValidForHardware(entry) else { return nil }
            if level == 0 || format.isHuge(entry) {
                let inside = (address >> Page.shift) & (1 << (format.shift(ofLevel: level) - Page.shift) - 1)
                return (entry, level, memory.page(format.frame(entry), Int(inside)))
            }
            table = format.frame(entry)
            level -= 1
        }
    }
}

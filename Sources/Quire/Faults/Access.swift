// An access as the hardware makes it: look in the TLB, walk the tables, set accessed and dirty, or fault. The walk
// takes no lock; an access section stands for "no interrupt comes in the middle". Every byte that a program,
// a system call or another process touches comes through here. Linux: asm_exc_page_fault and the MMU itself.

extension AddressSpace {
    /// Makes one access: `body` uses the frame that the address maps, after as many faults as it takes. Walk and use
    /// are one access section: a flush of translations by another CPU waits for its end.
    @inline(__always)
    func use(_ cpu: CPU, _ address: UInt64, _ access: Access, _ body: (FrameNumber) -> Void) -> FaultOutcome {
        while true {
            memory.accesses.enter(cpu)
            let frame = hardwareWalk(cpu, address, access)
            if !frame.isNone { body(frame) }
            memory.accesses.exit(cpu)
            if !frame.isNone { return .done(major: false) }
            let outcome = fault(cpu, address, access)
            switch outcome {
            case .done, .retry: continue
            default: return outcome
            }
        }
    }

    /// The hardware's walk: the frame, with accessed and dirty set, or none: a fault.
    @inline(__always)
    private func hardwareWalk(_ cpu: CPU, _ address: UInt64, _ access: Access) -> FrameNumber {
        // A walk looks at no bits above the top level's: another address would alias a mapped one.
        guard address < tables.format.userEnd else { return .none }
        if let tlbs = core.tlbs { return walkThroughTLB(cpu, tlbs, address, access) }
        let table = tables.table(cpu, address, level: 0)
        guard !table.isNone else { return walkLeaf(cpu, address, access) }
        return mark(cpu, table, tables.format.index(address, level: 0), access)
    }

    /// The walk where it ends above the PTE level: at a leaf, or at nothing.
    @inline(never)
    private func walkLeaf(_ cpu: CPU, _ address: UInt64, _ access: Access) -> FrameNumber {
        guard let leaf = tables.leaf(cpu, address) else { return .none }
        let head = mark(cpu, leaf.pmdTable, leaf.index, access)
        return head.isNone ? .none : memory.page(head, tables.format.index(address, level: 0))
    }

    /// Uses an entry: checks the rights and sets accessed and dirty, as the walker does.
    @inline(__always)
    private func mark(_ cpu: CPU, _ table: FrameNumber, _ index: Int, _ access: Access) -> FrameNumber {
        while true {
            // The word as it is: hardware knows nothing of what a block's other entries say.
            let entry = tables.word(cpu, table, index)
            guard tables.format.isValidForHardware(entry), allows(entry, access) else { return .none }
            var wanted = tables.format.used(entry)
            if access == .write { wanted = tables.format.dirtied(wanted) }
            if wanted == entry { return tables.format.frame(entry) }
            if memory.word(table, index).replace(cpu, entry.rawValue, with: wanted.rawValue, .entry) {
                return tables.format.frame(entry)
            }
        }
    }

    @inline(__always) private func allows(_ entry: Entry, _ access: Access) -> Bool {
        switch access {
        case .read, .unshare: true
        case .write: tables.format.isWritable(entry)
        case .execute: tables.format.isExecutable(entry)
        }
    }

    @inline(never)
    private func walkThroughTLB(_ cpu: CPU, _ tlbs: TLBs, _ address: UInt64, _ access: Access) -> FrameNumber {
        let page = address >> Page.shift
        let format = tables.format
        if let cached = tlbs.lookUp(cpu, space: number, page: page), allows(cached, access),
            access != .write || format.isDirty(cached)
        {
            return format.frame(cached)
        }
        let table = tables.table(cpu, address, level: 0)
        guard !table.isNone else { return walkLeaf(cpu, address, access) }
        let index = format.index(address, level: 0)
        let frame = mark(cpu, table, index, access)
        if !frame.isNone {
            var entry = format.used(tables.load(cpu, table, index))
            if access == .write { entry = format.dirtied(entry) }
            tlbs.fill(cpu, space: number, page: page, entry)
        }
        return frame
    }
}

// An access as the hardware makes it: walk the tables, set accessed and dirty, or fault. The walk takes no lock; an access
// section stands for "no interrupt comes in the middle". Every byte that a program, a system call or another process
// touches comes through here; with TLBs it goes on in TLBAccess.swift. Linux: asm_exc_page_fault and the MMU itself.

extension AddressSpace {
    /// Makes one access: `body` uses the frame that the address maps, after as many faults as it takes. Walk and use
    /// are one access section: a flush of translations by another CPU waits for its end.
    @_transparent
    func use(_ cpu: CPU, _ address: UInt64, _ access: Access, _ body: (FrameNumber) -> Void) -> FaultOutcome {
        while true {
            memory.accesses.enter(cpu)
            let frame = hardwareWalk(cpu, address, access)
            if !frame.isNone {
                if cpu.isExplored { memory.announceUse(cpu, frame, address, isWrite: access == .write) }
                body(frame)
            }
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
    @_transparent
    private func hardwareWalk(_ cpu: CPU, _ address: UInt64, _ access: Access) -> FrameNumber {
        // A walk looks at no bits above the top level's: another address would alias a mapped one.
        guard address < tables.format.userEnd else { return .none }
        if let tlbs = core.tlbs { return translate(cpu, tlbs, address, access) }
        let table = tables.table(cpu, address, level: 0)
        guard !table.isNone else { return walkLeaf(cpu, address, access) }
        return tables.format.frame(mark(cpu, table, tables.format.index(address, level: 0), access))
    }

    /// The walk where it ends above the PTE level: at a leaf, or at nothing.
    @inline(never)
    private func walkLeaf(_ cpu: CPU, _ address: UInt64, _ access: Access) -> FrameNumber {
        guard let leaf = tables.leaf(cpu, address) else { return .none }
        let head = tables.format.frame(mark(cpu, leaf.pmdTable, leaf.index, access, isHuge: true))
        return head.isNone ? .none : memory.page(head, tables.format.index(address, level: 0))
    }

    /// Uses an entry: checks the rights and sets accessed and dirty, as the walker does. The entry as it is then; none where
    /// it does not serve.
    @inline(__always)
    func mark(_ cpu: CPU, _ table: FrameNumber, _ index: Int, _ access: Access, isHuge: Bool = false) -> Entry {
        while true {
            // The word as it is: hardware knows nothing of what a block's other entries say.
            let entry = tables.word(cpu, table, index)
            guard tables.format.isValidForHardware(entry), allows(entry, access) else { return .none }
            if cpu.isExplored, !isHuge { tables.checkWalkedBlock(cpu, table, index) }
            // What was a leaf may be a table by now.
            if isHuge, !tables.format.isHuge(entry) { return .none }
            var wanted = tables.format.used(entry)
            if access == .write { wanted = tables.format.dirtied(wanted) }
            if wanted == entry { return entry }
            if memory.word(table, index).replace(cpu, entry.rawValue, with: wanted.rawValue, .entry) {
                return wanted
            }
        }
    }

    @inline(__always) func allows(_ entry: Entry, _ access: Access) -> Bool {
        switch access {
        case .read, .unshare: true
        case .write: tables.format.isWritable(entry)
        case .execute: tables.format.isExecutable(entry)
        }
    }
}

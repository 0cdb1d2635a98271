// Taking a PMD mapping apart into a PTE table: the deposited table takes its place, with an entry for each page. The folio
// stays what it is. Frozen, the entries name the pages but map nothing, for whoever splits or moves the folio itself.
// Linux: __split_huge_pmd_locked, __split_huge_zero_page_pmd.

extension MachineCore {
    /// Takes the mapping of an address apart, if it is a leaf of an area with these flags, and if it maps the folio that
    /// `expected` names. With `frozen` the pages are no longer mapped, and thaw later (FreezeFolio.swift).
    func splitLeaf(
        _ cpu: CPU, _ tables: PageTables, _ flags: AreaFlags, at address: UInt64, frozen: Bool = false,
        of expected: FrameNumber? = nil
    ) {
        memory.rcu.enter(cpu)
        defer { memory.rcu.exit(cpu) }
        guard let position = tables.leaf(cpu, address),
            expected == nil || expected == tables.format.frame(position.entry),
            tables.lockLeaf(cpu, position) != nil
        else { return }
        cpu.count(.mappingsSplit)
        let format = tables.format
        let start = address & ~(tables.hugeSize - 1)
        // The old size goes before the new one comes: no TLB may hold both (INV-TLB-SIZE).
        let old = tables.invalidateLeaf(cpu, position)
        tables.flushLeaf(cpu, start)
        let table = tables.withdraw(cpu, from: position.pmdTable)
        tables.setBase(of: table, start)
        if memory.kind(cpu, format.frame(old)) == .zero {
            fillWithZeroPage(cpu, tables, table, flags)
        } else {
            fill(cpu, tables, table, old, frozen: frozen)
            let head = format.frame(old)
            if !frozen { memory.mapPages(cpu, head, first: 0, count: 1 << FolioOrder.huge, owner: tables.owner) }
            memory.unmapWhole(cpu, head, owner: tables.owner)
            if flags.contains(.locked) { memory.countLocked(cpu, head, more: false) }
            if frozen { memory.put(cpu, folio: head, count: 1) }
        }
        tables.update(cpu, position.pmdTable, position.index, format.table(table))
        tables.pmdLock(position.pmdTable).unlock(cpu)
    }

    private func fillWithZeroPage(_ cpu: CPU, _ tables: PageTables, _ table: FrameNumber, _ flags: AreaFlags) {
        let zero = tables.format.leaf(
            zeroFrame, read: !flags.isDisjoint(with: .rights), write: false, execute: flags.contains(.execute))
        for index in 0..<(1 << FolioOrder.huge) { tables.install(cpu, table, index, zero) }
    }

    /// Writes an entry for each page that a leaf mapped.
    private func fill(_ cpu: CPU, _ tables: PageTables, _ table: FrameNumber, _ old: Entry, frozen: Bool) {
        let format = tables.format
        let head = format.frame(old)
        // What hardware noted for the whole is true for the folio; every page inherits the right to be written.
        if format.isDirty(old) { memory.flags(head).set(cpu, bits: FrameFlags.dirty, .frameFlags) }
        let isExclusive = memory.has(cpu, head, FrameFlags.anonExclusive)
        if !frozen { memory.refcount(head).add(cpu, UInt32(1 << FolioOrder.huge - 1), .refcount) }
        for number in 0..<(1 << FolioOrder.huge) {
            if frozen {
                let entry = format.frozen(format.smallLeaf(old, page: number), isExclusive: isExclusive)
                tables.install(cpu, table, number, entry)
            } else if isExclusive {
                memory.flags(memory.page(head, number)).set(cpu, bits: FrameFlags.anonExclusive, .frameFlags)
            }
        }
        if frozen, isExclusive { memory.flags(head).clear(cpu, bits: FrameFlags.anonExclusive, .frameFlags) }
        if !frozen { tables.installRun(cpu, table, 0, count: 1 << FolioOrder.huge, format.smallLeaf(old, page: 0)) }
    }
}

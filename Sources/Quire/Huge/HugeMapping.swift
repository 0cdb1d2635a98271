// A PMD entry that maps 2 MiB of anonymous memory itself: putting one in, taking one out, taking it apart. The huge zero
// page is mapped the same way and counts for nothing. Everything here happens under the PMD table's lock.
// Linux: map_anon_folio_pmd, set_huge_zero_folio, zap_huge_pmd, __split_huge_pmd_locked.

extension AddressSpace {
    /// The pages of a PMD entry.
    var hugePages: Int { 1 << FolioOrder.huge }

    /// Whether an entry maps the huge zero page.
    func isHugeZero(_ cpu: CPU, _ entry: Entry) -> Bool { memory.kind(cpu, tables.format.frame(entry)) == .zero }

    /// Puts a leaf where the PMD entry is none, with a table to wait beside it.
    func installLeaf(
        _ cpu: CPU, _ pmdTable: FrameNumber, _ address: UInt64, _ entry: Entry, deposit table: FrameNumber
    ) {
        tables.deposit(cpu, table, with: pmdTable)
        tables.install(cpu, pmdTable, tables.format.index(address, level: 1), entry)
    }

    /// The leaf for a folio with an area's rights.
    func hugeEntry(_ frame: FrameNumber, _ flags: AreaFlags, write: Bool, dirty: Bool) -> Entry {
        let format = tables.format
        var entry = format.leaf(
            frame, read: !flags.isDisjoint(with: .rights), write: write, execute: flags.contains(.execute))
        if dirty { entry = format.dirtied(entry) }
        return format.hugeLeaf(entry)
    }

    /// Takes a leaf out; its folio's reference is the caller's (or the gather's) from now on. The lock is held.
    func takeLeaf(_ cpu: CPU, _ position: LeafPosition, locked: Bool) -> Entry {
        let old = tables.takeOut(cpu, position.pmdTable, position.index)
        tables.removed(cpu, position.pmdTable, 1)
        tables.freeDeposited(cpu, from: position.pmdTable)
        if !isHugeZero(cpu, old) {
            let head = tables.format.frame(old)
            memory.unmapWhole(cpu, head, owner: number)
            tables.counters.add(cpu, SpaceCounter.anonymous, -Int64(hugePages))
            if locked { memory.countLocked(cpu, head, more: false) }
        }
        return old
    }

    /// Takes the mapping of an address apart into a PTE table, if it is a leaf: same pages, same rights. The folio stays
    /// what it is (split_huge_pmd).
    func splitLeaf(_ cpu: CPU, _ area: Handle<Area>, at address: UInt64) {
        memory.rcu.enter(cpu)
        defer { memory.rcu.exit(cpu) }
        guard let position = tables.leaf(cpu, address), let entry = tables.lockLeaf(cpu, position) else { return }
        splitLeaf(cpu, position, entry, address & ~(tables.hugeSize - 1), core.areas[area].flags)
        tables.pmdLock(position.pmdTable).unlock(cpu)
    }

    /// Takes a leaf apart; the PMD table's lock is held and `entry` is what it holds.
    private func splitLeaf(
        _ cpu: CPU, _ position: LeafPosition, _ entry: Entry, _ start: UInt64, _ flags: AreaFlags
    ) {
        cpu.count(.mappingsSplit)
        let format = tables.format
        // The old size goes before the new one comes: no TLB may hold both (INV-TLB-SIZE).
        let old = tables.takeOut(cpu, position.pmdTable, position.index)
        tables.flushRange(cpu, start, start + tables.hugeSize)
        let table = tables.withdraw(cpu, from: position.pmdTable)
        tables.setBase(of: table, start)
        if isHugeZero(cpu, old) {
            for index in 0..<hugePages {
                let zero = format.leaf(
                    core.zeroFrame, read: !flags.isDisjoint(with: .rights), write: false,
                    execute: flags.contains(.execute))
                tables.install(cpu, table, index, zero)
            }
        } else {
            splitAnonymous(cpu, table, old, locked: flags.contains(.locked))
        }
        tables.update(cpu, position.pmdTable, position.index, format.table(table))
    }

    private func splitAnonymous(_ cpu: CPU, _ table: FrameNumber, _ old: Entry, locked: Bool) {
        let format = tables.format
        let head = format.frame(old)
        // What hardware noted for the whole is true for the folio; every page inherits the right to be written.
        if format.isDirty(old) { memory.flags(head).set(cpu, bits: FrameFlags.dirty, .frameFlags) }
        let isExclusive = memory.has(cpu, head, FrameFlags.anonExclusive)
        memory.refcount(head).add(cpu, UInt32(hugePages - 1), .refcount)
        for number in 0..<hugePages {
            if isExclusive {
                memory.flags(memory.page(head, number)).set(cpu, bits: FrameFlags.anonExclusive, .frameFlags)
            }
        }
        tables.installRun(cpu, table, 0, count: hugePages, format.smallLeaf(old, page: 0))
        memory.mapPages(cpu, head, first: 0, count: hugePages, owner: number)
        memory.unmapWhole(cpu, head, owner: number)
        if locked { memory.countLocked(cpu, head, more: false) }
    }

    /// Runs `body` on the leaf of each span of [start, end) that has one and that the range covers wholly; a leaf that it
    /// covers in part is taken apart first. Used before a walk over tables.
    func eachLeaf(
        _ cpu: CPU, _ area: Handle<Area>, _ start: UInt64, _ end: UInt64,
        _ body: (LeafPosition, Entry, UInt64) -> Void
    ) {
        let size = tables.hugeSize
        var address = start
        while let present = tables.nextPMD(cpu, address, end) {
            address = present
            let next = Swift.min((address & ~(size - 1)) &+ size, end)
            visitLeaf(cpu, area, address, next, body)
            address = next
        }
    }

    private func visitLeaf(
        _ cpu: CPU, _ area: Handle<Area>, _ start: UInt64, _ end: UInt64,
        _ body: (LeafPosition, Entry, UInt64) -> Void
    ) {
        memory.rcu.enter(cpu)
        defer { memory.rcu.exit(cpu) }
        guard let position = tables.leaf(cpu, start) else { return }
        guard end - start == tables.hugeSize else { return splitLeaf(cpu, area, at: start) }
        guard let entry = tables.lockLeaf(cpu, position) else { return }
        body(position, entry, start)
        tables.pmdLock(position.pmdTable).unlock(cpu)
    }
}

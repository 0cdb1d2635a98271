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
        tables.flushBefore(cpu, .hugeEntry, address)
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
    func takeLeaf(_ cpu: CPU, _ area: Handle<Area>, _ position: LeafPosition) -> Entry {
        let old = tables.takeOut(cpu, position.pmdTable, position.index)
        tables.removed(cpu, position.pmdTable, 1)
        tables.freeDeposited(cpu, from: position.pmdTable)
        if !isHugeZero(cpu, old) {
            let head = tables.format.frame(old)
            memory.unmapWhole(cpu, head, owner: number)
            tables.counters.add(cpu, SpaceCounter.anonymous, -Int64(hugePages))
            let flags = core.areas[area].flags
            if flags.contains(.locked) { memory.countLocked(cpu, head, more: false) }
            if flags.contains(.chargedByPage) { core.uncommit(cpu, pages: UInt64(hugePages)) }
        }
        return old
    }

    /// Takes the mapping of an address apart into a PTE table, if it is a leaf: same pages, same rights. The folio stays
    /// what it is (split_huge_pmd).
    func splitLeaf(_ cpu: CPU, _ area: Handle<Area>, at address: UInt64) {
        core.splitLeaf(cpu, tables, core.areas[area].flags, at: address)
    }

    /// Takes the leaf apart that would map memory on both sides of a border between areas (vma_adjust_trans_huge).
    func splitLeaf(_ cpu: CPU, _ area: Handle<Area>, atBorder border: UInt64) {
        if border & (tables.hugeSize - 1) != 0 { splitLeaf(cpu, area, at: border) }
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

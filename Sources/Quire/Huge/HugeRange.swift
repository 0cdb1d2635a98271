// What range operations do with a leaf that they meet: zap, fork, protect, move, count. Each handles a leaf whole where
// its range covers it, and takes the mapping apart where it does not. Linux: zap_huge_pmd, copy_huge_pmd,
// change_huge_pmd, move_huge_pmd.

extension AddressSpace {
    /// Zaps the leaf at `start`, if there is one and [start, end) covers it. False: what is there now is a table.
    func zapLeaf(
        _ cpu: CPU, _ gather: inout Gather, _ area: Handle<Area>, _ start: UInt64, _ end: UInt64
    ) -> Bool {
        memory.rcu.enter(cpu)
        defer { memory.rcu.exit(cpu) }
        guard let position = tables.leaf(cpu, start) else { return false }
        guard end - start == tables.hugeSize else {
            splitLeaf(cpu, area, at: start)
            return false
        }
        guard tables.lockLeaf(cpu, position) != nil else { return false }
        let old = takeLeaf(cpu, area, position)
        gather.cleared(start, end, by: tables.format.shift(ofLevel: 1))
        let isFull = !isHugeZero(cpu, old) && gather.add(tables.format.frame(old))
        tables.pmdLock(position.pmdTable).unlock(cpu)
        if isFull { gather.flush() }
        return true
    }

    /// Copies the leaf at an address into a child, which shares it: nobody may write it any more without a copy. False:
    /// there is no leaf, or no longer. Throws ENOMEM.
    func copyLeaf(
        _ cpu: CPU, _ area: Handle<Area>, _ address: UInt64, into child: AddressSpace
    ) throws(Errno) -> Bool {
        guard let position = tables.leaf(cpu, address) else { return false }
        // A folio of which something is pinned is copied page by page.
        if hasPinned(cpu), isPinned(cpu, tables.format.frame(position.entry)) {
            splitLeaf(cpu, area, at: address)
            return false
        }
        let table = child.tables.allocateTable(cpu, level: 0)
        guard !table.isNone else { throw .ENOMEM }
        guard let pmdTable = child.tables.allocatingTable(cpu, address, level: 1) else {
            child.tables.discard(cpu, table)
            throw .ENOMEM
        }
        // Both locks: nobody else knows the child, so their order is free.
        let own = child.tables.pmdLock(pmdTable)
        own.lock(cpu)
        guard let entry = tables.lockLeaf(cpu, position) else {
            own.unlock(cpu)
            child.tables.discard(cpu, table)
            return false
        }
        let shared = shareLeaf(cpu, position, entry, with: child)
        child.tables.counted(cpu, level: 0)
        child.installLeaf(cpu, pmdTable, address, shared, deposit: table)
        tables.pmdLock(position.pmdTable).unlock(cpu)
        own.unlock(cpu)
        return true
    }

    /// Takes the right to write and the exclusivity from a leaf and counts a second mapping; the child's entry.
    private func shareLeaf(
        _ cpu: CPU, _ position: LeafPosition, _ seen: Entry, with child: AddressSpace
    ) -> Entry {
        let format = tables.format
        if isHugeZero(cpu, seen) {
            // There is one: this side holds it.
            _ = child.holdHugeZero(cpu)
            return format.old(format.writeProtected(seen))
        }
        let head = format.frame(seen)
        memory.refcount(head).add(cpu, 1, .refcount)
        memory.mapWhole(cpu, head, owner: child.number)
        memory.flags(head).clear(cpu, bits: FrameFlags.anonExclusive, .frameFlags)
        child.tables.counters.add(cpu, SpaceCounter.anonymous, Int64(hugePages))
        var entry = seen
        if format.isWritable(entry) {
            entry = tables.changeLeaf(cpu, position) { format.writeProtected($0) }.new
        }
        return format.old(entry)
    }

    /// Gives the leaves of a range the rights of the area (change_huge_pmd).
    func protectLeaves(
        _ cpu: CPU, _ gather: inout Gather, _ area: Handle<Area>, _ start: UInt64, _ end: UInt64
    ) {
        let format = tables.format
        let flags = core.areas[area].flags
        eachLeaf(cpu, area, start, end) { position, seen, at in
            let isOwn = !isHugeZero(cpu, seen) && memory.has(cpu, format.frame(seen), FrameFlags.anonExclusive)
            let (old, new) = tables.changeLeaf(cpu, position) { old in
                let entry = format.withRights(
                    old, read: !flags.isDisjoint(with: .rights), execute: flags.contains(.execute))
                return format.hugeLeaf(flags.contains(.write) && isOwn ? format.writable(entry) : entry)
            }
            if new != old, format.isValidForHardware(old) {
                gather.cleared(at, at + tables.hugeSize, by: format.shift(ofLevel: 1))
            }
        }
    }

    /// Moves the leaf at `source` to `target`, whose PMD entry is none, with its deposited table. False: there is no leaf,
    /// or the target has a table, and then the leaf was taken apart.
    func moveLeaf(
        _ cpu: CPU, _ area: Handle<Area>, _ source: UInt64, _ target: UInt64, _ length: UInt64
    ) -> Bool {
        memory.rcu.enter(cpu)
        defer { memory.rcu.exit(cpu) }
        guard let position = tables.leaf(cpu, source) else { return false }
        let size = tables.hugeSize
        guard length == size, source & (size - 1) == 0, target & (size - 1) == 0,
            let pmdTable = tables.allocatingTable(cpu, target, level: 1),
            tables.load(cpu, pmdTable, tables.format.index(target, level: 1)).isNone
        else {
            splitLeaf(cpu, area, at: source)
            return false
        }
        guard tables.lockLeaf(cpu, position) != nil else { return false }
        let entry = tables.takeOut(cpu, position.pmdTable, position.index)
        tables.removed(cpu, position.pmdTable, 1)
        let table = tables.withdraw(cpu, from: position.pmdTable)
        tables.pmdLock(position.pmdTable).unlock(cpu)
        tables.flushLeaf(cpu, source)
        let lock = tables.pmdLock(pmdTable)
        lock.lock(cpu)
        installLeaf(cpu, pmdTable, target, entry, deposit: table)
        lock.unlock(cpu)
        return true
    }
}

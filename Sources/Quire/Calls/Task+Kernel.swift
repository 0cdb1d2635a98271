// What a kernel does to a program's pages by itself or through calls that are still to come: compaction moves a folio, KSM makes
// a page one that may be shared, reclaim takes a folio out of the tables, a shrinker splits one. Explorers play them
// against what programs do. Linux: migrate_pages, write_protect_page, shrink_folio_list, split_folio, UFFDIO_MOVE.

extension Task {
    /// Moves pages from one place to another by their entries, as UFFDIO_MOVE does; returns the bytes moved. Throws EINVAL
    /// for areas that are no match, ENOENT for a hole, EEXIST where something is mapped already, EBUSY for a page
    /// that is shared or pinned, EAGAIN, ENOMEM. O(pages).
    @discardableResult
    public func movePages(to target: UInt64, from source: UInt64, length: UInt64) throws(Errno) -> UInt64 {
        defer { afterCall() }
        return try space.movePages(cpu, to: target, from: source, length: length)
    }

    /// Moves the anonymous folio that an entry maps at an address to other frames. False: it stays, or there is none.
    /// O(areas that may map it).
    @discardableResult
    public func migrateFolio(at address: UInt64) -> Bool {
        defer { afterCall() }
        guard let head = space.referenceFolio(cpu, at: address) else { return false }
        return machine.core.migrate(cpu, head) != nil
    }

    /// Takes the right to write and the exclusivity from the small anonymous page at an address, as KSM does before it compares
    /// contents. Throws EFAULT where there is none, EBUSY where somebody else refers to it. O(1).
    public func sharePage(at address: UInt64) throws(Errno) {
        space.mmapLock.readLock(cpu)
        defer { space.mmapLock.readUnlock(cpu) }
        _ = try space.writeProtectAndShare(cpu, address)
    }

    /// Takes the anonymous folio that an entry maps at an address out of every mapping, as reclaim does that writes to swap, and
    /// puts it back, since there is no swap yet. False: there is none, or some of it had to stay. O(areas that may map it).
    @discardableResult
    public func unmapFolio(at address: UInt64) -> Bool {
        defer { afterCall() }
        let core = machine.core
        guard let head = space.referenceFolio(cpu, at: address) else { return false }
        defer { core.memory.put(cpu, folio: head, count: 1) }
        let lock = core.memory.folioLock(head)
        lock.lock(cpu)
        defer { lock.unlock(cpu) }
        guard core.memory.kind(cpu, head) == .anonymous,
            let unmapped = core.tryToUnmap(cpu, head, as: .swap(slot: 4096))
        else { return false }
        let isComplete = unmapped.isComplete
        // What is mapped nowhere nobody has pinned (INV-PIN).
        if cpu.isExplored { space.checkPins(cpu) }
        core.putBack(cpu, unmapped)
        return isComplete
    }

    /// Splits the large anonymous folio that an entry maps at an address. False: somebody else refers to it, or there is none.
    /// O(areas that may map it).
    @discardableResult
    public func splitFolio(at address: UInt64) -> Bool {
        defer { afterCall() }
        guard let head = space.referenceFolio(cpu, at: address) else { return false }
        guard machine.core.memory.isLarge(cpu, head) else {
            machine.core.memory.put(cpu, head)
            return false
        }
        return machine.core.trySplitAndPut(cpu, head)
    }

    /// The page that an entry maps at an address, as whoever reads entries without a lock sees it: of a contiguous block with what
    /// all of it says (ptep_get_lockless). Nil where no entry maps one. O(levels).
    public func mappedPage(at address: UInt64) -> MappedPage? {
        let (tables, memory) = (space.tables, space.memory)
        memory.rcu.enter(cpu)
        defer { memory.rcu.exit(cpu) }
        let table = tables.table(cpu, address, level: 0)
        guard !table.isNone else { return nil }
        let entry = tables.load(cpu, table, tables.format.index(address, level: 0))
        guard tables.format.isPresent(entry) else { return nil }
        let frame = tables.format.frame(entry)
        return MappedPage(
            frame: frame.rawValue, isWritable: tables.format.isWritable(entry), isDirty: tables.format.isDirty(entry),
            isFolioDirty: memory.has(cpu, memory.head(cpu, frame), FrameFlags.dirty),
            isExclusive: space.isExclusive(cpu, frame))
    }
}

/// A page that an entry of a PTE table maps.
public struct MappedPage: Hashable, Sendable {
    /// The number of its frame.
    public var frame: UInt32
    /// What the entry says: the right to write, and whether it was used for writing.
    public var isWritable: Bool, isDirty: Bool
    /// Whether the folio was written before, by what was taken out.
    public var isFolioDirty: Bool
    /// Whether it is this mapping's alone.
    public var isExclusive: Bool
}

extension AddressSpace {
    /// The head of the anonymous folio that an entry maps at an address, with a reference to it; nil where there is none.
    fileprivate func referenceFolio(_ cpu: CPU, at address: UInt64) -> FrameNumber? {
        memory.rcu.enter(cpu)
        defer { memory.rcu.exit(cpu) }
        let position = tables.position(cpu, address)
        guard !position.table.isNone, tables.lockIfAttached(cpu, position, address) else { return nil }
        defer { tables.pteLock(position.table).unlock(cpu) }
        let entry = tables.load(cpu, position.table, tables.format.index(address, level: 0))
        guard tables.format.isPresent(entry) else { return nil }
        let head = memory.head(cpu, tables.format.frame(entry))
        guard memory.kind(cpu, head) == .anonymous else { return nil }
        memory.refcount(head).add(cpu, 1, .refcount)
        return head
    }
}

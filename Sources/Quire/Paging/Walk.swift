// Walking the tree: to the table that holds an address's entry, with or without making what is missing. The walks
// that only read take no lock and run inside an RCU read-side section; what they found may be detached a moment
// later, so a caller that will change something compares the PMD value again under the lock (pte_offset_map_lock).
// Linux: pgd_offset … pte_offset_map_rw_nolock, __pte_alloc, pmd_install.

/// Where an address's PTE lies: the PTE table, and the PMD entry that led there, for the check under the lock.
struct TablePosition: BitwiseCopyable {
    var table: FrameNumber
    var pmdTable: FrameNumber
    var pmdEntry: Entry

    static var none: TablePosition { TablePosition(table: .none, pmdTable: .none, pmdEntry: .none) }
}

extension PageTables {
    /// The table of the level that covers an address; none where there is none or a leaf lies above.
    @inline(__always) func table(_ cpu: CPU, _ address: UInt64, level wanted: Int) -> FrameNumber {
        memory.descend(cpu, root, address, to: Page.shift &+ 9 &* UInt64(truncatingIfNeeded: wanted))
    }

    /// The PTE table that covers an address, with the PMD entry as it was read; none where there is none.
    @inline(__always) func position(_ cpu: CPU, _ address: UInt64) -> TablePosition {
        let pmdTable = table(cpu, address, level: 1)
        guard !pmdTable.isNone else { return .none }
        let entry = load(cpu, pmdTable, format.index(address, level: 1))
        guard format.isValidForHardware(entry), !format.isHuge(entry) else { return .none }
        return TablePosition(table: format.frame(entry), pmdTable: pmdTable, pmdEntry: entry)
    }

    /// Locks the PTE table at a position if it still hangs there (pte_offset_map_lock); false: it is gone.
    @inline(__always) func lockIfAttached(_ cpu: CPU, _ position: TablePosition, _ address: UInt64) -> Bool {
        let lock = pteLock(position.table)
        lock.lock(cpu)
        if cpu.isSequential { return true }
        if load(cpu, position.pmdTable, format.index(address, level: 1)) == position.pmdEntry { return true }
        lock.unlock(cpu)
        return false
    }

    /// The PTE table that covers an address, made if need be; nil where memory is used up. The caller is inside a
    /// read-side section, which is left for a moment where tables must be made (that may sleep): what it found before
    /// may be gone. The position is always what a walk inside the section read, never what was made a moment ago:
    /// the new table may have been reclaimed and another hung in its place.
    @inline(__always) func allocatingPosition(_ cpu: CPU, _ address: UInt64) -> TablePosition? {
        let found = position(cpu, address)
        return found.table.isNone ? buildPath(cpu, address) : found
    }

    @inline(never)
    private func buildPath(_ cpu: CPU, _ address: UInt64) -> TablePosition? {
        while true {
            memory.rcu.exit(cpu)
            let made = makeTables(cpu, address)
            memory.rcu.enter(cpu)
            guard made else { return nil }
            let found = position(cpu, address)
            if !found.table.isNone { return found }
        }
    }

    /// Makes what is missing of the tables for an address (pte_alloc). False where memory is used up.
    private func makeTables(_ cpu: CPU, _ address: UInt64) -> Bool {
        guard let parent = allocatingTable(cpu, address, level: 1) else { return false }
        return child(cpu, of: parent, level: 1, address, lock: pmdLock(parent)) != nil
    }

    /// The table of a level above PTE that covers an address, made if need be; nil where memory is used up.
    func allocatingTable(_ cpu: CPU, _ address: UInt64, level wanted: Int) -> FrameNumber? {
        var parent = root
        var level = format.levels - 1
        while level > wanted {
            guard let child = child(cpu, of: parent, level: level, address, lock: pageTableLock) else { return nil }
            parent = child
            level -= 1
        }
        return parent
    }

    /// The table below an entry of `parent`, made and hung in if there is none (pmd_install: the entry is written
    /// with release order, so that a lock-free walk sees an initialised table).
    private func child(
        _ cpu: CPU, of parent: FrameNumber, level: Int, _ address: UInt64, lock: SpinLock
    ) -> FrameNumber? {
        let index = format.index(address, level: level)
        let entry = load(cpu, parent, index)
        if format.isValidForHardware(entry) { return format.frame(entry) }
        let made = allocateTable(cpu, level: level - 1)
        guard !made.isNone else { return nil }
        lock.lock(cpu)
        let now = load(cpu, parent, index)
        if format.isValidForHardware(now) {
            lock.unlock(cpu)
            discard(cpu, made)
            return format.frame(now)
        }
        counted(cpu, level: level - 1)
        install(cpu, parent, index, format.table(made))
        lock.unlock(cpu)
        return made
    }
}

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

/// Where a PMD entry lies that maps 2 MiB itself, and the entry as it was read, for the check under the lock.
struct LeafPosition: BitwiseCopyable {
    var pmdTable: FrameNumber
    var index: Int
    var entry: Entry
}

extension PageTables {
    /// The bytes that a PMD entry stands for.
    @inline(__always) var hugeSize: UInt64 { 1 << format.shift(ofLevel: 1) }

    /// The PMD entry that maps an address itself; nil where there is a table or nothing.
    @inline(__always) func leaf(_ cpu: CPU, _ address: UInt64) -> LeafPosition? {
        let pmdTable = table(cpu, address, level: 1)
        guard !pmdTable.isNone else { return nil }
        let index = format.index(address, level: 1)
        let entry = word(cpu, pmdTable, index)
        return format.isLeaf(entry) ? LeafPosition(pmdTable: pmdTable, index: index, entry: entry) : nil
    }

    /// The same, of a position that was read and has no table.
    @inline(__always) func leaf(at position: TablePosition, _ address: UInt64) -> LeafPosition? {
        guard format.isLeaf(position.pmdEntry) else { return nil }
        return LeafPosition(
            pmdTable: position.pmdTable, index: format.index(address, level: 1), entry: position.pmdEntry)
    }

    /// The first address from `start` on whose PMD entry is not none; nil where there is none below `end`. Passes a
    /// whole empty entry of a higher table at once, O(tables passed).
    func nextPMD(_ cpu: CPU, _ start: UInt64, _ end: UInt64) -> UInt64? {
        var address = start
        while address < end {
            var table = root
            var level = format.levels - 1
            while true {
                let entry = word(cpu, table, format.index(address, level: level))
                if level == 1 {
                    if entry.isNone { break }
                    return address
                }
                if !format.isValidForHardware(entry) { break }
                table = format.frame(entry)
                level -= 1
            }
            let span: UInt64 = 1 << format.shift(ofLevel: level)
            address = (address & ~(span - 1)) &+ span
            if address == 0 { return nil }
        }
        return nil
    }

    /// Locks the PMD table if the leaf is still what was read, but for accessed and dirty; false: it is gone
    /// (pmd_trans_huge_lock). Returns the entry as it is now.
    func lockLeaf(_ cpu: CPU, _ position: LeafPosition) -> Entry? {
        let lock = pmdLock(position.pmdTable)
        lock.lock(cpu)
        let now = word(cpu, position.pmdTable, position.index)
        if format.isLeaf(now), format.frame(now) == format.frame(position.entry) { return now }
        lock.unlock(cpu)
        return nil
    }

    /// Takes the right to be used from a leaf and returns it as hardware left it; the lock is held. What stands there until the
    /// caller has written something else is a leaf still for everybody who looks without the lock, and waits for it: an entry
    /// that was none for a moment would be passed over (pmdp_invalidate).
    func invalidateLeaf(_ cpu: CPU, _ position: LeafPosition) -> Entry {
        let word = memory.word(position.pmdTable, position.index)
        let frame = format.frame(Entry(word.loadRelaxed(cpu, .entry)))
        let unusable = format.hugeLeaf(format.leaf(frame, read: false, write: false, execute: false))
        cpu.count(.pteWrites)
        return Entry(word.exchange(cpu, unusable.rawValue, .entry))
    }

    /// Changes a leaf in place, whatever hardware notes meanwhile, and returns what it was and what it is; the lock is held.
    @discardableResult
    func changeLeaf(_ cpu: CPU, _ position: LeafPosition, _ body: (Entry) -> Entry) -> (old: Entry, new: Entry) {
        cpu.count(.pteWrites)
        var old = Entry.none
        let new = change(cpu, position.pmdTable, position.index) { seen in
            old = seen
            return body(seen)
        }
        return (old, new)
    }

    /// The table of the level that covers an address; none where there is none or a leaf lies above.
    @inline(__always) func table(_ cpu: CPU, _ address: UInt64, level wanted: Int) -> FrameNumber {
        memory.descend(cpu, root, address, to: Page.shift &+ 9 &* UInt64(truncatingIfNeeded: wanted))
    }

    /// The PTE table that covers an address, none where there is none; with the PMD entry as it was read.
    @inline(__always) func position(_ cpu: CPU, _ address: UInt64) -> TablePosition {
        let pmdTable = table(cpu, address, level: 1)
        guard !pmdTable.isNone else { return .none }
        let entry = word(cpu, pmdTable, format.index(address, level: 1))
        let isTable = format.isValidForHardware(entry) && !format.isHuge(entry)
        return TablePosition(table: isTable ? format.frame(entry) : .none, pmdTable: pmdTable, pmdEntry: entry)
    }

    /// Locks the PTE table at a position if it still hangs there (pte_offset_map_lock); false: it is gone.
    @inline(__always) func lockIfAttached(_ cpu: CPU, _ position: TablePosition, _ address: UInt64) -> Bool {
        let lock = pteLock(position.table)
        lock.lock(cpu)
        if cpu.isSequential || cpu.lacks(.attachedAfterLock) { return true }
        if word(cpu, position.pmdTable, format.index(address, level: 1)) == position.pmdEntry { return true }
        lock.unlock(cpu)
        return false
    }

    /// A page's entry, read under its table's lock; none where there is no table. The caller is inside a read-side section.
    func entryUnderLock(_ cpu: CPU, _ page: UInt64) -> Entry {
        while true {
            let position = position(cpu, page)
            if position.table.isNone { return .none }
            guard lockIfAttached(cpu, position, page) else { continue }
            let entry = load(cpu, position.table, format.index(page, level: 0))
            pteLock(position.table).unlock(cpu)
            return entry
        }
    }

    /// The PTE table that covers an address, made if need be; nil where memory is used up, a position without a table
    /// where a leaf maps the address. The caller is inside a
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
            if !found.table.isNone || leaf(cpu, address) != nil { return found }
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

    /// The table below an entry of `parent` (none where the entry is a leaf), made and hung in if there is none (pmd_install: the entry is written
    /// with release order, so that a lock-free walk sees an initialised table).
    private func child(
        _ cpu: CPU, of parent: FrameNumber, level: Int, _ address: UInt64, lock: SpinLock
    ) -> FrameNumber? {
        let index = format.index(address, level: level)
        let entry = word(cpu, parent, index)
        if format.isPresent(entry) { return format.isLeaf(entry) ? .none : format.frame(entry) }
        let made = allocateTable(cpu, level: level - 1)
        guard !made.isNone else { return nil }
        lock.lock(cpu)
        let now = word(cpu, parent, index)
        if format.isPresent(now), !cpu.lacks(.lookBeforeHangingIn) {
            lock.unlock(cpu)
            discard(cpu, made)
            return format.isLeaf(now) ? .none : format.frame(now)
        }
        counted(cpu, level: level - 1)
        if level == 1 {
            setBase(of: made, address)
            flushBefore(cpu, .table, address)
        }
        install(cpu, parent, index, format.table(made))
        lock.unlock(cpu)
        return made
    }
}

// The page tables of one address space: a tree of frames full of hardware-format words. This file reads and writes
// single entries, keeps each table's count of entries that are not none and the counts of tables by level, and
// names the locks. Walking is in Walk.swift, freeing by range in FreeTables.swift.
//
// Locking: an entry of a PTE table changes under that table's lock (`pte`), an entry of a PMD table under that
// one's (`pmd`), above that under `page_table_lock`. Hardware sets accessed and dirty at any time, so clearing is an
// exchange. Reading needs no lock but an RCU read-side section, since a table may vanish.
// Linux: mm_struct's pgd, page_table_lock, pgtables_bytes; ptlock_ptr().

/// Places in an address space's block of per-CPU counters.
enum SpaceCounter {
    static let pteTables = 0, emptyTables = 1
    static let anonymous = 2, file = 3, shared = 4, swap = 5
    static let minorFaults = 6, majorFaults = 7
}

/// The page tables of one address space.
@safe struct PageTables: BitwiseCopyable, @unchecked Sendable {
    let memory: PhysicalMemory
    /// The top-level table.
    let root: FrameNumber
    /// Words of 8 bytes: 0 page_table_lock, 1 PMD tables, 2 PUD tables, 3 P4D tables, 4 peak of PTE tables,
    /// 5 what the TLBs know the address space by (TLBSpaces.swift).
    let words: UnsafeMutableRawPointer
    let counters: PerCPUCounters
    /// The address space's number, for table metadata.
    let owner: UInt32
    /// The translation caches, where the machine models them.
    let tlbs: TLBs?
    /// False: one lock for all tables of the address space (no split page-table locks).
    let splitLocks: Bool
    /// Whether and when contiguous blocks are made of entries (Contiguous.swift); off where the format has none.
    let folding: FoldPolicy

    @inline(__always) var format: PageTableFormat {
        unsafeAddress { unsafe memory.formatAddress }
    }

    /// The same as one word, for calls out of line.
    @inline(__always) var stored: StoredPageTables { unsafe StoredPageTables(words: words) }

    @inline(__always) private func count(_ place: Int) -> Word64 { unsafe Word64(at: words + place * 8) }

    /// The number of the address space's flushes (x86-64), or its tag and that one's generation (arm64).
    var tlbWord: Word64 { count(5) }

    /// Tells the explorer that a flush begins.
    @inline(__always) func announceFlush(_ cpu: CPU) {
        unsafe schedulePoint(cpu, .flush, UnsafeRawPointer(words), .sequential, .tlb)
    }

    // MARK: Locks

    /// `page_table_lock`: entries above the PMD level.
    var pageTableLock: SpinLock { unsafe SpinLock(Word32(at: words), .pageTable) }

    /// The lock of a PTE table.
    @inline(__always) func pteLock(_ table: FrameNumber) -> SpinLock {
        splitLocks ? memory.tableLock(table, .pte) : pageTableLock
    }

    /// The lock of a PMD table.
    @inline(__always) func pmdLock(_ table: FrameNumber) -> SpinLock {
        splitLocks ? memory.tableLock(table, .pmd) : pageTableLock
    }

    // MARK: Entries

    /// Reads an entry as the hardware does: of a contiguous block, what this one word says. Entries above the PTE level are
    /// in no block.
    @inline(__always) func word(_ cpu: CPU, _ table: FrameNumber, _ index: Int) -> Entry {
        Entry(memory.word(table, index).load(cpu, .entry))
    }

    // Where blocks may be folded, each of these looks after the block of its entry: docs/contpte.md. Elsewhere that is one
    // test that always goes the same way.

    /// Reads an entry.
    @inline(__always) func load(_ cpu: CPU, _ table: FrameNumber, _ index: Int) -> Entry {
        let entry = word(cpu, table, index)
        if folding != .off, format.isFolded(entry) { return stored.loadBlock(cpu, table, index, entry) }
        return entry
    }

    /// Writes an entry where there was none (set_pte_at, pmd_populate). The caller holds the table's lock.
    @inline(__always) func install(_ cpu: CPU, _ table: FrameNumber, _ index: Int, _ entry: Entry) {
        memory.word(table, index).store(cpu, entry.rawValue, .entry)
        cpu.count(.pteWrites)
        added(cpu, table, 1)
        if folding == .any { stored.foldIfComplete(cpu, table, index) }
    }

    /// Replaces an entry that is not none by another.
    @inline(__always) func update(_ cpu: CPU, _ table: FrameNumber, _ index: Int, _ entry: Entry) {
        if folding != .off { return stored.updateInBlock(cpu, table, index, entry) }
        memory.word(table, index).store(cpu, entry.rawValue, .entry)
        cpu.count(.pteWrites)
    }

    /// Takes an entry out and returns it as hardware left it (ptep_get_and_clear). The caller counts it down by
    /// `removed`, once for a whole run.
    @inline(__always) func takeOut(_ cpu: CPU, _ table: FrameNumber, _ index: Int) -> Entry {
        if folding != .off { stored.unfold(cpu, table, index) }
        cpu.count(.pteWrites)
        return Entry(memory.word(table, index).exchange(cpu, 0, .entry))
    }

    /// The same for an entry that maps a small folio, which is in no contiguous block.
    @inline(__always) func takeOutSmall(_ cpu: CPU, _ table: FrameNumber, _ index: Int) -> Entry {
        cpu.count(.pteWrites)
        return Entry(memory.word(table, index).exchange(cpu, 0, .entry))
    }

    /// Clears an entry whose old value nobody needs and that hardware cannot change: not present, so in no
    /// contiguous block (ptep_clear).
    @inline(__always) func clear(_ cpu: CPU, _ table: FrameNumber, _ index: Int) {
        cpu.count(.pteWrites)
        memory.word(table, index).storeRelaxed(cpu, 0, .entry)
    }

    /// Writes an entry that maps a small folio where there was none. The caller counts it by `installed`, once for many.
    @inline(__always) func installSmall(_ cpu: CPU, _ table: FrameNumber, _ index: Int, _ entry: Entry) {
        memory.word(table, index).store(cpu, entry.rawValue, .entry)
    }

    /// Counts entries that `installSmall` wrote.
    @inline(__always) func installed(_ cpu: CPU, _ table: FrameNumber, _ count: Int) {
        guard count > 0 else { return }
        cpu.count(.pteWrites, UInt64(count))
        added(cpu, table, count)
    }

    /// Counts entries that were written where there were none.
    @inline(__always) func added(_ cpu: CPU, _ table: FrameNumber, _ count: Int) {
        let entries = memory.index(table)
        memory.setIndex(table, entries + UInt64(truncatingIfNeeded: count))
        if entries == 0 { noteFilled(cpu, table) }
    }

    /// Counts entries down that were taken out of a table.
    @inline(__always) func removed(_ cpu: CPU, _ table: FrameNumber, _ entries: Int) {
        guard entries > 0 else { return }
        let left = memory.index(table) - UInt64(entries)
        memory.setIndex(table, left)
        if left == 0 { noteEmptied(cpu, table) }
    }

    /// The number of entries of a table that are not none.
    @inline(__always) func populated(_ table: FrameNumber) -> Int { Int(memory.index(table)) }

    private func noteFilled(_ cpu: CPU, _ table: FrameNumber) {
        if isPTETable(table) { counters.add(cpu, SpaceCounter.emptyTables, -1) }
        memory.markNotZero(cpu, table)
    }

    private func noteEmptied(_ cpu: CPU, _ table: FrameNumber) {
        if isPTETable(table) {
            counters.add(cpu, SpaceCounter.emptyTables, 1)
            memory.queueForDiscard(cpu, table)
        }
    }

    /// A table's level stands where other frames have their order.
    @inline(__always) private func isPTETable(_ table: FrameNumber) -> Bool { memory.level(table) == 0 }

    // MARK: Tables

    /// Takes a frame for a table of the level; none where memory is used up. Nobody sees the table yet.
    func allocateTable(_ cpu: CPU, level: Int) -> FrameNumber {
        let frame = memory.allocate(cpu, [.unmovable, .maySleep])
        guard !frame.isNone else { return .none }
        if memory.has(cpu, frame, FrameFlags.notZero) {
            memory.zero(cpu, frame)
            memory.flags(frame).clear(cpu, bits: FrameFlags.notZero | FrameFlags.needsZero, .frameFlags)
        }
        memory.initialize(
            cpu, frame, .table, flags: UInt32(level) << FrameFlags.orderShift, references: 1, mappings: 0,
            mapping: owner, index: 0)
        memory.setPrevious(frame, .none)
        return frame
    }

    /// Counts a table that was hung in (mm_inc_nr_ptes and kin).
    func counted(_ cpu: CPU, level: Int) {
        cpu.count(.tablesMade)
        guard level == 0 else {
            count(level).add(cpu, 1, .counter)
            return
        }
        counters.add(cpu, SpaceCounter.pteTables, 1)
        counters.add(cpu, SpaceCounter.emptyTables, 1)
        let now = UInt64(counters.sum(SpaceCounter.pteTables))
        if now > count(4).loadRelaxed(cpu, .counter) { count(4).storeRelaxed(cpu, now, .counter) }
    }

    /// Counts a table that was taken out of the tree and will be freed (mm_dec_nr_ptes and kin).
    func uncounted(_ cpu: CPU, _ table: FrameNumber, level: Int) {
        cpu.count(.tablesFreed)
        guard level == 0 else {
            count(level).add(cpu, ~0, .counter)
            return
        }
        counters.add(cpu, SpaceCounter.pteTables, -1)
        if memory.index(table) == 0 { counters.add(cpu, SpaceCounter.emptyTables, -1) }
    }

    /// Frees a table that nobody ever saw.
    func discard(_ cpu: CPU, _ table: FrameNumber) { memory.free(cpu, table, unmovable: true) }

    /// The number of tables of a level (0 PTE … levels − 2); the top-level table is not counted by Linux.
    func tables(_ cpu: CPU, level: Int) -> Int {
        level == 0 ? Int(counters.sum(SpaceCounter.pteTables)) : Int(count(level).loadRelaxed(cpu, .counter))
    }

    /// PTE tables in which every entry is none.
    var emptyTables: Int { Int(counters.sum(SpaceCounter.emptyTables)) }

    /// The most PTE tables there ever were at once.
    func peakTables(_ cpu: CPU) -> Int { Int(count(4).loadRelaxed(cpu, .counter)) }

    /// The bytes of all tables but the top one: VmPTE.
    func bytes(_ cpu: CPU) -> UInt64 {
        var total = 0
        for level in 0..<(format.levels - 1) { total += tables(cpu, level: level) }
        return UInt64(total) << Page.shift
    }
}

/// Page tables as they lie in the frames of their address space (AddressSpaceBlock): one word instead of nine, so that a
/// rare call out of line costs nothing where it is not made.
@safe struct StoredPageTables: BitwiseCopyable {
    let words: UnsafeMutableRawPointer

    /// From the start of an address space's frames to the copy.
    static let offset = 128

    @inline(__always) var tables: PageTables { unsafe words.load(fromByteOffset: Self.offset, as: PageTables.self) }
}

extension PhysicalMemory {
    /// The level of a table frame.
    @inline(__always) func level(_ table: FrameNumber) -> Int {
        Int(flags(table).own >> FrameFlags.orderShift & 0xf)
    }
}

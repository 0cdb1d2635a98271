// The gather: what a zap takes out of the tables is collected, then the TLBs are flushed, and only then are the
// frames given back (INV-TLB-FREE). Data frames wait in batches of 510 words, each a frame and how many references to
// its folio; tables in batches of 508 that are freed
// after an RCU grace period. Where a table batch cannot be had, that one table is flushed for and freed alone, by
// RCU as well (the older way, right after an inter-processor interrupt, is a policy for the explorer).
// Linux: mmu_gather, tlb_remove_table, MMU_GATHER_RCU_TABLE_FREE.

/// One gathering over a range of an address space; ended exactly once by `finish`.
struct Gather: ~Copyable {
    private let cpu: CPU
    private let tables: PageTables
    /// The range that must be flushed: empty while `start > end`.
    private var start = UInt64.max
    private var end: UInt64 = 0
    /// log2 of the bytes of the smallest entry that was cleared (tlb_get_unmap_shift).
    private var shift: UInt64 = 63
    /// The newest batch of frames; older ones hang on its `next`.
    private var batch = FrameNumber.none
    private var filled = 0
    private var batches = 0
    private var bundle: InlineArray<8, UInt64> = InlineArray(repeating: 0)
    private var bundled = 0
    private var tableBatch = FrameNumber.none
    private var tableCount = 0

    private static let pagesPerBatch = 510
    private static let tablesPerBatch = 508
    private static let mostBatches = 20

    /// Begins a gathering (tlb_gather_mmu).
    init(_ cpu: CPU, _ tables: PageTables) {
        self.cpu = cpu
        self.tables = tables
    }

    private var memory: PhysicalMemory { tables.memory }

    /// Notes that an entry was cleared, so that its address must be flushed (tlb_remove_tlb_entry).
    @inline(__always) mutating func cleared(_ address: UInt64) { cleared(address, address + Page.size) }

    /// Notes that entries of a range were cleared, of 2^`shift` bytes each.
    @inline(__always) mutating func cleared(_ from: UInt64, _ to: UInt64, by shift: UInt64 = Page.shift) {
        start = Swift.min(start, from)
        end = Swift.max(end, to)
        self.shift = Swift.min(self.shift, shift)
    }

    /// Takes over one reference to a data frame. True: full, the caller must flush before it goes on.
    @inline(__always) mutating func add(_ frame: FrameNumber) -> Bool { add(UInt64(frame.rawValue)) }

    /// Takes over `count` references to a large folio (__tlb_remove_folio_pages). True: full, as above.
    mutating func add(folio head: FrameNumber, count: Int) -> Bool {
        add(UInt64(head.rawValue) | UInt64(count - 1) << 32)
    }

    /// A word of a batch: a frame, and in the upper half how many references beyond the first.
    @inline(__always) private mutating func add(_ word: UInt64) -> Bool {
        if batch.isNone && bundled < 8 {
            bundle[bundled] = word
            bundled += 1
            return bundled == 8 && !extend()
        }
        memory.word(batch, filled).storeRelaxed(cpu, word, .entry)
        filled += 1
        return filled == Self.pagesPerBatch && !extend()
    }

    /// Takes over a table that was cut out of the tree (pte_free_tlb); `uncounted` was called for it. An entry of 2^`shift`
    /// bytes pointed to it; flushing any page of those drops what was cached on the way to it.
    mutating func addTable(_ table: FrameNumber, at address: UInt64, by shift: UInt64) {
        cleared(address, address &+ Page.size, by: shift)
        if tableBatch.isNone { tableBatch = memory.allocateBatch(cpu) }
        guard !tableBatch.isNone else {
            flushTranslations()
            if cpu.lacks(.graceForSingleTable) {
                memory.free(cpu, table, unmovable: true)
            } else {
                memory.freeAfterGracePeriod(cpu, table)
            }
            return
        }
        memory.word(tableBatch, tableCount).storeRelaxed(cpu, UInt64(table.rawValue), .entry)
        tableCount += 1
        if tableCount == Self.tablesPerBatch { flush() }
    }

    /// Flushes the TLBs for what was gathered so far and gives everything back (tlb_flush_mmu).
    mutating func flush() {
        if cpu.lacks(.flushBeforeFree) { freePages() }
        flushTranslations()
        freeTables()
        freePages()
    }

    /// Ends the gathering (tlb_finish_mmu).
    consuming func finish() {
        flush()
        while !batch.isNone { dropBatch() }
    }

    /// Flushes the TLBs for what was cleared so far; the frames stay gathered (tlb_flush_mmu_tlbonly).
    mutating func flushTranslations() {
        guard start < end else { return }
        tables.flushRange(cpu, start, end, by: shift)
        start = .max
        end = 0
        shift = 63
    }

    private mutating func extend() -> Bool {
        guard batches < Self.mostBatches else { return false }
        let fresh = memory.allocateBatch(cpu)
        guard !fresh.isNone else { return false }
        memory.setNext(fresh, batch)
        batch = fresh
        filled = 0
        batches += 1
        return true
    }

    private mutating func freeTables() {
        guard !tableBatch.isNone else { return }
        memory.freeBatchAfterGracePeriod(cpu, tableBatch, count: tableCount)
        tableBatch = .none
        tableCount = 0
    }

    private mutating func freePages() {
        cpu.isExplored ? freePages(cpu) : freePages(cpu.unexplored)
    }

    @_transparent
    private mutating func freePages(_ cpu: CPU) {
        if bundled + filled > 0 { cpu.count(.gatherFlushes) }
        for place in 0..<bundled { memory.put(cpu, gathered: bundle[place]) }
        bundled = 0
        while !batch.isNone {
            for place in 0..<filled { memory.put(cpu, gathered: memory.word(batch, place).loadRelaxed(cpu, .entry)) }
            filled = 0
            if batches == 1 { return }
            dropBatch()
        }
    }

    private mutating func dropBatch() {
        let older = memory.next(batch)
        memory.freeBatch(cpu, batch)
        batch = older
        batches -= 1
        filled = older.isNone ? 0 : Self.pagesPerBatch
    }
}

extension PhysicalMemory {
    /// Drops a reference to a frame's folio; the last one gives it back (folio_put).
    @inline(__always) func put(_ cpu: CPU, _ frame: FrameNumber) {
        if flags(frame).loadRelaxed(cpu, .frameFlags) & FrameFlags.large != 0 {
            return put(cpu, folio: head(cpu, frame), count: 1)
        }
        let left = refcount(frame).subtract(cpu, 1, .refcount)
        if cpu.isExplored { checkDropped(cpu, frame, left) }
        if left == 0 { free(cpu, frame, unmovable: false) }
    }

    /// Drops what a word of a gather's list says.
    @_transparent
    func put(_ cpu: CPU, gathered word: UInt64) {
        let frame = FrameNumber(UInt32(truncatingIfNeeded: word))
        if flags(frame).loadRelaxed(cpu, .frameFlags) & FrameFlags.large != 0 {
            return put(cpu, folio: head(cpu, frame), count: UInt32(truncatingIfNeeded: word >> 32) &+ 1)
        }
        let left = refcount(frame).subtract(cpu, 1, .refcount)
        if cpu.isExplored { checkDropped(cpu, frame, left) }
        if left == 0 { free(cpu, frame, unmovable: false) }
    }

    /// A frame for a gather's list; none where memory is used up. Its words are not zeroed.
    func allocateBatch(_ cpu: CPU) -> FrameNumber {
        if cpu.happens(.batchFails) { return .none }
        let frame = allocate(cpu, .unmovable)
        guard !frame.isNone else { return .none }
        initialize(cpu, frame, .gather, flags: FrameFlags.notZero, references: 1, mappings: 0, mapping: 0, index: 0)
        setNext(frame, .none)
        return frame
    }

    /// Gives a gather's list back.
    func freeBatch(_ cpu: CPU, _ frame: FrameNumber) { free(cpu, frame, unmovable: true) }
}

// The frames in which an address space keeps its locks and counters: one or a few, in simulated memory, so that an
// address space costs what it costs and leaks are seen. Part of the unsafe floor.
//
//     bytes    0–63   the page tables' words (PageTables.swift)
//     bytes   64–127  mmap_lock and fork's sequence count; from 112 on when khugepaged learned of it, and
//                     whether the huge zero page is held
//     bytes  128–255  the page tables' description, for calls out of line (StoredPageTables)
//     bytes  256–319  the count of mmap_lock's writers: what every fault reads, apart from the lock that few take
//     from   320 on   a cache line of counters for each CPU

/// An address space's own frames, and its top-level page table.
@safe struct AddressSpaceBlock: BitwiseCopyable, @unchecked Sendable {
    private let memory: PhysicalMemory
    private let frame: FrameNumber
    private let order: Int
    private let root: FrameNumber
    private let cpus: Int

    private static let countersOffset = 320

    /// Takes the frames; nil where memory is used up.
    init?(_ cpu: CPU, _ memory: PhysicalMemory, cpus: Int) {
        let bytes = Self.countersOffset + PerCPUCounters.bytes(cpus: cpus)
        var order = 0
        while 4096 << order < bytes { order += 1 }
        let frame = memory.allocateBlock(cpu, order: order, .unmovable)
        guard !frame.isNone else { return nil }
        let root = memory.allocate(cpu, .unmovable)
        guard !root.isNone else {
            memory.freeBlock(cpu, frame, order: order)
            return nil
        }
        for tail in 0..<UInt32(1 << order) {
            let one = FrameNumber(frame.rawValue + tail)
            memory.zero(cpu, one)
            memory.initialize(
                cpu, one, .raw, flags: FrameFlags.notZero, references: 1, mappings: 0, mapping: 0, index: 0)
        }
        memory.zero(cpu, root)
        memory.initialize(
            cpu, root, .table, flags: FrameFlags.notZero | UInt32(memory.topLevel) << FrameFlags.orderShift,
            references: 1,
            mappings: 0, mapping: 0, index: 0)
        self.memory = memory
        self.frame = frame
        self.order = order
        self.root = root
        self.cpus = cpus
    }

    private var base: UnsafeMutableRawPointer { unsafe memory.base + Int(frame.address) }

    /// The word of the mmap lock.
    var mmapLockWord: Word32 { unsafe Word32(at: base + 64) }

    /// Odd while mmap_lock is held for write (mm_lock_seq).
    var mmapLockCount: Word32 { unsafe Word32(at: base + 256) }

    /// Odd while a fork copies entries (write_protect_seq).
    var forkSequence: SequenceCount { unsafe SequenceCount(Word32(at: base + 96)) }

    /// The word that says when khugepaged learned of the address space.
    var enrolmentWord: Word64 { unsafe Word64(at: base + 112) }

    /// The word that says whether the address space holds the huge zero page.
    var hugeZeroWord: Word64 { unsafe Word64(at: base + 120) }

    /// The page tables that live in these frames.
    func tables(owner: UInt32, splitLocks: Bool, folding: FoldPolicy, tlbs: TLBs?) -> PageTables {
        let counters = unsafe PerCPUCounters(base: base + Self.countersOffset, cpus: cpus)
        let tables = unsafe PageTables(
            memory: memory, root: root, words: base, counters: counters, owner: owner, tlbs: tlbs,
            splitLocks: splitLocks, folding: folding)
        precondition(MemoryLayout<PageTables>.size <= 256 - StoredPageTables.offset)
        unsafe (base + StoredPageTables.offset).bindMemory(to: PageTables.self, capacity: 1).initialize(to: tables)
        return tables
    }

    /// What lies at a byte of the first frame.
    static func name(ofOffset offset: Int) -> String {
        switch offset {
        case ..<64: "page-table words"
        case ..<128: "mmap_lock"
        case ..<countersOffset: "constants"
        default: "counters of CPU " + String((offset - countersOffset) / PerCPUCounters.line)
        }
    }

    /// Gives the frames back.
    func free(_ cpu: CPU) {
        memory.free(cpu, root, unmovable: true)
        memory.freeBlock(cpu, frame, order: order)
    }
}

extension PhysicalMemory {
    /// The level of the top table.
    var topLevel: Int { unsafe formatAddress.pointee.levels - 1 }
}

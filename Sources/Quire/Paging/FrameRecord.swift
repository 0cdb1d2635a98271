// What is known of each frame: 32 bytes in one array, indexed by frame number, so that a terabyte of simulated
// memory costs 8 GB of metadata at most, and only for frames ever used. Shared fields are atomic words.
//
//     bytes  field     frames in use                         page tables                  free frames
//     0–3    flags     kind, order, state bits, node         kind, level, state bits      kind, order
//     4–7    refcount  references                            1                            0
//     8–11   mapcount  page-table entries that map it        the table's lock (split PTL) –
//     12–15  mapping   anon_vma or file                      owning address space         –
//     16–23  index     page offset (48 bits), memcg (16)     entries that are not none    –
//     24–31  next,prev LRU list                              the first page that a PTE    free list
//                                                            table covers; lists outside
//                                                            of the tree
//
// The pages of a large folio beyond the first have kind `tail` and use the fields for the folio: Folio.swift.
// Linux: struct page and struct ptdesc.

import Synchronization

/// What a frame is used for: bits 0–3 of its flags.
enum FrameKind: UInt32, BitwiseCopyable {
    case free = 0, anonymous = 1, file = 2, table = 3, zero = 4, cacheNode = 5, gather = 6, raw = 7
    /// Not the first page of a large folio.
    case tail = 8
}

/// The state bits of a frame.
enum FrameFlags {
    static let kind: UInt32 = 0xf
    static let orderShift: UInt32 = 4
    static let order: UInt32 = 0xf << 4
    /// Free and the head of a block in the buddy lists.
    static let buddy: UInt32 = 1 << 8
    /// The memory may hold something other than zeroes.
    static let notZero: UInt32 = 1 << 9
    /// Reads as zero although the memory does not: zeroed when somebody looks (contents lazy).
    static let needsZero: UInt32 = 1 << 10
    /// Written since it was read from its file, or anonymous and written.
    static let dirty: UInt32 = 1 << 11
    /// Used since it was last looked at, and used often: what reclaim goes by.
    static let referenced: UInt32 = 1 << 12
    static let active: UInt32 = 1 << 28
    /// Belongs to anonymous memory or shmem: swap is its backing store.
    static let swapBacked: UInt32 = 1 << 13
    /// Belongs to one mapping alone, which may write it without a copy.
    static let anonExclusive: UInt32 = 1 << 14
    /// The first frame of a block of 1,024 that holds unmovable frames (tables).
    static let unmovableBlock: UInt32 = 1 << 15
    /// A table whose emptied page was given back to the host, or waits for that.
    static let discardQueued: UInt32 = 1 << 16
    /// Some CPU is zeroing the frame.
    static let zeroing: UInt32 = 1 << 18
    /// Of anonymous memory: some pages of the folio are mapped and some no longer, it is to be split (PG_partially_mapped).
    static let partlyMapped: UInt32 = 1 << 19
    /// Bits 20–27 count the locked areas that map the frame (PG_mlocked, mlock_count).
    static let lockedOnce: UInt32 = 1 << 20
    static let locked: UInt32 = 0xff << 20
    /// The folio's lock: held, and somebody sleeps for it (FolioLock.swift).
    static let folioLock: UInt32 = 1 << 17
    static let folioSleepers: UInt32 = 1 << 31
    /// Of anonymous memory: the folio is in the list of those that wait to be split.
    static let splitQueued: UInt32 = 1 << 30
    /// What no small folio's frame has: the kind of a tail, or an order.
    static let large: UInt32 = FrameKind.tail.rawValue | order
    /// The bits that speak of a whole folio and stand in its head.
    static let ofFolio: UInt32 = dirty | referenced | active | swapBacked | locked
    /// Free and in a CPU's own list.
    static let perCPU: UInt32 = 1 << 17
    /// Of a file, as the two below: in the cache without contents yet: allocated, never written or read (a folio that is not uptodate).
    static let notUptodate: UInt32 = 1 << 19
    /// The disk has the contents too, if the page is not dirty.
    static let onDisk: UInt32 = 1 << 29
    /// Who uses it asks for the pages to come (PG_readahead).
    static let readahead: UInt32 = 1 << 30
}

extension PhysicalMemory {
    @inline(__always) private func address(_ frame: FrameNumber) -> UnsafeMutableRawPointer {
        #if DEBUG
            precondition(frame.rawValue != 0 && frame.rawValue < frameCount, "no such frame")
        #endif
        return unsafe records + Int(frame.rawValue) * PhysicalMemory.recordBytes
    }

    @inline(__always) func flags(_ frame: FrameNumber) -> Word32 { unsafe Word32(at: address(frame)) }
    @inline(__always) func refcount(_ frame: FrameNumber) -> Word32 { unsafe Word32(at: address(frame) + 4) }
    @inline(__always) func mapcount(_ frame: FrameNumber) -> Word32 { unsafe Word32(at: address(frame) + 8) }

    /// A tail's word at a byte of its record, for the folio's own counts.
    @inline(__always) func tailWord(_ tail: FrameNumber, _ offset: Int) -> Word32 {
        unsafe Word32(at: address(tail) + offset)
    }

    /// The split lock of a page table.
    @inline(__always) func tableLock(_ frame: FrameNumber, _ name: SyncName) -> SpinLock {
        unsafe SpinLock(Word32(at: address(frame) + 8), name)
    }

    // Flags, counts, mapping and next are looked at without a lock too, by who looks again afterwards (a walk to a folio's head, the
    // way from a page to its mappings, an allocator at the buddy): atomics, some without a schedule point. Index and previous are
    // not: plain memory, so that the thread sanitizer sees a lock that is missing.

    @inline(__always) private func half(_ frame: FrameNumber, _ offset: Int) -> UInt32 {
        unsafe Word32(at: address(frame) + offset).cell.pointee.load(ordering: .relaxed)
    }

    @inline(__always) private func setHalf(_ frame: FrameNumber, _ offset: Int, _ value: UInt32) {
        unsafe Word32(at: address(frame) + offset).cell.pointee.store(value, ordering: .relaxed)
    }

    /// The anon_vma, file or address space that the frame belongs to, as an index of its pool.
    @inline(__always) func mapping(_ frame: FrameNumber) -> UInt32 { half(frame, 12) }
    @inline(__always) func setMapping(_ frame: FrameNumber, _ value: UInt32) { setHalf(frame, 12, value) }

    private static var indexMask: UInt64 { 1 << 48 - 1 }

    /// The page offset in the mapping, or a table's count of entries; 48 bits.
    @inline(__always) func index(_ frame: FrameNumber) -> UInt64 {
        unsafe address(frame).load(fromByteOffset: 16, as: UInt64.self) & Self.indexMask
    }

    @inline(__always) func setIndex(_ frame: FrameNumber, _ value: UInt64) {
        let field = unsafe address(frame) + 16
        let memcg = unsafe field.load(as: UInt64.self) & ~Self.indexMask
        unsafe field.storeBytes(of: memcg | (value & Self.indexMask), as: UInt64.self)
    }

    @inline(__always) func next(_ frame: FrameNumber) -> FrameNumber { FrameNumber(half(frame, 24)) }
    @inline(__always) func setNext(_ frame: FrameNumber, _ value: FrameNumber) { setHalf(frame, 24, value.rawValue) }
    @inline(__always) func previous(_ frame: FrameNumber) -> FrameNumber {
        unsafe FrameNumber(address(frame).load(fromByteOffset: 28, as: UInt32.self))
    }

    @inline(__always) func setPrevious(_ frame: FrameNumber, _ value: FrameNumber) {
        unsafe address(frame).storeBytes(of: value.rawValue, toByteOffset: 28, as: UInt32.self)
    }

    /// What the frame is used for; a tail is what its folio is.
    @inline(__always) func kind(_ cpu: CPU, _ frame: FrameNumber) -> FrameKind {
        FrameKind(rawValue: folioFlags(cpu, frame) & FrameFlags.kind) ?? .raw
    }

    /// The flags of the folio that the frame belongs to.
    @inline(__always) func folioFlags(_ cpu: CPU, _ frame: FrameNumber) -> UInt32 {
        let own = flags(frame).loadRelaxed(cpu, .frameFlags)
        return own & FrameFlags.kind == FrameKind.tail.rawValue
            ? flags(next(frame)).loadRelaxed(cpu, .frameFlags) : own
    }

    /// Counts one more locked area that maps the frame's folio, or one less (mlock_folio, munlock_folio). The count of a
    /// large folio may lag behind, so it stops at none.
    func countLocked(_ cpu: CPU, _ frame: FrameNumber, more: Bool) {
        let word = flags(head(cpu, frame))
        let now = word.loadRelaxed(cpu, .frameFlags) & FrameFlags.locked
        // A count that was full once stays: better locked than lost.
        if now == FrameFlags.locked || !more && now == 0 { return }
        word.add(cpu, more ? FrameFlags.lockedOnce : 0 &- FrameFlags.lockedOnce, .frameFlags)
    }

    /// Notes a use of a frame that its entries do not tell: the second one makes it active (folio_mark_accessed). Locked
    /// frames are on no list.
    func markAccessed(_ cpu: CPU, _ frame: FrameNumber) {
        let state = flags(frame).loadRelaxed(cpu, .frameFlags)
        if state & FrameFlags.referenced == 0 {
            flags(frame).set(cpu, bits: FrameFlags.referenced, .frameFlags)
        } else if state & (FrameFlags.locked | FrameFlags.active) == 0 {
            flags(frame).set(cpu, bits: FrameFlags.active, .frameFlags)
            flags(frame).clear(cpu, bits: FrameFlags.referenced, .frameFlags)
        }
    }

    /// Whether any of the bits is set.
    @inline(__always) func has(_ cpu: CPU, _ frame: FrameNumber, _ bits: UInt32) -> Bool {
        flags(frame).loadRelaxed(cpu, .frameFlags) & bits != 0
    }

    /// Sets the fields of a frame that was just allocated. Nobody else refers to it, but who comes late may still look at it.
    @inline(__always)
    func initialize(
        _ cpu: CPU, _ frame: FrameNumber, _ kind: FrameKind, flags extra: UInt32, references: UInt32, mappings: UInt32,
        mapping: UInt32, index: UInt64
    ) {
        // In the order of the CPU's stores: what it wrote when it gave the frame back may still wait in its buffer.
        let kept =
            flags(frame).loadUnseen(cpu) & (FrameFlags.notZero | FrameFlags.needsZero | FrameFlags.unmovableBlock)
        flags(frame).storeUnseen(cpu, kept | kind.rawValue | extra, .frameFlags)
        refcount(frame).storeUnseen(cpu, references, .refcount)
        mapcount(frame).storeUnseen(cpu, mappings, .mapcount)
        setMapping(frame, mapping)
        unsafe address(frame).storeBytes(of: index & Self.indexMask, toByteOffset: 16, as: UInt64.self)
    }
}

// The names that locks, words and events carry. A name belongs to a lock's class or to an accessor, never to a
// call site: statistics, rank checks, the explorer's diagrams and ablation all speak of `mmap_lock` or `pte`.
// docs/locking.md is the authority on the order; `SyncName.rank` is that page as code.

/// The name of a lock class or of a shared word, as Linux calls it.
public enum SyncName: UInt8, CaseIterable, BitwiseCopyable, Sendable {
    case mmapLock, vmaLock, iMmap, anonVMA, pageTable, pmd, pte, zone, pool, rcu, pageCache, folio, folioMap, splitQueue
    case pins
    case entry, refcount, mapcount, frameFlags, counter, sequence, waitQueue, tlb, data

    /// The kernel's name.
    public var label: String {
        switch self {
        case .mmapLock: "mmap_lock"
        case .vmaLock: "vma_lock"
        case .iMmap: "i_mmap_rwsem"
        case .anonVMA: "anon_vma"
        case .pageTable: "page_table_lock"
        case .pmd: "pmd"
        case .pte: "pte"
        case .zone: "zone"
        case .pool: "pool"
        case .rcu: "rcu"
        case .pageCache: "i_pages"
        case .folio: "folio"
        case .folioMap: "folio_map"
        case .splitQueue: "split_queue"
        case .pins: "pins"
        case .entry: "entry"
        case .refcount: "_refcount"
        case .mapcount: "_mapcount"
        case .frameFlags: "flags"
        case .counter: "counter"
        case .sequence: "seqcount"
        case .waitQueue: "wait_queue"
        case .tlb: "tlb"
        case .data: "data"
        }
    }

    /// The place in the lock order: a blocking acquisition must have a higher rank than every lock held, or the
    /// same rank where the class nests (`pte` inside `pte`, by the order of docs/locking.md).
    var rank: UInt8 {
        switch self {
        case .mmapLock: 10
        case .vmaLock: 20
        case .folio: 25
        case .iMmap: 30
        case .anonVMA: 40
        case .pageTable: 50
        case .pmd: 60
        case .pte: 70
        case .folioMap: 75
        case .splitQueue: 78
        case .pageCache: 80
        case .zone: 90
        case .pins: 95
        case .pool: 100
        default: 255
        }
    }

    /// Whether two locks of the class may be held at once.
    var nests: Bool { self == .pte || self == .pmd || self == .pageTable || self == .anonVMA || self == .mmapLock }
}

/// What an operation on a shared word or lock does: the kind of a schedule point.
public enum EventKind: UInt8, BitwiseCopyable, Sendable {
    case load, store, readModifyWrite, lock, tryLock, unlock, readLock, readUnlock, downgrade
    case readSideEnter, readSideExit, gracePeriod, wait, wake, flush
}

/// The memory order that an operation asks for.
public enum MemoryOrder: UInt8, BitwiseCopyable, Sendable { case relaxed, acquire, release, acquireRelease, sequential }

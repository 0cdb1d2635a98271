// An area: a run of addresses with the same rights, flags and backing. Areas are records of the machine's pool; a field changes
// only under the mmap lock held for write, once the area is marked (AreaLock.swift), and is read under the mmap lock or the
// area's own; the first anon_vma comes under the mmap lock held for read and page_table_lock, and guards under the former alone. Who
// reads a whole record under those takes a copy (`area(_:)`). Linux: vm_area_struct.

/// What stands behind an area: decides how a fault is served.
enum AreaKind: UInt8, BitwiseCopyable {
    /// Private memory without a file.
    case anonymous
    /// A file whose pages lie in the page cache.
    case file
    /// A file that lives in memory alone: memfd, shared anonymous memory, tmpfs.
    case shared
    /// Memory that a driver or DAX maps.
    case driver
}

extension MachineCore {
    /// An area's record for who holds the mmap lock for read or the area's own: what is not guarded by these may change meanwhile.
    @inline(__always) func area(_ area: Handle<Area>) -> Area { areas.copy(area) }
}

/// One area of an address space.
struct Area: BitwiseCopyable {
    var start: UInt64
    var end: UInt64
    var flags: AreaFlags
    /// The offset of `start` in the file in pages; for anonymous areas the page number where it was mapped first.
    var pageOffset: UInt64
    var kind: AreaKind
    /// The file behind it; none for private anonymous areas.
    var file: Handle<FileRecord> = .none
    /// Neighbours in the file's list of areas.
    var nextOfFile: UInt32 = 0
    var previousOfFile: UInt32 = 0
    /// The anon_vma of the anonymous pages in it; none until the first write.
    var anonVMA: Handle<AnonVMA> = .none
    /// The first link of the chain to the anon_vmas that may hold its pages.
    var chain: UInt32 = 0
    /// The address space it belongs to.
    var space: UInt32
    /// The node of the area tree that it is an entry of; kept by the tree.
    var leaf: UInt32 = 0
    /// A name, a memory policy, a userfaultfd: the pool index of what few areas have; 0 is nothing of it.
    var extras: UInt32 = 0
    /// Not 0: it may have guards. No bit of `flags`, since it comes under the mmap lock held for read.
    var guards: UInt32 = 0

    /// Where the fields stand that change while others look at the record, which publish them: neighbours in the file's list,
    /// the anon_vma's place and generation, the chain, the tree's node, the guards.
    static let nextOfFileOffset = 44, previousOfFileOffset = 48, anonVMAOffset = 52, chainOffset = 60
    static let leafOffset = 68, guardsOffset = 76

    /// The flags with the one that is kept apart (VM_MAYBE_GUARD).
    var allFlags: AreaFlags { guards == 0 ? flags : flags.union(.maybeGuard) }

    /// The number of its pages.
    var pages: UInt64 { (end - start) >> Page.shift }

    /// Private and without a file (vma_is_anonymous).
    @inline(__always) var isAnonymous: Bool { kind == .anonymous }

    /// The page offset of an address in it (linear_page_index).
    @inline(__always) func pageOffset(of address: UInt64) -> UInt64 {
        pageOffset &+ ((address &- start) >> Page.shift)
    }

    /// Whether it has an address.
    @inline(__always) func contains(_ address: UInt64) -> Bool { start <= address && address < end }

    /// Where the area's guard gap begins: a stack keeps `gap` bytes below it free (vm_start_gap).
    func startWithGap(_ gap: UInt64) -> UInt64 {
        guard flags.contains(.growsDown) else { return start }
        return start > gap ? start - gap : 0
    }
}

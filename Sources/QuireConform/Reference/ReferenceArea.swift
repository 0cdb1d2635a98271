// What the reference model knows of memory: pages with their bytes, files, areas, and the identities of anonymous
// memory that decide who may merge. Nothing here is shared with the core: classes and dictionaries, no page tables, no
// tree of areas, no accounts kept by hand. Linux: struct page, vm_area_struct, anon_vma.

/// A page of memory. Identity is what counts: two mappings of one page are two references to one object.
final class ReferencePage {
    let isAnonymous: Bool
    /// 4096 bytes; nil while they are all 0.
    var bytes: [UInt8]?
    /// In how many places it is mapped, in all processes.
    var mappings = 0
    /// Written by other ways than the mappings that it has now.
    var isDirty = false
    /// Has contents; what was only allocated (fallocate) gets them at the first look.
    var isFilled = true
    /// Given to MADV_FREE: it may be dropped if nobody has written it since.
    var isLazy = false

    init(isAnonymous: Bool, bytes: [UInt8]? = nil) {
        self.isAnonymous = isAnonymous
        self.bytes = bytes
    }
}

/// A file in memory: a memfd, or what stands behind shared anonymous memory.
final class ReferenceFile {
    /// In bytes.
    var size: UInt64
    var seals: ReferenceSeals = []
    var isExecutable = true
    var pages: [UInt64: ReferencePage] = [:]

    init(size: UInt64) { self.size = size }

    /// Pages that may be mapped; the last one may be whole only in part.
    var pageCount: UInt64 { (size + 4095) >> 12 }

    /// The page at an offset, made where there is none yet.
    func page(at offset: UInt64) -> ReferencePage {
        if let page = pages[offset] {
            page.isFilled = true
            return page
        }
        let page = ReferencePage(isAnonymous: false)
        pages[offset] = page
        return page
    }

    /// Whether a page is there with its contents.
    func holds(_ offset: UInt64) -> Bool { pages[offset]?.isFilled ?? false }
}

/// What may not be done to a file any more (F_ADD_SEALS).
struct ReferenceSeals: OptionSet {
    let rawValue: UInt64
    static let seal = ReferenceSeals(rawValue: 1)
    static let shrink = ReferenceSeals(rawValue: 2)
    static let grow = ReferenceSeals(rawValue: 4)
    static let write = ReferenceSeals(rawValue: 8)
    static let futureWrite = ReferenceSeals(rawValue: 16)
    static let execute = ReferenceSeals(rawValue: 32)
}

/// "First written in this area, its pieces or its neighbours": areas of different identities never merge.
final class AnonymousIdentity {
    let parent: AnonymousIdentity?

    init(parent: AnonymousIdentity?) { self.parent = parent }
}

/// The attributes of an area that smaps shows as two letters.
struct ReferenceFlags: OptionSet, Hashable {
    let rawValue: UInt32

    static let read = ReferenceFlags(rawValue: 1)
    static let write = ReferenceFlags(rawValue: 2)
    static let execute = ReferenceFlags(rawValue: 4)
    static let shared = ReferenceFlags(rawValue: 8)
    static let locked = ReferenceFlags(rawValue: 16)
    static let sequential = ReferenceFlags(rawValue: 32)
    static let random = ReferenceFlags(rawValue: 64)
    static let dontFork = ReferenceFlags(rawValue: 128)
    static let lockOnFault = ReferenceFlags(rawValue: 256)
    static let account = ReferenceFlags(rawValue: 512)
    static let noReserve = ReferenceFlags(rawValue: 1024)
    static let wipeOnFork = ReferenceFlags(rawValue: 2048)
    static let dontDump = ReferenceFlags(rawValue: 4096)
    static let guards = ReferenceFlags(rawValue: 8192)
    static let hugePage = ReferenceFlags(rawValue: 16384)
    static let noHugePage = ReferenceFlags(rawValue: 32768)
    static let mergeable = ReferenceFlags(rawValue: 65536)
    static let sync = ReferenceFlags(rawValue: 262144)
    /// May never be written: a shared mapping of a file that is sealed.
    static let sealed = ReferenceFlags(rawValue: 524288)
    /// Pages may go at any time (MAP_DROPPABLE).
    static let droppable = ReferenceFlags(rawValue: 1048576)
    static let growsDown = ReferenceFlags(rawValue: 131072)

    static let rights: ReferenceFlags = [.read, .write, .execute]

    /// The rights that a `prot` argument asks for.
    init(protection: UInt64) { self.init(rawValue: UInt32(protection & 7)) }

    init(rawValue: UInt32) { self.rawValue = rawValue }

    /// The letters of smaps in its order. All memory of the reference may be given every right, unless it is sealed.
    var letters: String {
        var all = ""
        func add(_ flag: ReferenceFlags, _ letters: String) { if contains(flag) { all += letters + " " } }
        add(.read, "rd")
        add(.write, "wr")
        add(.execute, "ex")
        add(.shared, "sh")
        all += contains(.sealed) ? "mr me " : "mr mw me "
        add(.shared, "ms")
        add(.growsDown, "gd")
        add(.guards, "gu")
        add(.locked, "lo")
        add(.sequential, "sr")
        add(.random, "rr")
        add(.dontFork, "dc")
        add(.lockOnFault, "lf")
        add(.account, "ac")
        add(.noReserve, "nr")
        add(.sync, "sf")
        add(.wipeOnFork, "wf")
        add(.dontDump, "dd")
        add(.hugePage, "hg")
        add(.noHugePage, "nh")
        add(.mergeable, "mg")
        add(.droppable, "dp")
        return all
    }
}

/// An area: the label that its pages bear. It does not know its range; the pages that bear it are its range.
final class ReferenceArea {
    var flags: ReferenceFlags
    /// Nil for private anonymous memory.
    let file: ReferenceFile?
    /// What must be added to a page's number to get its page offset: equal on both sides means that they continue.
    let shift: UInt64
    /// Whose anonymous pages these are; nil before the first write.
    var anonymous: AnonymousIdentity?
    /// Every identity whose pages may be here, the oldest first: its own, and those it inherited by fork.
    var chain: [AnonymousIdentity] = []

    init(flags: ReferenceFlags, file: ReferenceFile?, shift: UInt64) {
        self.flags = flags
        self.file = file
        self.shift = shift
    }

    /// The same with another page offset.
    func copy(shift: UInt64? = nil) -> ReferenceArea {
        let made = ReferenceArea(flags: flags, file: file, shift: shift ?? self.shift)
        made.anonymous = anonymous
        made.chain = chain
        return made
    }

    /// Tied to more than its own identity: it came from a fork.
    var isForked: Bool { chain.count > 1 }
    /// Private memory without a file.
    var isPlain: Bool { file == nil }
    var isShared: Bool { flags.contains(.shared) }
}

/// What is mapped at a page.
enum ReferenceEntry {
    /// Reads as zeroes, belongs to nobody.
    case zero
    /// Every access is an error (MADV_GUARD_INSTALL).
    case guarded
    case page(ReferencePage)
}

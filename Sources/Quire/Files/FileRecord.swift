// Files as the memory manager sees them: a size, a page cache, and the areas that map them. A recorded file has no
// contents and every page of it counts as cached; a memory file (memfd, shared anonymous memory) begins empty and
// grows page by page; a disk file has a store behind its cache, where pages come from and go back to.
// Linux: address_space (the struct), inode, shmem_inode_info.

/// What a file is.
enum FileKind: UInt8, BitwiseCopyable {
    /// A file of the recorded world: no contents, all pages cached.
    case recorded
    /// Lives in memory alone.
    case memory
    /// Lives on a disk: pages are read into the cache when somebody wants them, and written back.
    case disk
    /// The kernel's own pages that a program maps (`[vdso]`): mapped one by one, never around a fault.
    case special
    /// The memory of a device, which its driver maps.
    case device

    /// Whether its pages are mapped around a fault (vm_operations_struct.map_pages). A driver's are not.
    var mapsAround: Bool {
        switch self {
        case .recorded, .memory, .disk: true
        case .special, .device: false
        }
    }
}

/// What a driver's mappings are and can do.
public struct DriverAbilities: OptionSet, BitwiseCopyable, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Persistent memory, mapped without a page cache (vma_is_dax).
    public static let dax = DriverAbilities(rawValue: 1)
    /// It is asked first where 2 MiB could be mapped at once (vm_operations_struct.huge_fault).
    public static let hugeFault = DriverAbilities(rawValue: 2)
    /// Its areas hold frames with and without records (VM_MIXEDMAP).
    public static let mixedMap = DriverAbilities(rawValue: 4)
}

/// What is promised for a file's pages (shmem_acct_size, shmem_acct_blocks).
enum FileCharge: UInt8, BitwiseCopyable {
    /// Nothing: they lie on a disk, or are the kernel's own.
    case none
    /// All of its size from the start: shared anonymous memory.
    case whole
    /// Each page when it is made: memfd, MAP_NORESERVE.
    case byPage
}

/// A file.
struct FileRecord: BitwiseCopyable {
    /// The first area of the list of areas that map it. First, not the lock: a change of any field counts as one of the first byte
    /// with the thread sanitizer, and those who wait look at the lock meanwhile.
    var firstArea: UInt32 = 0
    /// The lock word of the list of areas (i_mmap_rwsem).
    var lock: UInt32 = 0
    /// The lock word of the page cache's index (i_pages).
    var cacheLock: UInt32 = 0
    /// Descriptors and areas that hold it, plus one while its name exists.
    var references: UInt32 = 1
    var kind: FileKind
    /// What nobody may do to it any more; a file that was not made for it has its seals sealed.
    var seals: Seals = .seal
    /// Whether somebody may execute it (a bit of its mode).
    var isExecutable = true
    /// What is promised for its pages.
    var charge = FileCharge.none
    /// Of a device.
    var abilities: DriverAbilities = []
    /// Bytes; all ones where nothing tells the size.
    var size: UInt64
    /// The page cache's index (CacheIndex); read without its lock.
    var cacheIndex: UInt64 = 0
    /// Pages that the index has, in the cache or in the store.
    var indexedPages: UInt64 = 0
    var inode: UInt64
    /// Its name, as an index of the machine's strings.
    var path: UInt32
    var readahead = ReadaheadWindow()

    /// Where the words of the page cache's index stand.
    static let cacheIndexOffset = 32, indexedPagesOffset = 40

    /// The most bytes that it can have (s_maxbytes; for disk files ext4's with blocks of 4 KiB).
    var mostBytes: UInt64 { kind == .disk ? 1 << 44 - Page.size : UInt64(Int64.max) }
}

extension MachineCore {
    /// The number of pages that a file has.
    func pages(of file: Handle<FileRecord>) -> UInt64 {
        let size = files[file].size
        return size == .max ? 1 << 48 : (size &+ Page.offsetMask) >> Page.shift
    }

    /// The lock of the list of areas that map a file.
    func areasLock(_ file: Handle<FileRecord>) -> RWSemaphore { RWSemaphore(files.word(file, offset: 4), .iMmap) }

    private func references(_ file: Handle<FileRecord>) -> Word32 { files.word(file, offset: 12) }

    /// The lock of a file's page cache.
    func cacheLock(_ file: Handle<FileRecord>) -> SpinLock {
        SpinLock(files.word(file, offset: 8), .pageCache)
    }

    /// Takes a reference to a file.
    func hold(_ cpu: CPU, _ file: Handle<FileRecord>) { references(file).add(cpu, 1, .refcount) }

    /// Drops a reference; the last one frees the file and its cached pages.
    func release(_ cpu: CPU, _ file: Handle<FileRecord>) {
        guard references(file).subtract(cpu, 1, .refcount) == 0 else { return }
        dropCache(cpu, file, from: 0)
        if files[file].charge == .whole { uncommit(cpu, pages: pages(of: file)) }
        files.free(cpu, file)
    }

    /// Puts an area into its file's list.
    func linkToFile(_ cpu: CPU, _ area: Handle<Area>) {
        let file = areas[area].file
        guard !file.isNone else { return }
        let lock = areasLock(file)
        lock.writeLock(cpu)
        let first = files[file].firstArea
        areas.publish(at: area.index, offset: Area.nextOfFileOffset, first)
        areas.publish(at: area.index, offset: Area.previousOfFileOffset, UInt32(0))
        if first != 0 { areas.publish(at: first, offset: Area.previousOfFileOffset, area.index) }
        files[file].firstArea = area.index
        lock.writeUnlock(cpu)
    }

    /// Takes an area out of its file's list.
    func unlinkFromFile(_ cpu: CPU, _ area: Handle<Area>) {
        let file = areas[area].file
        guard !file.isNone else { return }
        let lock = areasLock(file)
        lock.writeLock(cpu)
        let before = areas[area].previousOfFile
        let after = areas[area].nextOfFile
        if before == 0 {
            files[file].firstArea = after
        } else {
            areas.publish(at: before, offset: Area.nextOfFileOffset, after)
        }
        if after != 0 { areas.publish(at: after, offset: Area.previousOfFileOffset, before) }
        lock.writeUnlock(cpu)
    }
}

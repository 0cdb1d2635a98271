// Files as the memory manager sees them: a size, a page cache, and the areas that map them. A recorded file has no
// contents and every page of it counts as cached; a memory file (memfd, shared anonymous memory) begins empty and
// grows page by page. Linux: address_space (the struct), inode, shmem_inode_info.

/// What a file is.
enum FileKind: UInt8, BitwiseCopyable {
    /// A file of the recorded world: no contents, all pages cached.
    case recorded
    /// Lives in memory alone.
    case memory
    /// The kernel's own pages that a program maps (`[vdso]`): mapped one by one, never around a fault.
    case special
    /// The memory of a device, which its driver maps.
    case device
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

/// A file.
struct FileRecord: BitwiseCopyable {
    /// The lock word of the list of areas (i_mmap_rwsem).
    var lock: UInt32 = 0
    /// The lock word of the page cache's index (i_pages).
    var cacheLock: UInt32 = 0
    /// Descriptors and areas that hold it, plus one while its name exists.
    var references: UInt32 = 1
    var kind: FileKind
    /// Of a device.
    var abilities: DriverAbilities = []
    /// Bytes; all ones where nothing tells the size.
    var size: UInt64
    /// The root of the page cache's index and its height in levels of 512; none while nothing is cached.
    var cacheRoot: FrameNumber = .none
    var cacheHeight = 0
    var cachedPages: UInt64 = 0
    /// The first area of the list of areas that map it.
    var firstArea: UInt32 = 0
    var inode: UInt64
    /// Its name, as an index of the machine's strings.
    var path: UInt32
}

extension MachineCore {
    /// The number of pages that a file has.
    func pages(of file: Handle<FileRecord>) -> UInt64 {
        let size = files[file].size
        return size == .max ? 1 << 48 : (size &+ Page.offsetMask) >> Page.shift
    }

    private func lockWord(_ file: Handle<FileRecord>) -> Word32 { files.word(file, offset: 0) }
    private func references(_ file: Handle<FileRecord>) -> Word32 { files.word(file, offset: 8) }

    /// The lock of a file's page cache.
    func cacheLock(_ file: Handle<FileRecord>) -> SpinLock {
        SpinLock(files.word(file, offset: 4), .pageCache)
    }

    /// Takes a reference to a file.
    func hold(_ cpu: CPU, _ file: Handle<FileRecord>) { references(file).add(cpu, 1, .refcount) }

    /// Drops a reference; the last one frees the file and its cached pages.
    func release(_ cpu: CPU, _ file: Handle<FileRecord>) {
        guard references(file).subtract(cpu, 1, .refcount) == 0 else { return }
        dropCache(cpu, file, from: 0)
        files.free(cpu, file)
    }

    /// Puts an area into its file's list.
    func linkToFile(_ cpu: CPU, _ area: Handle<Area>) {
        let file = areas[area].file
        guard !file.isNone else { return }
        let lock = RWSemaphore(lockWord(file), .iMmap)
        lock.writeLock(cpu)
        let first = files[file].firstArea
        areas[area].nextOfFile = first
        areas[area].previousOfFile = 0
        if first != 0 { areas[areas.handle(at: first)].previousOfFile = area.index }
        files[file].firstArea = area.index
        lock.writeUnlock(cpu)
    }

    /// Takes an area out of its file's list.
    func unlinkFromFile(_ cpu: CPU, _ area: Handle<Area>) {
        let file = areas[area].file
        guard !file.isNone else { return }
        let lock = RWSemaphore(lockWord(file), .iMmap)
        lock.writeLock(cpu)
        let before = areas[area].previousOfFile
        let after = areas[area].nextOfFile
        if before == 0 {
            files[file].firstArea = after
        } else {
            areas[areas.handle(at: before)].nextOfFile = after
        }
        if after != 0 { areas[areas.handle(at: after)].previousOfFile = before }
        lock.writeUnlock(cpu)
    }
}

// Descriptors: opening, closing, copying. Contents are in Task+Contents, sizes in Task+FileSizes.
// Linux: do_sys_openat2, memfd_create, do_fcntl.

/// What open's flags ask for, as far as it matters here.
public struct OpenRequest: BitwiseCopyable, Sendable {
    public var canRead: Bool
    public var canWrite: Bool
    public var creates = false
    /// Whether a file that is there already is an error (O_EXCL with O_CREAT).
    public var isExclusive = false
    public var truncates = false
    public var appends = false
    public var isPathOnly = false

    /// Reads open's flags.
    public init(flags: UInt64) {
        isPathOnly = flags & 0x200000 != 0
        let mode = flags & 3
        canRead = !isPathOnly && (mode == 0 || mode == 2)
        canWrite = !isPathOnly && (mode == 1 || mode == 2)
        if isPathOnly { return }
        creates = flags & 0x40 != 0
        isExclusive = creates && flags & 0x80 != 0
        truncates = flags & 0x200 != 0
        appends = flags & 0x400 != 0
    }
}

extension Task {
    /// Opens a file of the recorded world by name: every page of it counts as cached, its contents are unknown. The
    /// same name is the same file. `size` is in bytes, nil where nothing tells it. Returns the descriptor, the given
    /// one where a recording names it.
    public func openRecorded(
        _ path: String, size: UInt64? = nil, canWrite: Bool = false, descriptor: Int? = nil
    ) throws(Errno) -> Int {
        let file: Handle<FileRecord>
        if let known = machine.namedFiles[path] {
            file = known
        } else {
            file = try machine.makeFile(cpu, .recorded, size: size ?? .max, path: path)
            machine.namedFiles[path] = file
        }
        machine.core.hold(cpu, file)
        return install(Descriptor(.file(file), canRead: true, canWrite: canWrite), at: descriptor)
    }

    /// Opens a device of `size` bytes, whose driver maps its memory. There is no such file in a workload: this is for
    /// programs that use the library. Returns the descriptor.
    public func openDevice(_ name: String, size: UInt64, _ abilities: DriverAbilities) throws(Errno) -> Int {
        let file = try machine.makeFile(cpu, .device, size: size, path: name)
        machine.core.files[file].abilities = abilities
        return install(Descriptor(.file(file), canRead: true, canWrite: true), at: nil)
    }

    /// memfd_create: a file in memory, empty. MFD_HUGETLB is not modelled: EINVAL. Throws EINVAL for unknown flags
    /// and for a name of more than 249 bytes.
    public func memfdCreate(_ name: String, flags: UInt64 = 0, descriptor: Int? = nil) throws(Errno) -> Int {
        let flags = MemoryFileFlags(rawValue: UInt32(truncatingIfNeeded: flags))
        guard flags.isSubset(of: .all), !flags.isSuperset(of: [.executable, .noExecuteSeal]) else { throw .EINVAL }
        guard name.utf8.count <= 249 else { throw .EINVAL }
        let file = try machine.makeFile(cpu, .memory, size: 0, path: "/memfd:" + name + " (deleted)")
        machine.core.files[file].charge = .byPage
        if flags.contains(.noExecuteSeal) {
            machine.core.files[file].isExecutable = false
            machine.core.files[file].seals = .execute
        } else if flags.contains(.allowSealing) {
            machine.core.files[file].seals = []
        }
        return install(Descriptor(.file(file), canRead: true, canWrite: true), at: descriptor)
    }

    /// Opens a file of the workload's own directory: it lives on a disk, with a page cache. Throws ENOENT where
    /// it is not there and is not to be made, EEXIST where it is and must not be.
    public func openOwn(_ name: String, _ request: OpenRequest) throws(Errno) -> Int {
        let file: Handle<FileRecord>
        if let known = machine.namedFiles[name] {
            guard !request.isExclusive else { throw .EEXIST }
            file = known
            if request.truncates { machine.core.truncate(cpu, file, to: 0) { machine.space($0) } }
        } else {
            guard request.creates else { throw .ENOENT }
            file = try machine.makeFile(cpu, .disk, size: 0, path: name)
            machine.namedFiles[name] = file
        }
        machine.core.hold(cpu, file)
        let descriptor = Descriptor(
            .file(file), canRead: request.canRead, canWrite: request.canWrite, appends: request.appends,
            isPathOnly: request.isPathOnly)
        return install(descriptor, at: nil)
    }

    /// Opens the page map of the process's address space (`/proc/self/pagemap`). It stays that one's after execve and
    /// in children.
    public func openPagemap() -> Int {
        install(Descriptor(.pagemap(space.number), canRead: true, canWrite: false), at: nil)
    }

    func install(_ descriptor: Descriptor, at number: Int?) -> Int {
        let place = number ?? process.freeDescriptor()
        if let old = process.descriptors[place] { machine.core.release(cpu, old) }
        process.descriptors[place] = descriptor
        return place
    }

    /// The descriptor that a call on contents gets; EBADF where there is none, or one that only names a file.
    func openDescriptor(_ fd: Int) throws(Errno) -> Descriptor {
        guard let descriptor = process.descriptors[fd], !descriptor.isPathOnly else { throw .EBADF }
        return descriptor
    }

    /// close.
    public func close(_ fd: Int) throws(Errno) {
        guard let descriptor = process.descriptors.removeValue(forKey: fd) else { throw .EBADF }
        machine.core.release(cpu, descriptor)
        afterCall()
    }

    /// dup: the lowest free number from `least` on, or the one that a recording names.
    public func dup(_ fd: Int, least: Int = 3, descriptor: Int? = nil) throws(Errno) -> Int {
        guard let old = process.descriptors[fd] else { throw .EBADF }
        machine.core.hold(cpu, old)
        return install(old, at: descriptor ?? process.freeDescriptor(from: least))
    }

    /// Whether a descriptor is known.
    public func isOpen(_ fd: Int) -> Bool { process.descriptors[fd] != nil }

    /// Whether a descriptor is of a file that lives in memory: the model knows all of it.
    public func isMemoryFile(_ fd: Int) -> Bool {
        guard let file = process.descriptors[fd]?.file, !file.isNone else { return false }
        return machine.core.files[file].kind == .memory
    }

    /// Whether a descriptor is of a page map.
    public func isPagemap(_ fd: Int) -> Bool {
        if case .pagemap = process.descriptors[fd]?.target { true } else { false }
    }

    // MARK: Seals

    /// fcntl F_GET_SEALS. Throws EINVAL where the file can have none.
    public func seals(_ fd: Int) throws(Errno) -> UInt64 {
        let descriptor = try openDescriptor(fd)
        guard isMemoryFile(fd) else { throw .EINVAL }
        return UInt64(machine.core.files[descriptor.file].seals.rawValue)
    }

    /// fcntl F_ADD_SEALS: what they forbid, nobody may do any more. Throws EPERM for a descriptor that may not write
    /// and for sealed seals, EBUSY where a writable shared mapping stands against F_SEAL_WRITE.
    public func addSeals(_ fd: Int, _ raw: UInt64) throws(Errno) {
        let descriptor = try openDescriptor(fd)
        guard descriptor.canWrite else { throw .EPERM }
        guard raw & ~UInt64(Seals.all.rawValue) & 0xFFFF_FFFF == 0 else { throw .EINVAL }
        guard isMemoryFile(fd) else { throw .EINVAL }
        let file = descriptor.file
        let old = machine.core.files[file].seals
        guard !old.contains(.seal) else { throw .EPERM }
        var new = Seals(rawValue: UInt8(truncatingIfNeeded: raw))
        // What cannot be executed any more but was executable must not change either: W^X from the start.
        if new.contains(.execute), machine.core.files[file].isExecutable { new.formUnion(.contents) }
        if new.contains(.write), !old.contains(.write), machine.core.hasWritableMapping(cpu, file) { throw .EBUSY }
        machine.core.files[file].seals = old.union(new)
    }
}

/// `flags` of memfd_create.
struct MemoryFileFlags: OptionSet, BitwiseCopyable {
    let rawValue: UInt32
    /// MFD_CLOEXEC
    static let closeOnExec = MemoryFileFlags(rawValue: 1)
    /// MFD_ALLOW_SEALING
    static let allowSealing = MemoryFileFlags(rawValue: 2)
    /// MFD_NOEXEC_SEAL
    static let noExecuteSeal = MemoryFileFlags(rawValue: 8)
    /// MFD_EXEC
    static let executable = MemoryFileFlags(rawValue: 16)
    static let all: MemoryFileFlags = [.closeOnExec, .allowSealing, .noExecuteSeal, .executable]
}

// Descriptors and files: as much of them as mappings need. Linux: do_sys_openat2, memfd_create, do_truncate,
// shmem_fallocate.

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
        return install(Descriptor(file: file, canRead: true, canWrite: canWrite), at: descriptor)
    }

    /// Opens a device of `size` bytes, whose driver maps its memory. There is no such file in a workload: this is for
    /// programs that use the library. Returns the descriptor.
    public func openDevice(_ name: String, size: UInt64, _ abilities: DriverAbilities) throws(Errno) -> Int {
        let file = try machine.makeFile(cpu, .device, size: size, path: name)
        machine.core.files[file].abilities = abilities
        return install(Descriptor(file: file, canRead: true, canWrite: true), at: nil)
    }

    /// memfd_create: a file in memory, empty.
    public func memfdCreate(_ name: String, descriptor: Int? = nil) throws(Errno) -> Int {
        let file = try machine.makeFile(cpu, .memory, size: 0, path: "/memfd:" + name + " (deleted)")
        return install(Descriptor(file: file, canRead: true, canWrite: true), at: descriptor)
    }

    /// Opens a file of the workload's own directory: it lives in memory and keeps its contents. Throws ENOENT where
    /// it is not there and `create` is false.
    public func openOwn(
        _ name: String, create: Bool, truncate: Bool, canRead: Bool, canWrite: Bool
    ) throws(Errno) -> Int {
        let file: Handle<FileRecord>
        if let known = machine.namedFiles[name] {
            file = known
            if truncate { machine.core.truncate(cpu, file, to: 0) { machine.space($0) } }
        } else {
            guard create else { throw .ENOENT }
            file = try machine.makeFile(cpu, .memory, size: 0, path: name)
            machine.namedFiles[name] = file
        }
        machine.core.hold(cpu, file)
        return install(Descriptor(file: file, canRead: canRead, canWrite: canWrite), at: nil)
    }

    private func install(_ descriptor: Descriptor, at number: Int?) -> Int {
        let place = number ?? process.freeDescriptor()
        if let old = process.descriptors[place] { machine.core.release(cpu, old.file) }
        process.descriptors[place] = descriptor
        return place
    }

    /// close.
    public func close(_ fd: Int) throws(Errno) {
        guard let descriptor = process.descriptors.removeValue(forKey: fd) else { throw .EBADF }
        machine.core.release(cpu, descriptor.file)
        machine.afterCall(cpu)
    }

    /// dup: the lowest free number, or the one that a recording names.
    public func dup(_ fd: Int, descriptor: Int? = nil) throws(Errno) -> Int {
        guard let old = process.descriptors[fd] else { throw .EBADF }
        machine.core.hold(cpu, old.file)
        return install(old, at: descriptor)
    }

    /// Whether a descriptor is known.
    public func isOpen(_ fd: Int) -> Bool { process.descriptors[fd] != nil }

    /// Whether a descriptor is of a file that lives in memory: the model knows all of it.
    public func isMemoryFile(_ fd: Int) -> Bool {
        guard let descriptor = process.descriptors[fd] else { return false }
        return machine.core.files[descriptor.file].kind == .memory
    }

    /// ftruncate.
    public func ftruncate(_ fd: Int, _ size: UInt64) throws(Errno) {
        guard size <= UInt64(Int64.max) else { throw .EINVAL }
        guard let descriptor = process.descriptors[fd] else { throw .EBADF }
        guard descriptor.canWrite else { throw .EINVAL }
        machine.core.truncate(cpu, descriptor.file, to: size) { machine.space($0) }
        machine.afterCall(cpu)
    }

    /// fallocate: plain, FALLOC_FL_KEEP_SIZE 1, FALLOC_FL_PUNCH_HOLE 2 (with 1).
    public func fallocate(_ fd: Int, _ mode: UInt64, _ offset: UInt64, _ length: UInt64) throws(Errno) {
        guard let descriptor = process.descriptors[fd] else { throw .EBADF }
        guard offset <= UInt64(Int64.max), length != 0, length <= UInt64(Int64.max) else { throw .EINVAL }
        guard mode & ~3 == 0, mode != 2 else { throw .EOPNOTSUPP }
        guard offset + length <= UInt64(Int64.max) else { throw .EFBIG }
        guard descriptor.canWrite else { throw .EBADF }
        let first = offset >> Page.shift
        let last = Page.ceiling(offset + length) >> Page.shift
        if mode & 2 != 0 {
            punch(descriptor.file, offset, offset + length)
            return
        }
        guard last - first <= UInt64(machine.core.memory.frameCount) else { throw .ENOSPC }
        for page in first..<last {
            guard !machine.core.cachedOrMade(cpu, descriptor.file, page).isNone else { throw .ENOSPC }
        }
        if mode & 1 == 0, offset + length > machine.core.files[descriptor.file].size {
            machine.core.files[descriptor.file].size = offset + length
        }
    }

    /// Whole pages go; the ends of partial ones are zeroed.
    private func punch(_ file: Handle<FileRecord>, _ start: UInt64, _ end: UInt64) {
        let core = machine.core
        let first = Page.ceiling(start) >> Page.shift
        let last = end >> Page.shift
        func zero(_ from: UInt64, _ to: UInt64) {
            let frame = core.cached(cpu, file, from >> Page.shift)
            guard from < to, !frame.isNone else { return }
            core.memory.fill(cpu, frame, offset: Int(from & Page.offsetMask), count: Int(to - from), byte: 0)
        }
        if first <= last {
            zero(start, first << Page.shift)
            zero(last << Page.shift, end)
        } else {
            zero(start, end)
        }
        if first < last { core.punchHole(cpu, file, first, last) { machine.space($0) } }
    }

    /// pread64 into nothing: the bytes. Throws EBADF.
    public func read(_ fd: Int, _ count: UInt64, at offset: UInt64) throws(Errno) -> [UInt8] {
        guard let descriptor = process.descriptors[fd], descriptor.canRead else { throw .EBADF }
        guard offset <= UInt64(Int64.max) else { throw .EINVAL }
        let core = machine.core
        let size = core.files[descriptor.file].size
        guard core.files[descriptor.file].kind == .memory, offset < size else { return [] }
        var bytes: [UInt8] = []
        var at = offset
        let end = offset + Swift.min(count, size - offset)
        while at < end {
            let frame = core.cached(cpu, descriptor.file, at >> Page.shift)
            bytes.append(
                frame.isNone ? 0 : core.memory.byte(cpu, frame, offset: Int(at & Page.offsetMask)))
            at += 1
        }
        return bytes
    }

    /// pwrite64 from bytes: the count written; the file grows.
    public func write(_ fd: Int, _ bytes: [UInt8], at offset: UInt64) throws(Errno) -> Int {
        guard let descriptor = process.descriptors[fd], descriptor.canWrite else { throw .EBADF }
        guard offset <= UInt64(Int64.max) - UInt64(bytes.count) else { throw .EINVAL }
        let core = machine.core
        var at = offset
        for byte in bytes {
            let frame = core.cachedOrMade(cpu, descriptor.file, at >> Page.shift)
            guard !frame.isNone else { throw .ENOSPC }
            core.memory.setByte(cpu, frame, offset: Int(at & Page.offsetMask), byte)
            core.memory.flags(frame).set(cpu, bits: FrameFlags.dirty, .frameFlags)
            at += 1
        }
        if at > core.files[descriptor.file].size { core.files[descriptor.file].size = at }
        return bytes.count
    }
}

// What changes a file's size or takes pages out of it. Linux: do_ftruncate, vfs_fallocate, shmem_fallocate.

/// `mode` of fallocate.
private enum AllocateMode {
    static let keepSize: UInt32 = 1
    static let punchHole: UInt32 = 2
    static let collapseRange: UInt32 = 8
    static let zeroRange: UInt32 = 0x10
    static let insertRange: UInt32 = 0x20
    static let unshareRange: UInt32 = 0x40
    static let writeZeroes: UInt32 = 0x80
    static let operations = punchHole | collapseRange | zeroRange | insertRange | unshareRange | writeZeroes
}

extension Task {
    /// ftruncate. Throws EPERM where a seal forbids it.
    public func ftruncate(_ fd: Int, _ size: UInt64) throws(Errno) {
        guard size <= UInt64(Int64.max) else { throw .EINVAL }
        let descriptor = try openDescriptor(fd)
        guard descriptor.canWrite, !descriptor.file.isNone else { throw .EINVAL }
        let (old, seals) = (machine.core.files[descriptor.file].size, machine.core.files[descriptor.file].seals)
        guard size >= old || !seals.contains(.shrink), size <= old || !seals.contains(.grow) else { throw .EPERM }
        machine.core.truncate(cpu, descriptor.file, to: size) { machine.space($0) }
        afterCall()
    }

    /// fallocate: plain, FALLOC_FL_KEEP_SIZE 1, FALLOC_FL_PUNCH_HOLE 2 (with 1). A memory file has no other mode:
    /// EOPNOTSUPP.
    public func fallocate(_ fd: Int, _ mode: UInt64, _ offset: UInt64, _ length: UInt64) throws(Errno) {
        let mode = UInt32(truncatingIfNeeded: mode)
        let descriptor = try openDescriptor(fd)
        guard offset <= UInt64(Int64.max), length != 0, length <= UInt64(Int64.max) else { throw .EINVAL }
        try checkMode(mode)
        guard descriptor.canWrite else { throw .EBADF }
        guard !descriptor.file.isNone else { throw .ENODEV }
        guard offset + length <= UInt64(Int64.max) else { throw .EFBIG }
        guard mode & ~(AllocateMode.keepSize | AllocateMode.punchHole) == 0 else { throw .EOPNOTSUPP }
        defer { afterCall() }
        if mode & AllocateMode.punchHole != 0 {
            try machine.core.punchHole(cpu, descriptor.file, offset, offset + length) { machine.space($0) }
        } else {
            try allocate(descriptor.file, offset, offset + length, keepsSize: mode & AllocateMode.keepSize != 0)
        }
    }

    /// One operation at a time, and whether it goes with keeping the size.
    private func checkMode(_ mode: UInt32) throws(Errno) {
        guard mode & ~(AllocateMode.operations | AllocateMode.keepSize) == 0 else { throw .EOPNOTSUPP }
        let keepsSize = mode & AllocateMode.keepSize != 0
        switch mode & AllocateMode.operations {
        case 0, AllocateMode.unshareRange, AllocateMode.zeroRange: return
        case AllocateMode.punchHole: if keepsSize { return }
        case AllocateMode.collapseRange, AllocateMode.insertRange, AllocateMode.writeZeroes: if !keepsSize { return }
        default: break
        }
        throw .EOPNOTSUPP
    }

    /// Gives [start, end) pages. They count as written only when somebody writes or faults them.
    private func allocate(
        _ file: Handle<FileRecord>, _ start: UInt64, _ end: UInt64, keepsSize: Bool
    ) throws(Errno) {
        let core = machine.core
        if core.files[file].seals.contains(.grow), end > core.files[file].size { throw .EPERM }
        let first = start >> Page.shift
        let last = Page.ceiling(end) >> Page.shift
        guard last - first <= UInt64(core.memory.frameCount) else { throw .ENOSPC }
        for page in first..<last {
            guard core.allocateUnwritten(cpu, file, page) else { throw .ENOSPC }
        }
        if !keepsSize, end > core.files[file].size { core.files[file].size = end }
    }
}

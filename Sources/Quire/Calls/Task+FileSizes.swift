// What changes a file's size or takes pages out of it. Linux: do_ftruncate, vfs_fallocate, shmem_fallocate,
// ext4_fallocate.

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
        guard descriptor.canWrite else { throw .EINVAL }
        if case .process = descriptor.target { throw size >> 31 == 0 ? .EOPNOTSUPP : .EINVAL }
        guard !descriptor.file.isNone else { throw .EINVAL }
        let (old, seals) = (machine.core.files[descriptor.file].size, machine.core.files[descriptor.file].seals)
        guard size <= machine.core.files[descriptor.file].mostBytes else { throw .EFBIG }
        guard size >= old || !seals.contains(.shrink), size <= old || !seals.contains(.grow) else { throw .EPERM }
        machine.core.truncate(cpu, descriptor.file, to: size) { machine.space($0) }
        afterCall()
    }

    /// fallocate: plain, FALLOC_FL_KEEP_SIZE 1, FALLOC_FL_PUNCH_HOLE 2 (with 1); on a disk file also
    /// FALLOC_FL_COLLAPSE_RANGE 8, FALLOC_FL_ZERO_RANGE 0x10 and FALLOC_FL_INSERT_RANGE 0x20. Other modes: EOPNOTSUPP.
    public func fallocate(_ fd: Int, _ mode: UInt64, _ offset: UInt64, _ length: UInt64) throws(Errno) {
        let mode = UInt32(truncatingIfNeeded: mode)
        let descriptor = try openDescriptor(fd)
        guard offset <= UInt64(Int64.max), length != 0, length <= UInt64(Int64.max) else { throw .EINVAL }
        try checkMode(mode)
        guard descriptor.canWrite else { throw .EBADF }
        let file = descriptor.file
        if case .process = descriptor.target { throw (offset + length) >> 63 == 0 ? .EOPNOTSUPP : .EFBIG }
        guard !file.isNone else { throw .ENODEV }
        let core = machine.core
        guard offset + length <= core.files[file].mostBytes else { throw .EFBIG }
        defer { machine.afterCall(cpu) }
        let keepsSize = mode & AllocateMode.keepSize != 0
        switch (mode & AllocateMode.operations, core.files[file].kind) {
        case (0, .memory): try allocate(file, offset, offset + length, keepsSize: keepsSize)
        case (0, .disk), (AllocateMode.zeroRange, .disk):
            if mode & AllocateMode.zeroRange != 0 {
                try core.punchHole(cpu, file, offset, offset + length) { machine.space($0) }
            }
            // Blocks that nobody has written are no pages.
            if !keepsSize { core.files[file].size = Swift.max(core.files[file].size, offset + length) }
        case (AllocateMode.punchHole, .memory), (AllocateMode.punchHole, .disk):
            try core.punchHole(cpu, file, offset, offset + length) { machine.space($0) }
        case (AllocateMode.collapseRange, .disk):
            try core.collapse(cpu, file, offset, length) { machine.space($0) }
        case (AllocateMode.insertRange, .disk): try core.insert(cpu, file, offset, length) { machine.space($0) }
        default: throw .EOPNOTSUPP
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

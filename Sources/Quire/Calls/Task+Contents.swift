// Reading and writing files: into memory and from it by the program's own fault path, so that what lies behind a bad
// address is left undone and the count tells how far it went; or as bytes, for reports and tests.
// Linux: ksys_pread64, vfs_read, rw_verify_area, shmem_file_read_iter, generic_perform_write.

extension Task {
    /// The most bytes that one call moves (MAX_RW_COUNT).
    static var mostMoved: UInt64 { 0x7FFF_F000 }

    /// pread64 into memory: the bytes read. Throws EFAULT where not even the first byte could be stored.
    public func pread(_ fd: Int, _ address: UInt64, _ count: UInt64, at offset: UInt64) throws(Errno) -> UInt64 {
        let descriptor = try readable(fd, address, count, offset)
        var done: UInt64 = 0
        try eachChunk(descriptor, count, offset) { bytes throws(Errno) in
            for byte in bytes {
                guard storeByte(address &+ done, byte) == .done else {
                    if case .pagemap = descriptor.target { throw .EFAULT }
                    if done == 0 { throw .EFAULT }
                    return false
                }
                done += 1
            }
            return true
        }
        return done
    }

    /// pread64 into a buffer that is nobody's: the bytes.
    public func read(_ fd: Int, _ count: UInt64, at offset: UInt64) throws(Errno) -> [UInt8] {
        let descriptor = try readable(fd, 0, count, offset)
        var all: [UInt8] = []
        try eachChunk(descriptor, count, offset) { bytes in
            all += bytes
            return true
        }
        return all
    }

    /// The checks of a read, in Linux's order.
    private func readable(
        _ fd: Int, _ address: UInt64, _ count: UInt64, _ offset: UInt64
    ) throws(Errno) -> Descriptor {
        let descriptor = try transferable(fd, offset)
        guard descriptor.canRead else { throw .EBADF }
        try checkRange(descriptor, address, count, offset)
        return descriptor
    }

    private func transferable(_ fd: Int, _ offset: UInt64) throws(Errno) -> Descriptor {
        guard offset <= UInt64(Int64.max) else { throw .EINVAL }
        return try openDescriptor(fd)
    }

    private func checkRange(
        _ descriptor: Descriptor, _ address: UInt64, _ count: UInt64, _ offset: UInt64
    ) throws(Errno) {
        // A process's descriptor can be opened, but has no contents.
        if case .process = descriptor.target { throw .EINVAL }
        let userEnd = space.tables.format.userEnd
        guard address <= userEnd, count <= userEnd - address else { throw .EFAULT }
        guard offset + count <= UInt64(Int64.max) else { throw .EINVAL }
    }

    /// Hands out what a file or page map has from `offset` on, at most a page at a time, until the end or until
    /// `body` says that it is enough.
    private func eachChunk(
        _ descriptor: Descriptor, _ count: UInt64, _ offset: UInt64, _ body: ([UInt8]) throws(Errno) -> Bool
    ) throws(Errno) {
        let core = machine.core
        var at = offset
        if case .pagemap(let number) = descriptor.target {
            guard offset & 7 == 0, count & 7 == 0 else { throw .EINVAL }
            guard let target = machine.space(number) else { return }
            let end = offset + Swift.min(count, Task.mostMoved)
            while at < end {
                let bytes = target.pagemapBytes(cpu, from: at, to: Swift.min(end, at + Page.size))
                guard !bytes.isEmpty, try body(bytes) else { return }
                at += UInt64(bytes.count)
            }
            return
        }
        let file = descriptor.file
        let size = core.files[file].size
        let isOnDisk = core.files[file].kind == .disk
        guard isOnDisk || core.files[file].kind == .memory, offset < size else { return }
        let end = offset + Swift.min(count, size - offset, Task.mostMoved)
        let last = core.files[file].readahead.position
        defer { if isOnDisk { core.files[file].readahead.position = at } }
        while at < end {
            let next = Swift.min(end, Page.floor(at) + Page.size)
            if isOnDisk { core.readForCall(cpu, file, at, end) }
            core.noteRead(cpu, file, at: at, last: last &- 1)
            guard try body(core.bytes(cpu, file, from: at, to: next)) else { return }
            at = next
        }
    }

    // MARK: Writing

    /// pwrite64 from memory: the bytes written; the file grows. Throws EFAULT where not even the first byte could be
    /// loaded, EPERM where a seal forbids it.
    public func pwrite(_ fd: Int, _ address: UInt64, _ count: UInt64, at offset: UInt64) throws(Errno) -> UInt64 {
        try write(fd, address, count, offset) { done, piece in
            var bytes: [UInt8] = []
            _ = load(address &+ done, piece) { bytes.append($0) }
            return bytes
        }
    }

    /// pwrite64 from bytes: the count written; the file grows.
    public func write(_ fd: Int, _ bytes: [UInt8], at offset: UInt64) throws(Errno) -> Int {
        let written = try write(fd, 0, UInt64(bytes.count), offset) { done, piece in
            Array(bytes[Int(done)..<Int(done + piece)])
        }
        return Int(written)
    }

    /// Writes what `source` gives for each piece, which lies in one page of the file.
    private func write(
        _ fd: Int, _ address: UInt64, _ count: UInt64, _ offset: UInt64, _ source: (UInt64, UInt64) -> [UInt8]
    ) throws(Errno) -> UInt64 {
        let descriptor = try transferable(fd, offset)
        guard descriptor.canWrite else { throw .EBADF }
        try checkRange(descriptor, address, count, offset)
        if count == 0 { return 0 }
        let file = descriptor.file
        let start = descriptor.appends ? machine.core.files[file].size : offset
        let most = machine.core.files[file].mostBytes
        guard start < most else { throw .EFBIG }
        let total = Swift.min(count, Task.mostMoved, most - start)
        var done: UInt64 = 0
        do throws(Errno) {
            while done < total {
                let at = start + done
                let piece = Swift.min(total - done, Page.size - at & Page.offsetMask)
                // The page comes first, and the file reaches up to it even where there is nothing to write then.
                try machine.core.write(cpu, file, [], asked: piece, at: at)
                let bytes = source(done, piece)
                if bytes.isEmpty { throw .EFAULT }
                try machine.core.write(cpu, file, bytes, asked: piece, at: at)
                done += UInt64(bytes.count)
                if bytes.count < piece { break }
            }
        } catch {
            if done == 0 { throw error }
        }
        return done
    }
}

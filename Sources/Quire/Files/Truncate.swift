// Making a file shorter, punching holes in one and taking pieces out of its middle: the pages go from every mapping
// (private copies too, where the file ends), then from the cache.
// Linux: truncate_pagecache, unmap_mapping_pages, shmem_undo_range, ext4_collapse_range, ext4_insert_range.

extension MachineCore {
    /// Sets a file's size; pages beyond the new end go.
    func truncate(_ cpu: CPU, _ file: Handle<FileRecord>, to size: UInt64, spaces: (UInt32) -> AddressSpace?) {
        let old = files[file].size
        files[file].size = size
        guard size < old else {
            // What a mapper wrote behind the end of a disk file does not show when the end moves.
            let tail = cached(cpu, file, old >> Page.shift)
            if files[file].kind == .disk, size > old, !tail.isNone, memory.has(cpu, tail, FrameFlags.dirty) {
                zero(cpu, file, old, Swift.min(Page.ceiling(old), size))
            }
            return
        }
        let first = (size &+ Page.offsetMask) >> Page.shift
        unmapPages(cpu, file, first, .max, evenCows: true, spaces)
        zero(cpu, file, size, Page.ceiling(size))
        dropCache(cpu, file, from: first)
        // What faults have mapped since.
        if !cpu.isSequential { unmapPages(cpu, file, first, .max, evenCows: true, spaces) }
    }

    /// Takes the bytes [start, end) out of a file: they read as zero afterwards (FALLOC_FL_PUNCH_HOLE). Whole pages go,
    /// from every mapping too; of partial ones the bytes are zeroed. Throws EPERM where a seal forbids it.
    func punchHole(
        _ cpu: CPU, _ file: Handle<FileRecord>, _ start: UInt64, _ end: UInt64, _ spaces: (UInt32) -> AddressSpace?
    ) throws(Errno) {
        guard !files[file].seals.forbidsWriting else { throw .EPERM }
        let first = Page.ceiling(start) >> Page.shift
        let last = end >> Page.shift
        if first <= last {
            zero(cpu, file, start, first << Page.shift)
            zero(cpu, file, last << Page.shift, end)
        } else {
            zero(cpu, file, start, end)
        }
        guard first < last else { return }
        unmapPages(cpu, file, first, last, evenCows: false, spaces)
        dropCache(cpu, file, from: first, to: last)
        if !cpu.isSequential { unmapPages(cpu, file, first, last, evenCows: false, spaces) }
    }

    /// Takes [offset, offset + length) out of a disk file; what lies behind moves down. Throws EINVAL where the range is
    /// not of whole blocks or reaches the file's end.
    func collapse(
        _ cpu: CPU, _ file: Handle<FileRecord>, _ offset: UInt64, _ length: UInt64, _ spaces: (UInt32) -> AddressSpace?
    ) throws(Errno) {
        guard (offset | length) & Page.offsetMask == 0, offset + length < files[file].size else { throw .EINVAL }
        let (first, count) = (offset >> Page.shift, length >> Page.shift)
        unmapPages(cpu, file, first, .max, evenCows: true, spaces)
        dropCache(cpu, file, from: first, to: first + count)
        shiftPages(cpu, file, from: first + count, by: 0 &- count)
        files[file].size -= length
    }

    /// Puts zeroes of `length` bytes into a disk file; what lies behind moves up. Throws EINVAL where the range is not of
    /// whole blocks or begins at or behind the file's end, EFBIG where the file would be too long.
    func insert(
        _ cpu: CPU, _ file: Handle<FileRecord>, _ offset: UInt64, _ length: UInt64, _ spaces: (UInt32) -> AddressSpace?
    ) throws(Errno) {
        guard (offset | length) & Page.offsetMask == 0 else { throw .EINVAL }
        guard length <= files[file].mostBytes - files[file].size else { throw .EFBIG }
        guard offset < files[file].size else { throw .EINVAL }
        let first = offset >> Page.shift
        unmapPages(cpu, file, first, .max, evenCows: true, spaces)
        shiftPages(cpu, file, from: first, by: length >> Page.shift)
        files[file].size += length
    }

    /// Zeroes [start, end), which lies within a page, if the file has the page: it counts as written then.
    private func zero(_ cpu: CPU, _ file: Handle<FileRecord>, _ start: UInt64, _ end: UInt64) {
        guard start < end else { return }
        let page = start >> Page.shift
        let frame = isStored(cpu, file, page) ? cachedOrMade(cpu, file, page) : cached(cpu, file, page)
        guard !frame.isNone else { return }
        memory.fill(cpu, frame, offset: Int(start & Page.offsetMask), count: Int(end - start), byte: 0)
        memory.flags(frame).set(cpu, bits: FrameFlags.dirty, .frameFlags)
    }

    /// Zaps the pages [first, last) of a file in every area that maps them.
    func unmapPages(
        _ cpu: CPU, _ file: Handle<FileRecord>, _ first: UInt64, _ last: UInt64, evenCows: Bool,
        _ spaces: (UInt32) -> AddressSpace?
    ) {
        areasLock(file).readLock(cpu)
        defer { areasLock(file).readUnlock(cpu) }
        var at = files[file].firstArea
        while at != 0 {
            let area = areas.handle(at: at)
            let record = self.area(area)
            at = record.nextOfFile
            let from = Swift.max(first, record.pageOffset)
            let to = Swift.min(last, record.pageOffset + record.pages)
            guard from < to, let space = spaces(record.space) else { continue }
            let start = record.start + (from - record.pageOffset) << Page.shift
            let end = record.start + (to - record.pageOffset) << Page.shift
            space.discard(cpu, area, start, end, ZapDetails(evenCows: evenCows))
        }
    }
}

// Making a file shorter, and punching holes in one: the pages go from every mapping (private copies too, where the
// file ends), then from the cache. Linux: truncate_pagecache, unmap_mapping_pages, shmem_undo_range.

extension MachineCore {
    /// Sets a file's size; pages beyond the new end go.
    func truncate(_ cpu: CPU, _ file: Handle<FileRecord>, to size: UInt64, spaces: (UInt32) -> AddressSpace?) {
        let old = files[file].size
        files[file].size = size
        guard size < old else { return }
        let first = (size &+ Page.offsetMask) >> Page.shift
        unmapPages(cpu, file, first, .max, evenCows: true, spaces)
        if size & Page.offsetMask != 0 {
            let tail = cached(cpu, file, size >> Page.shift)
            if !tail.isNone {
                let offset = Int(size & Page.offsetMask)
                memory.fill(cpu, tail, offset: offset, count: Int(Page.size) - offset, byte: 0)
            }
        }
        dropCache(cpu, file, from: first)
    }

    /// Takes the pages [first, last) out of a memory file: they read as zero afterwards (FALLOC_FL_PUNCH_HOLE).
    func punchHole(
        _ cpu: CPU, _ file: Handle<FileRecord>, _ first: UInt64, _ last: UInt64, _ spaces: (UInt32) -> AddressSpace?
    ) {
        unmapPages(cpu, file, first, last, evenCows: false, spaces)
        dropCache(cpu, file, from: first, to: last)
    }

    /// Zaps the pages [first, last) of a file in every area that maps them.
    func unmapPages(
        _ cpu: CPU, _ file: Handle<FileRecord>, _ first: UInt64, _ last: UInt64, evenCows: Bool,
        _ spaces: (UInt32) -> AddressSpace?
    ) {
        var at = files[file].firstArea
        while at != 0 {
            let area = areas.handle(at: at)
            let record = areas[area]
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

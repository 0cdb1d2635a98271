// munmap: split at both ends, then unmap what lies between. A range without areas is a success.
// Linux: do_vmi_munmap, vms_gather_munmap_vmas.

extension AddressSpace {
    /// The system call. The mmap lock is held for write.
    func unmap(_ cpu: CPU, _ start: UInt64, _ length: UInt64) throws(Errno) {
        let userEnd = tables.format.userEnd
        guard start & Page.offsetMask == 0, start <= userEnd, length <= userEnd - start else { throw .EINVAL }
        let end = start + Page.ceiling(length)
        guard end != start else { throw .EINVAL }
        try makeHole(cpu, start, end)
    }

    /// Unmaps whatever lies in [start, end), splitting areas at its borders. Throws ENOMEM with nothing unmapped.
    func makeHole(_ cpu: CPU, _ start: UInt64, _ end: UInt64) throws(Errno) {
        let cursor = areas.cursor(atOrAbove: start)
        guard !cursor.isNone, areas.start(at: cursor) < end else { return }
        var first = areas.area(at: cursor)
        let record = core.areas[first]
        if record.start < start {
            if record.end > end, areas.count >= core.settings.maxMapCount { throw .ENOMEM }
            first = try split(cpu, first, at: start)
        }
        let last = record.end >= end ? first : areas.find(end - 1)
        if !last.isNone, core.areas[last].start < end, core.areas[last].end > end {
            try split(cpu, last, at: end)
        }
        unmapRange(cpu, start, end)
    }
}

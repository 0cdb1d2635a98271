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
        let first = areas.cursor(atOrAbove: start)
        guard !first.isNone, areas.start(at: first) < end else { return }
        unmapRange(cpu, from: try splitAtBorders(cpu, first, start, end), start, end)
    }

    /// Splits the areas that reach over a border of [start, end), `cursor` being the lowest that ends above its start;
    /// returns the lowest one then. Throws ENOMEM; a split that was had stays.
    func splitAtBorders(
        _ cpu: CPU, _ cursor: AreaCursor, _ start: UInt64, _ end: UInt64
    ) throws(Errno) -> AreaCursor {
        var first = cursor
        if areas.start(at: first) < start {
            if areas.end(at: first) > end, areas.count >= core.settings.maxMapCount { throw .ENOMEM }
            first = areas.cursor(of: try split(cpu, areas.area(at: first), at: start))
        }
        let last = areas.end(at: first) >= end ? first : areas.cursor(atOrAbove: end - 1)
        if !last.isNone, areas.start(at: last) < end, areas.end(at: last) > end {
            try split(cpu, areas.area(at: last), at: end)
            first = areas.cursor(atOrAbove: start)
        }
        return first
    }
}

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
        let first = areas.find(start)
        guard !first.isNone, core.areas[first].start < end else { return }
        if core.areas[first].start < start {
            if core.areas[first].end > end, areas.count >= core.settings.maxMapCount { throw .ENOMEM }
            try split(cpu, first, at: start)
        }
        let last = areas.find(end - 1)
        if !last.isNone, core.areas[last].start < end, core.areas[last].end > end {
            try split(cpu, last, at: end)
        }
        unmapRange(cpu, start, end)
    }
}

// mincore: which pages are in memory. A page counts if its entry is present; where the entry is none, a file's page
// counts if it is cached with its contents. Linux: do_mincore, mincore_pte_range.

extension AddressSpace {
    /// Refuses a range that no program can have. EINVAL for an unaligned start, ENOMEM beyond the end.
    func checkResidence(_ start: UInt64, _ length: UInt64) throws(Errno) {
        guard start & Page.offsetMask == 0 else { throw .EINVAL }
        guard start <= tables.format.userEnd, length <= tables.format.userEnd - start else { throw .ENOMEM }
    }

    /// One byte a page from `start` on, 1 where it is in memory: to the end of the area there, to `end`, or as many as
    /// there are bytes in a page. ENOMEM for a hole.
    func residentPart(_ cpu: CPU, _ start: UInt64, _ end: UInt64) throws(Errno) -> [UInt8] {
        mmapLock.readLock(cpu)
        defer { mmapLock.readUnlock(cpu) }
        let area = areas.find(start)
        guard !area.isNone, core.areas[area].start <= start else { throw .ENOMEM }
        let record = core.area(area)
        let pages = (Swift.min(record.end, end) - start) >> Page.shift
        return (0..<Swift.min(pages, Page.size)).map { page in
            isResident(cpu, record, start + page << Page.shift) ? 1 : 0
        }
    }

    private func isResident(_ cpu: CPU, _ area: Area, _ page: UInt64) -> Bool {
        memory.rcu.enter(cpu)
        defer { memory.rcu.exit(cpu) }
        if tables.leaf(cpu, page) != nil { return true }
        let entry = tables.entryUnderLock(cpu, page)
        if tables.format.isPresent(entry) { return true }
        // A guard marker is as good as none: the cache tells.
        guard entry.isNone || tables.format.kind(entry) == .guardMarker else { return false }
        guard !area.file.isNone else { return false }
        let offset = area.pageOffset(of: page)
        if core.files[area.file].kind == .recorded { return offset < core.pages(of: area.file) }
        return core.isUptodate(cpu, area.file, offset)
    }
}

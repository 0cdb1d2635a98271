// mincore: which pages are in memory. A page counts if its entry is present; where the entry is none, a file's page
// counts if it is cached. Linux: do_mincore, mincore_pte_range.

extension AddressSpace {
    /// One byte a page, 1 where it is in memory. EINVAL for an unaligned start, ENOMEM for a hole.
    func residentMap(_ cpu: CPU, _ start: UInt64, _ length: UInt64) throws(Errno) -> [UInt8] {
        guard start & Page.offsetMask == 0 else { throw .EINVAL }
        guard start <= tables.format.userEnd, length <= tables.format.userEnd - start else { throw .ENOMEM }
        let end = start + Page.ceiling(length)
        var bytes: [UInt8] = []
        mmapLock.readLock(cpu)
        defer { mmapLock.readUnlock(cpu) }
        var at = start
        while at < end {
            let area = areas.find(at)
            guard !area.isNone, core.areas[area].start <= at else { throw .ENOMEM }
            let stop = Swift.min(core.areas[area].end, end)
            while at < stop {
                bytes.append(isResident(cpu, core.areas[area], at) ? 1 : 0)
                at += Page.size
            }
        }
        return bytes
    }

    private func isResident(_ cpu: CPU, _ area: Area, _ page: UInt64) -> Bool {
        memory.rcu.enter(cpu)
        defer { memory.rcu.exit(cpu) }
        if tables.leaf(cpu, page) != nil { return true }
        let table = tables.table(cpu, page, level: 0)
        let entry = table.isNone ? .none : tables.load(cpu, table, tables.format.index(page, level: 0))
        if tables.format.isPresent(entry) { return true }
        // A guard marker is as good as none: the cache tells.
        guard entry.isNone || tables.format.kind(entry) == .guardMarker else { return false }
        guard !area.file.isNone else { return false }
        let offset = area.pageOffset(of: page)
        if area.kind == .file { return offset < core.pages(of: area.file) }
        return !core.cached(cpu, area.file, offset).isNone
    }
}

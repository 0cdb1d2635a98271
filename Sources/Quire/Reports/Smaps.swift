// What /proc/PID/smaps says of each area, by walking its entries and asking each frame. Shared means that two
// mappings or more have the page; Pss divides a page by them. Linux: smap_gather_stats, smaps_account.

/// One area of smaps. Sizes are kB, as /proc prints them.
public struct AreaReport: Hashable, Sendable {
    /// The range.
    public var start: UInt64, end: UInt64
    /// Rights and flags.
    public var flags: AreaFlags
    /// The offset in the file in bytes, its number and name; 0 and "" without a file.
    public var offset: UInt64 = 0, inode: UInt64 = 0
    public var path = ""
    /// The page offset: in the file, or for anonymous memory the page number where it was mapped first.
    public var pageOffset: UInt64 = 0
    /// Which anon_vma its anonymous pages hang on: a number that no other anon_vma ever has; nil before the first write.
    public var anonVMA: UInt64?
    /// Resident, and each page divided by its mappings.
    public var rss: UInt64 = 0, pss: UInt64 = 0
    public var sharedClean: UInt64 = 0, sharedDirty: UInt64 = 0, privateClean: UInt64 = 0, privateDirty: UInt64 = 0
    /// Used since the flags were last cleared.
    public var referenced: UInt64 = 0
    /// Anonymous pages, and those given to MADV_FREE and not written since.
    public var anonymous: UInt64 = 0, lazyFree: UInt64 = 0
    /// Mapped by PMD entries.
    public var anonymousHuge: UInt64 = 0
    /// Pss, where the area is locked.
    public var locked: UInt64 = 0
    /// Whether a huge page could be had here.
    public var isHugePageEligible = false

    /// An area of which no page is known yet.
    public init(start: UInt64, end: UInt64, flags: AreaFlags) {
        self.start = start
        self.end = end
        self.flags = flags
    }

    /// `rw-p`, as /proc/PID/maps prints it.
    public var permissions: String {
        (flags.contains(.read) ? "r" : "-") + (flags.contains(.write) ? "w" : "-")
            + (flags.contains(.execute) ? "x" : "-") + (flags.contains(.mayShare) ? "s" : "p")
    }
}

extension Process {
    /// Every area with its pages counted, in order of address. O(pages mapped).
    public func areaReports() -> [AreaReport] {
        let space = self.space
        let cpu = main.cpu
        var reports: [AreaReport] = []
        space.mmapLock.readLockForReport(cpu)
        defer { space.mmapLock.readUnlock(cpu) }
        var cursor = space.areas.first
        while !cursor.isNone {
            let area = space.core.area(space.areas.area(at: cursor))
            var report = AreaReport(start: area.start, end: area.end, flags: area.allFlags)
            report.pageOffset = area.pageOffset
            report.anonVMA = area.anonVMA.isNone ? nil : area.anonVMA.number
            if !area.file.isNone {
                let file = space.core.files[area.file]
                report.offset = area.pageOffset << Page.shift
                report.inode = file.kind == .special ? 0 : file.inode
                report.path = machine.strings[Int(file.path)]
            }
            if let name = areaName(area) { report.path = name }
            report.isHugePageEligible = !space.allowedOrders(area, .smaps).isEmpty
            space.count(cpu, area, into: &report)
            reports.append(report)
            cursor = space.areas.next(cursor)
        }
        return reports
    }
}

extension Process {
    /// What an area shows as its name in place of a file's path, if it does: a kernel's own, the heap, or what a
    /// program called it (get_vma_name).
    private func areaName(_ area: Area) -> String? {
        let number = space.core.extras(area.extras).name
        let name = machine.strings[Int(number)]
        if !area.file.isNone { return number == 0 ? nil : "[anon_shmem:\(name)]" }
        if name.utf8.first == UInt8(ascii: "[") { return name }
        if space.holdsHeap(area) { return "[heap]" }
        return number == 0 ? nil : "[anon:\(name)]"
    }
}

/// Sums of one area while it is walked; Pss in units of 1/4096 byte, as Linux keeps it.
private struct PageSums {
    var resident: UInt64 = 0, pss: UInt64 = 0, anonymous: UInt64 = 0, lazyFree: UInt64 = 0, referenced: UInt64 = 0
    var sharedClean: UInt64 = 0, sharedDirty: UInt64 = 0, privateClean: UInt64 = 0, privateDirty: UInt64 = 0
    var huge: UInt64 = 0
}

extension AddressSpace {
    fileprivate func count(_ cpu: CPU, _ area: Area, into report: inout AreaReport) {
        var sums = PageSums()
        let span: UInt64 = 1 << tables.format.shift(ofLevel: 1)
        var address = area.start
        memory.rcu.enter(cpu)
        defer { memory.rcu.exit(cpu) }
        while address < area.end {
            let next = Swift.min((address & ~(span - 1)) &+ span, area.end)
            if let leaf = tables.leaf(cpu, address) {
                if !isHugeZero(cpu, leaf.entry) { countLeaf(cpu, leaf.entry, next - address, &sums) }
                address = next
                continue
            }
            let position = tables.position(cpu, address)
            if position.table.isNone {
                // An empty higher table covers more: pass over it at once.
                address = skipEmpty(cpu, address, area.end)
                continue
            }
            // What is reclaimed meanwhile is looked at again, and is none.
            guard tables.lockIfAttached(cpu, position, address) else { continue }
            var index = tables.format.index(address, level: 0)
            for _ in 0..<((next - address) >> Page.shift) {
                let entry = tables.load(cpu, position.table, index)
                if tables.format.isPresent(entry) { count(cpu, entry, tables.format.frame(entry), &sums) }
                index += 1
            }
            tables.pteLock(position.table).unlock(cpu)
            address = next
        }
        report.rss = sums.resident >> 10
        report.pss = sums.pss >> 22
        report.anonymous = sums.anonymous >> 10
        report.lazyFree = sums.lazyFree >> 10
        report.anonymousHuge = sums.huge >> 10
        report.referenced = sums.referenced >> 10
        report.sharedClean = sums.sharedClean >> 10
        report.sharedDirty = sums.sharedDirty >> 10
        report.privateClean = sums.privateClean >> 10
        report.privateDirty = sums.privateDirty >> 10
        report.locked = area.flags.contains(.locked) ? report.pss : 0
    }

    private func skipEmpty(_ cpu: CPU, _ address: UInt64, _ end: UInt64) -> UInt64 {
        var level = 1
        while level < tables.format.levels - 1, tables.table(cpu, address, level: level).isNone { level += 1 }
        let span: UInt64 = 1 << tables.format.shift(ofLevel: level)
        let next = (address & ~(span - 1)) &+ span
        return next == 0 ? end : Swift.min(next, end)
    }

    private func countLeaf(_ cpu: CPU, _ entry: Entry, _ bytes: UInt64, _ sums: inout PageSums) {
        let head = tables.format.frame(entry)
        for number in 0..<Int(bytes >> Page.shift) { count(cpu, entry, memory.page(head, number), &sums) }
        sums.huge += bytes
    }

    private func count(_ cpu: CPU, _ entry: Entry, _ frame: FrameNumber, _ sums: inout PageSums) {
        guard frame != core.zeroFrame else { return }
        let flags = memory.folioFlags(cpu, frame)
        let mappings = UInt64(memory.mappings(cpu, ofPage: frame))
        let isDirty = tables.format.isDirty(entry) || flags & FrameFlags.dirty != 0
        sums.resident += Page.size
        sums.pss += (Page.size << 12) / Swift.max(mappings, 1)
        if flags & FrameFlags.kind == FrameKind.anonymous.rawValue {
            sums.anonymous += Page.size
            if flags & FrameFlags.swapBacked == 0, !isDirty { sums.lazyFree += Page.size }
        }
        if tables.format.isAccessed(entry) || flags & FrameFlags.referenced != 0 { sums.referenced += Page.size }
        switch (mappings >= 2, isDirty) {
        case (true, true): sums.sharedDirty += Page.size
        case (true, false): sums.sharedClean += Page.size
        case (false, true): sums.privateDirty += Page.size
        case (false, false): sums.privateClean += Page.size
        }
    }

    /// Whether an area lies between the heap's start and its end.
    fileprivate func holdsHeap(_ area: Area) -> Bool {
        let numbers = numbers
        return numbers.heapStart != 0 && area.start < Page.ceiling(numbers.heapEnd) && area.end > numbers.heapStart
    }
}

// /proc/PID/pagemap: one word a page. Present pages have their frame; what is not there reads as 0, guards as swapped
// guard regions. Linux: pagemap_read, pte_to_pagemap_entry.

/// The bits of a page map's entry.
enum PagemapBits {
    /// Mapped by this entry alone (PM_MMAP_EXCLUSIVE).
    static let exclusive: UInt64 = 1 << 56
    /// PM_GUARD_REGION
    static let guardRegion: UInt64 = 1 << 58
    /// A file's page, shared anonymous memory included (PM_FILE).
    static let file: UInt64 = 1 << 61
    /// In swap, or another entry that is not present (PM_SWAP).
    static let swap: UInt64 = 1 << 62
    /// PM_PRESENT
    static let present: UInt64 = 1 << 63
}

extension AddressSpace {
    /// The bytes [start, end) of the page map, which are whole words; fewer where the address space ends.
    func pagemapBytes(_ cpu: CPU, from start: UInt64, to end: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        mmapLock.readLockForReport(cpu)
        defer { mmapLock.readUnlock(cpu) }
        for word in (start >> 3)..<(end >> 3) {
            guard word < tables.format.userEnd >> Page.shift else { break }
            let value = pagemapEntry(cpu, word << Page.shift)
            for byte in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * UInt64(byte)))) }
        }
        return bytes
    }

    private func pagemapEntry(_ cpu: CPU, _ page: UInt64) -> UInt64 {
        memory.rcu.enter(cpu)
        defer { memory.rcu.exit(cpu) }
        let table = tables.table(cpu, page, level: 0)
        guard !table.isNone else { return 0 }
        let entry = tables.load(cpu, table, tables.format.index(page, level: 0))
        if entry.isNone { return 0 }
        guard tables.format.isPresent(entry) else {
            let isGuard = tables.format.kind(entry) == .guardMarker
            return PagemapBits.swap | (isGuard ? PagemapBits.guardRegion : 0)
        }
        let frame = tables.format.frame(entry)
        var value = PagemapBits.present | UInt64(frame.rawValue)
        // The zero page is no page of anybody's.
        guard frame != core.zeroFrame else { return value }
        if memory.kind(cpu, frame) != .anonymous { value |= PagemapBits.file }
        if memory.mapcount(frame).load(cpu, .mapcount) == 1 { value |= PagemapBits.exclusive }
        return value
    }
}

// Which pages of a mapped file lie in large folios: a fault maps a whole folio that its fault-around window touches, so
// that RssFile cannot be told from a trace without this. Root only: /proc/PID/pagemap has the frames of the mapped
// pages, /proc/kpageflags says which frames are the head and the tails of a compound page.

import Foundation

/// The large folios of files, by inode: first page of the file → pages.
struct LargeFolios: Sendable {
    private(set) var byInode: [UInt64: [UInt64: UInt64]] = [:]

    private static let pageSize: UInt64 = 4096
    private static let head: UInt64 = 1 << 15
    private static let tail: UInt64 = 1 << 16
    /// Pages of one area that are looked at: a database that maps a terabyte must not hold up the program.
    private static let mostPages = 1 << 18
    /// The largest folio that is followed (2 MiB).
    private static let mostTails: UInt64 = 512

    /// Adds what the mapped pages of a process at rest show.
    mutating func add(_ process: ProcessTruth) {
        guard let pagemap = FileHandle(forReadingAtPath: "/proc/\(process.pid)/pagemap"),
            let flags = FileHandle(forReadingAtPath: "/proc/kpageflags")
        else { return }
        for area in process.areas where area.inode != 0 {
            guard area.sizes.contains(where: { $0.key == "Rss" && $0.value > 0 }), area.end > area.start else {
                continue
            }
            let count = min(Int((area.end - area.start) / Self.pageSize), Self.mostPages)
            let entries = Self.words(pagemap, at: area.start / Self.pageSize, count: count)
            var page = 0
            while page < entries.count {
                let entry = entries[page]
                let step = entry >> 63 == 1 && entry >> 61 & 1 == 1 ? folio(entry, page, area, flags) : 1
                page += step
            }
        }
    }

    /// Notes the folio of a file page, if it is large; returns how many pages to go on.
    private mutating func folio(_ entry: UInt64, _ page: Int, _ area: ProcessTruth.Area, _ flags: FileHandle) -> Int {
        let frame = entry & ((1 << 55) - 1)
        guard frame != 0 else { return 1 }
        let here = Self.words(flags, at: frame, count: 1).first ?? 0
        guard here & (Self.head | Self.tail) != 0 else { return 1 }
        // A folio is aligned to its size, in memory and in the file: the head is found from the frames before.
        let low = frame / Self.mostTails * Self.mostTails
        let around = Self.words(flags, at: low, count: Int(Self.mostTails))
        guard around.count == Int(Self.mostTails) else { return 1 }
        var first = Int(frame - low)
        while first > 0, around[first] & Self.head == 0, around[first] & Self.tail != 0 { first -= 1 }
        var end = first + 1
        while end < around.count, around[end] & Self.tail != 0 { end += 1 }
        let before = frame - low - UInt64(first)
        let filePage = area.offset / Self.pageSize + UInt64(page)
        guard around[first] & Self.head != 0, before <= filePage else { return 1 }
        byInode[area.inode, default: [:]][filePage - before] = UInt64(end - first)
        return max(1, end - first - Int(before))
    }

    /// Little-endian 64-bit words of a file that is indexed by page.
    private static func words(_ file: FileHandle, at index: UInt64, count: Int) -> [UInt64] {
        guard (try? file.seek(toOffset: index * 8)) != nil, let data = try? file.read(upToCount: count * 8) else {
            return []
        }
        let bytes = [UInt8](data)
        return stride(from: 0, to: bytes.count / 8 * 8, by: 8).map { at in
            (0..<8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64(bytes[at + $1]) }
        }
    }
}

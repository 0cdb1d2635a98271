// The way before Linux 6.7: `PagemapReader` reads /proc/PID/pagemap, 8 bytes for each page whether populated or not, so the
// inspector sends it only into areas where smaps shows something resident or swapped. What it finds it reports as
// PAGEMAP_SCAN would, but for two things that pagemap does not say: whether a page is mapped huge, and the zero page of an
// area that has nothing else (it counts in no Rss, so the area is not read). Kernel counterpart: pagemap_read.

import SystemPackage

/// Scans by reading pagemap.
struct PagemapReader: ~Copyable {
    /// Pages per read: 128 MiB of address space, 256 KiB of pagemap. The kernel drops the mmap lock every 2 MiB of it.
    private static let pagesPerRead = 32768
    private static let present: UInt64 = 1 << 63
    private static let swapped: UInt64 = 1 << 62
    private static let guardRegion: UInt64 = 1 << 58

    private let pid: Int
    private let pagemap: LiveFile
    private var words = [UInt64](repeating: 0, count: pagesPerRead)
    private(set) var cost = ScanCost()

    init(pid: Int, pagemap: consuming LiveFile) {
        self.pid = pid
        self.pagemap = pagemap
    }

    /// Reads `range`, a single area, and hands every populated region to `body` in order.
    mutating func scan(_ range: Range<UInt64>, _ body: (PageRegion) -> Void) throws(LiveError) {
        var address = range.lowerBound
        while address < range.upperBound {
            let pages = Int(min(UInt64(Self.pagesPerRead), (range.upperBound - address) >> 12))
            guard pages > 0 else { return }
            let begin = monotonicNanoseconds()
            let count: Int
            do throws(Errno) {
                count = try pagemap.read(words: &words, count: pages, at: (address >> 12) * 8)
            } catch {
                throw LiveError(error, pid: pid, file: "pagemap")
            }
            cost.count(hold: monotonicNanoseconds() - begin)
            // Nothing to read where an area was a moment ago: the process has ended.
            guard count > 0 else { throw .exited(pid) }
            report(words[..<count], from: address, body)
            address += UInt64(count) << 12
        }
    }

    private func report(_ words: ArraySlice<UInt64>, from address: UInt64, _ body: (PageRegion) -> Void) {
        var region = PageRegion()
        var page = address
        for word in words {
            let categories = Self.categories(of: word)
            if categories != region.categories {
                if !region.categories.isEmpty { body(region) }
                region = PageRegion(start: page, categories: categories)
            }
            page += 4096
            region.end = page
        }
        if !region.categories.isEmpty { body(region) }
    }

    private static func categories(of word: UInt64) -> PageCategories {
        guard word & (present | swapped) != 0 else { return [] }
        var categories: PageCategories = word & present != 0 ? .present : .swapped
        if word & swapped != 0, word & guardRegion != 0 { categories.insert(.guardRegion) }
        return categories
    }
}

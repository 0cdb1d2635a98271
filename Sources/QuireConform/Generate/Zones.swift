// Where a workload works: ranges of pages in zones of one window, half of them where something began or ended before, so
// that areas meet.
//
//     base                base + 512 MiB         heap                       end
//     |== main ==|  …     |== stacks ==|    …   |==:== heap ==|  …  |== chosen ==|ceiling|
//
// Most of the work is in the main zone. Stacks have room below them to grow. Linux chooses places from the window's end
// downwards; the last page is taken, so that nothing grows out of the window.

/// Draws ranges.
struct Zones {
    /// The first address and the first one beyond the last.
    static let base: UInt64 = 0x1000_0000_0000
    static let end: UInt64 = 0x2000_0000_0000
    static let ceiling = end - 4096
    /// Where brk begins.
    static let heap: UInt64 = 0x1800_0000_0000
    /// Pages of the zones beside the main one.
    static let stackPages = 3072
    static let chosenPages = 2048

    /// One zone; pages are counted from its start.
    struct Zone {
        let start: UInt64
        let pages: Int
        /// Pages where something began or ended.
        var marks = [0]

        func address(_ page: Int) -> UInt64 { start + UInt64(page) << 12 }
    }

    var main: Zone
    var stacks = Zone(start: Self.base + 512 << 20, pages: Self.stackPages)
    /// From a little below the heap on.
    var heap = Zone(start: Self.heap - 16 << 12, pages: 1024, marks: [16])
    var chosen = Zone(
        start: Self.ceiling - UInt64(Self.chosenPages) << 12, pages: Self.chosenPages, marks: [Self.chosenPages - 1])

    init(pages: Int) { main = Zone(start: Self.base, pages: pages) }

    /// A range of pages as address and length: in the main zone but for every tenth.
    mutating func range(_ random: inout SeededRandom) -> (address: UInt64, length: UInt64) {
        switch random.number(20) {
        case 0: Self.range(&stacks, &random)
        case 1: random.chance(50) ? Self.range(&chosen, &random) : Self.range(&heap, &random)
        default: Self.range(&main, &random)
        }
    }

    /// A range of pages of one zone.
    static func range(_ zone: inout Zone, _ random: inout SeededRandom) -> (address: UInt64, length: UInt64) {
        var start = random.number(zone.pages)
        if random.chance(50) { start = random.pick(zone.marks) + random.pick([0, 0, 0, -1, 1, 2, -8]) }
        if random.chance(8) { start = start / 512 * 512 }
        start = max(0, min(start, zone.pages - 1))
        var count = min(length(zone.pages, &random), zone.pages - start)
        if random.chance(30) {
            let later = zone.marks.filter { $0 > start }
            if !later.isEmpty { count = random.pick(later.suffix(8)) - start }
        }
        zone.marks = (zone.marks + [start, min(start + count, zone.pages - 1)]).suffix(64)
        return (zone.address(start), UInt64(count) << 12)
    }

    /// A number of pages.
    static func length(_ pages: Int, _ random: inout SeededRandom) -> Int {
        switch random.number(100) {
        case ..<60: random.number(1...16)
        case ..<88: random.number(8...min(200, pages / 2))
        case ..<94: 512
        default: random.number(1...max(2, pages / 3))
        }
    }
}

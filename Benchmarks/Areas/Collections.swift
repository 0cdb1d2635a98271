// The collections that are compared: the core's tree with its pools and gaps, swift-collections' B-tree (which has no
// search for the key below an address, so that it is asked for the exact start), and a sorted array.

import Glibc
import SortedCollections

/// The records that every collection here refers to, as a machine keeps them: a pool, whose indices are stored.
struct AreaRecords {
    let host = Host.plain
    let environment: SyncEnvironment
    let cpu: CPU
    let pool: Pool<Area>
    let handles: [Handle<Area>]

    init(count: Int) {
        environment = SyncEnvironment(host: host)
        let state = RawState(host: host, cpus: 1, tlbBytes: 0)!
        state.start(mode: .sequential, environment: environment)
        let cpu = state.cpu(0)
        let pool = Pool<Area>(host: host, capacity: 1 << 18)!
        self.cpu = cpu
        self.pool = pool
        handles = (0..<count).map { number in
            let start = Layout.start(number)
            let area = Area(
                start: start, end: start + 4096, flags: [], pageOffset: UInt64(number), kind: .anonymous, space: 0)
            return pool.allocate(cpu, area)!
        }
    }

    /// The number of the area with this index, which must contain the address.
    @inline(__always) func number(_ index: UInt32, containing address: UInt64) -> UInt32 {
        let area = pool.handle(at: index)
        precondition(pool[area].start <= address && pool[area].end > address)
        return UInt32(truncatingIfNeeded: pool[area].pageOffset)
    }
}

/// The core's tree as an address space has it: the largest gaps are kept.
final class TreeOfAreas: OrderedAreas {
    static let label = "AreaTree"
    private let records: AreaRecords
    private let tree: AreaTree

    init(count: Int) {
        records = AreaRecords(count: count)
        let heads = Pool<AreaTreeHead>(host: records.host, capacity: 2)!
        tree = AreaTree(
            nodes: Pool(host: records.host, capacity: 1 << 16)!, areas: records.pool, heads: heads,
            head: heads.allocate(records.cpu, AreaTreeHead())!)
        for area in records.handles { precondition(tree.insert(records.cpu, area)) }
    }

    func find(_ address: UInt64) -> UInt32 { records.number(tree.find(address).index, containing: address) }

    func replace(_ number: Int) {
        tree.remove(records.cpu, records.handles[number])
        precondition(tree.insert(records.cpu, records.handles[number]))
    }

    func walk() -> Int {
        var sum = 0
        var cursor = tree.first
        while !cursor.isNone {
            sum += Int(records.pool[tree.area(at: cursor)].pageOffset)
            cursor = tree.next(cursor)
        }
        return sum
    }
}

extension Host {
    /// Memory, and nothing else: one thread runs here.
    fileprivate static var plain: Host {
        unsafe Host(
            reserve: { bytes in
                let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
                let start = unsafe mmap(nil, bytes, PROT_READ | PROT_WRITE, flags, -1, 0)
                return unsafe start == MAP_FAILED ? nil : start
            },
            release: { start, bytes in _ = unsafe munmap(start, bytes) },
            discard: { _, _ in }, park: { _, _ in }, unpark: { _, _ in }, relax: {})
    }
}

/// swift-collections' in-memory B-tree.
final class SortedDictionaryOfAreas: OrderedAreas {
    static let label = "SortedDictionary"
    private let records: AreaRecords
    private var areas = SortedDictionary<UInt64, UInt32>()

    init(count: Int) {
        records = AreaRecords(count: count)
        for number in 0..<count { areas[Layout.start(number)] = records.handles[number].index }
    }

    func find(_ address: UInt64) -> UInt32 { records.number(areas[address] ?? 0, containing: address) }

    func replace(_ number: Int) {
        let value = areas.removeValue(forKey: Layout.start(number))
        areas[Layout.start(number)] = value
    }

    func walk() -> Int {
        var sum = 0
        for (_, index) in areas { sum += Int(records.pool[records.pool.handle(at: index)].pageOffset) }
        return sum
    }
}

/// Starts and indices in one array, kept sorted.
final class SortedArrayOfAreas: OrderedAreas {
    static let label = "sorted array"
    private let records: AreaRecords
    private var areas: ContiguousArray<(start: UInt64, index: UInt32)> = []

    init(count: Int) {
        records = AreaRecords(count: count)
        for number in 0..<count { areas.append((Layout.start(number), records.handles[number].index)) }
    }

    /// The place of the last area that begins at or below the address.
    private func place(_ address: UInt64) -> Int {
        var low = 0
        var size = areas.count
        while size > 1 {
            let half = size >> 1
            if areas[low + half].start <= address { low += half }
            size -= half
        }
        return low
    }

    func find(_ address: UInt64) -> UInt32 { records.number(areas[place(address)].index, containing: address) }

    func replace(_ number: Int) {
        let removed = areas.remove(at: place(Layout.start(number)))
        let below = place(removed.start)
        areas.insert(removed, at: areas[below].start < removed.start ? below + 1 : below)
    }

    func walk() -> Int {
        var sum = 0
        for area in areas { sum += Int(records.pool[records.pool.handle(at: area.index)].pageOffset) }
        return sum
    }
}

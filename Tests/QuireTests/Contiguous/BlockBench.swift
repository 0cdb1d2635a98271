// A PTE table of any format on the bench: no machine, no areas, just frames, folios and entries, so that blocks can be put
// together by hand and looked at word by word. And a machine whose every fault takes 64 KiB.

import QuireHost
import Testing

@testable import Quire

/// The formats that have contiguous blocks.
enum BlockLayout: String, CaseIterable, CustomStringConvertible, Sendable {
    case arm4 = "arm64, 4 KiB", arm16 = "arm64, 16 KiB", arm64 = "arm64, 64 KiB"
    case sv39 = "RISC-V Sv39, Svnapot", sv48 = "RISC-V Sv48, Svnapot"

    var description: String { rawValue }
    var format: PageTableFormat {
        switch self {
        case .arm4: .arm64(.kb4)
        case .arm16: .arm64(.kb16)
        case .arm64: .arm64(.kb64)
        case .sv39: .riscv(levels: 3)
        case .sv48: .riscv(levels: 4)
        }
    }
}

/// A PTE table that covers the addresses from `base` on.
final class BlockBench {
    let format: PageTableFormat
    let memory: PhysicalMemory
    let tables: PageTables
    let table: FrameNumber
    let cpu: CPU
    let base: UInt64
    private let state: RawState
    private let cpus: Int
    let environment: SyncEnvironment
    /// Folios that were made, by their heads.
    private(set) var folios: [(head: FrameNumber, order: Int)] = []

    init(_ format: PageTableFormat, folding: FoldPolicy = .any, mode: RunMode = .sequential, cpus: Int = 1) throws {
        self.format = format
        self.cpus = cpus
        state = try #require(RawState(host: .linux, cpus: cpus, tlbBytes: 0))
        environment = SyncEnvironment(host: .linux)
        state.start(mode: mode, environment: environment)
        cpu = state.cpu(0)
        memory = try #require(
            PhysicalMemory(host: .linux, bytes: 256 << 20, cpus: cpus, format: format, contents: .off))
        let block = try #require(AddressSpaceBlock(cpu, memory, cpus: cpus))
        tables = block.tables(owner: 1, splitLocks: true, folding: folding, tlbs: nil)
        base = (format.userEnd / 2) & ~(1 << format.granuleShift(ofLevel: 1) - 1)
        table = BlockBench.makeTable(cpu, memory, format, level: 0)
        tables.setBase(of: table, base)
    }

    deinit {
        memory.release(to: .linux, cpus: cpus)
        state.release(to: .linux)
    }

    /// A zeroed table of the format's granule.
    static func makeTable(_ cpu: CPU, _ memory: PhysicalMemory, _ format: PageTableFormat, level: Int) -> FrameNumber {
        let order = Int(format.pageShift - 12)
        let frame = memory.allocateBlock(cpu, order: order, .unmovable)
        for place in 0..<(1 << order) { memory.zero(cpu, memory.page(frame, place)) }
        memory.initialize(
            cpu, frame, .table, flags: UInt32(level) << FrameFlags.orderShift, references: 1, mappings: 0, mapping: 1,
            index: 0)
        return frame
    }

    /// Another CPU.
    func cpu(_ index: Int) -> CPU { state.cpu(index) }

    /// Entries of a block.
    var size: Int { format.contiguousEntries }
    /// Frames of 4 KiB behind an entry.
    var step: Int { format.framesPerEntry }

    /// An anonymous folio of 2^order frames.
    func folio(order: Int) -> FrameNumber {
        let head = memory.allocateFolio(cpu, order: order, [])
        memory.initializeFolio(
            cpu, head, order: order, .anonymous, flags: FrameFlags.swapBacked, pageFlags: FrameFlags.anonExclusive,
            references: 1, mapping: 0, index: 0)
        folios.append((head, order))
        return head
    }

    /// How many blocks a folio of 4 MiB, the largest, can fill, but at most four.
    var blocks: Int { min(4, 1024 / (size * step)) }

    /// A folio of so many blocks.
    func folio(blocks: Int) -> FrameNumber { folio(order: (blocks * size * step).trailingZeroBitCount) }

    /// The smallest folio that fills a block.
    func blockFolio() -> FrameNumber { folio(order: (size * step).trailingZeroBitCount) }

    /// A leaf for the n-th page of a folio.
    func leaf(_ head: FrameNumber, _ number: Int = 0, write: Bool = true, read: Bool = true) -> Entry {
        format.pageLeaf(memory.page(head, number * step), read: read, write: write && read, execute: false)
    }

    /// Sets entries one by one.
    func set(_ start: Int, _ entries: [Entry]) {
        for (place, entry) in entries.enumerated() { tables.install(cpu, table, start + place, entry) }
    }

    /// The pages of a folio, from `number` on, for the entries of a block.
    func pages(_ head: FrameNumber, from number: Int = 0, write: Bool = true) -> [Entry] {
        (0..<size).map { leaf(head, number + $0, write: write) }
    }

    /// A folded block at `start`, set by one ranged operation.
    func foldedBlock(_ start: Int = 0, write: Bool = true) -> FrameNumber {
        let head = blockFolio()
        tables.installRun(cpu, table, start, count: size, leaf(head, write: write))
        return head
    }

    func word(_ index: Int) -> Entry { tables.word(cpu, table, index) }
    func load(_ index: Int) -> Entry { tables.load(cpu, table, index) }

    /// What the hardware does at an access, on the word alone.
    /// False: there is no such right, the access faults.
    @discardableResult
    func access(_ index: Int, write: Bool, on cpu: CPU? = nil) -> Bool {
        let cpu = cpu ?? self.cpu
        while true {
            let seen = tables.word(cpu, table, index)
            guard format.isValidForHardware(seen), !write || format.isWritable(seen) else { return false }
            let wanted = write ? format.dirtied(format.used(seen)) : format.used(seen)
            if memory.word(table, index).replace(cpu, seen.rawValue, with: wanted.rawValue, .entry) { return true }
        }
    }

    /// How many of a block's words have the contiguous bit.
    func folded(_ start: Int = 0) -> Int { (start..<(start + size)).count { format.isFolded(word($0)) } }

    func count(_ counter: Counter) -> UInt64 { cpu.value(of: counter) }
    var folds: UInt64 { count(.contpteFolds) }
    var unfolds: UInt64 { count(.contpteUnfolds) }

    /// Every block is plain or folded.
    func check() { tables.checkBlocks(cpu, table, base: base) }
}

/// An arm64 machine on which every fault of private memory takes 64 KiB.
func contiguousMachine(
    folding: FoldPolicy = .any, orders: [Int] = [4], _ configure: (inout MachineConfiguration) -> Void = { _ in }
) throws -> TestMachine {
    let test = try TestMachine {
        $0.architecture = .arm64
        $0.contpte = folding != .off
        $0.contpteFold = folding == .off ? .any : folding
        configure(&$0)
    }
    for order in orders {
        try test.machine.set("/sys/kernel/mm/transparent_hugepage/hugepages-\(4 << order)kB/enabled", "always")
    }
    return test
}

let kb64: UInt64 = 64 << 10

extension TestMachine {
    /// The word that the hardware reads for an address.
    func word(_ address: UInt64) -> Entry {
        let table = tables.table(cpu, address, level: 0)
        return table.isNone ? .none : tables.word(cpu, table, tables.format.index(address, level: 0))
    }

    /// For each block of 64 KiB from an aligned address on: how many of its words have the contiguous bit.
    func foldedWords(_ start: UInt64, blocks: Int = 1) -> [Int] {
        (0..<blocks).map { block in
            (0..<16).count { tables.format.isFolded(word(start + UInt64(block) * kb64 + UInt64($0) * page)) }
        }
    }

    /// Memory of so many blocks, written everywhere.
    func touched(blocks: UInt64, at address: UInt64 = 0x4000_0000) throws -> UInt64 {
        let start = try map(blocks * kb64, at: address)
        _ = task.touchWrite(start, blocks * kb64)
        return start
    }

    /// What the counters of contiguous blocks grew by while something ran.
    func counting(_ body: () throws -> Void) rethrows -> BlockCounts {
        let before = BlockCounts(self)
        try body()
        return BlockCounts(self) - before
    }
}

/// The counters that speak of blocks.
struct BlockCounts: Equatable {
    var folds = 0, unfolds = 0, set = 0, writes = 0, batched = 0, flushes = 0, barriers = 0

    init() {}

    init(_ test: TestMachine) {
        folds = Int(test.counter(.contpteFolds))
        unfolds = Int(test.counter(.contpteUnfolds))
        set = Int(test.counter(.contpteBlocksSet))
        writes = Int(test.counter(.pteWrites))
        batched = Int(test.counter(.pteWritesBatched))
        flushes = Int(test.counter(.tlbFlushes))
        barriers = Int(test.counter(.tlbBarriers))
    }

    static func - (a: Self, b: Self) -> Self {
        var difference = Self()
        difference.folds = a.folds - b.folds
        difference.unfolds = a.unfolds - b.unfolds
        difference.set = a.set - b.set
        difference.writes = a.writes - b.writes
        difference.batched = a.batched - b.batched
        difference.flushes = a.flushes - b.flushes
        difference.barriers = a.barriers - b.barriers
        return difference
    }

    /// Operations that wrote, a ranged one counted once.
    var operations: Int { writes - batched }
}

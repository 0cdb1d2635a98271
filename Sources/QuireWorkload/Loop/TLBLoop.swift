// Streams of addresses through the TLB model: memory of one mapping size is made present, then references are replayed, a
// million addresses over and over. `quire bench tlb` prints what comes of it.

public import Quire
import QuireHost

/// References to present memory, through the TLBs of the model.
public enum TLBLoop {
    /// How memory is mapped.
    public enum Mapping: String, CaseIterable, Sendable {
        case small = "4K"
        /// Folios of 64 KiB; blocks of contiguous entries where the format has them.
        case contiguous = "64K"
        case huge = "2M"

        /// log2 of the kilobytes of the folios; nil for single pages.
        var folio: String? {
            switch self {
            case .small: nil
            case .contiguous: "64"
            case .huge: "2048"
            }
        }
    }

    /// Which addresses come one after the other.
    public enum Pattern: String, CaseIterable, Sendable {
        /// Every 64 bytes, ascending.
        case sequential
        /// Any address, all alike.
        case random
        /// Page k of the range about 1 / k as often as the first, pages in random order.
        case zipf
    }

    /// What to replay.
    public struct Parameters: Sendable {
        public var machine = MachineConfiguration()
        public var mapping = Mapping.small
        public var pattern = Pattern.random
        /// Bytes of memory that the references fall into; a multiple of 2 MiB.
        public var bytes: UInt64 = 1 << 30
        /// References to replay.
        public var references = 20_000_000
        public var seed: UInt64 = 1

        /// Random references to 1 GiB of single pages, with the standard TLBs.
        public init() {
            machine.contents = .off
            machine.tlb = true
        }
    }

    /// What the references came to.
    public struct Result: Sendable {
        public var references: UInt64
        /// Of the thread's processor time.
        public var nanoseconds: UInt64
        /// References for which the first level had a translation, and those that took a walk.
        public var firstLevelHits: UInt64, walks: UInt64
        /// Entries that walks read.
        public var walkReferences: UInt64
        public var statistics: TLBStatistics

        public var referencesPerSecond: Double { Double(references) * 1e9 / Double(max(1, nanoseconds)) }
    }

    /// Makes the memory present and replays the references.
    public static func run(_ parameters: Parameters) throws -> Result {
        var configuration = parameters.machine
        configuration.memory = max(configuration.memory, parameters.bytes * 2 + 64 << 20)
        let machine = try Machine(configuration, host: .linux)
        if let folio = parameters.mapping.folio {
            try machine.set("/sys/kernel/mm/transparent_hugepage/hugepages-\(folio)kB/enabled", "always")
        }
        let task = try machine.makeProcess(pid: 1).main
        let base = try task.mmap(
            length: parameters.bytes, protection: [.read, .write], flags: [.private, .anonymous])
        task.touchWrite(base, parameters.bytes)
        let addresses = stream(parameters, base)
        // Once, so that the TLBs are as they will be.
        for address in addresses.prefix(1 << 16) { _ = task.access(address, .read) }
        let before = Totals(machine)
        let begin = HostClock.threadNanoseconds
        var left = parameters.references
        while left > 0 {
            let count = min(left, addresses.count)
            for place in 0..<count { _ = task.access(addresses[place], .read) }
            left -= count
        }
        let time = HostClock.threadNanoseconds - begin
        let after = Totals(machine)
        return Result(
            references: UInt64(parameters.references),
            nanoseconds: time,
            firstLevelHits: after.firstLevelHits - before.firstLevelHits, walks: after.walks - before.walks,
            walkReferences: after.walkReferences - before.walkReferences, statistics: machine.tlbStatistics!)
    }

    private struct Totals {
        var firstLevelHits: UInt64 = 0, walks: UInt64 = 0, walkReferences: UInt64 = 0

        init(_ machine: Machine) {
            guard let statistics = machine.tlbStatistics else { return }
            for row in statistics.rows where row.level == 1 { firstLevelHits += row.hits }
            for row in statistics.walks {
                walks += row.walks
                walkReferences += row.references
            }
        }
    }

    // MARK: Addresses

    private static func stream(_ parameters: Parameters, _ base: UInt64) -> [UInt64] {
        var random = Mixer(state: parameters.seed)
        let count = UInt64(1 << 20)
        switch parameters.pattern {
        case .sequential: return (0..<count).map { base + $0 * 64 % parameters.bytes }
        case .random: return (0..<count).map { _ in base + random.below(parameters.bytes) }
        case .zipf:
            let pages = parameters.bytes >> 12
            return (0..<count).map { _ in
                // The rank's logarithm is uniform: rank k comes as often as 1 / k says. An odd factor scatters the ranks.
                let rank = zipfRank(&random, pages)
                return base + (rank &* 0x9e37_79b1 % pages) << 12 + random.below(4096)
            }
        }
    }

    /// A rank below `pages`, a power of two: first its number of bits, all alike, then the bits.
    private static func zipfRank(_ random: inout Mixer, _ pages: UInt64) -> UInt64 {
        let bits = UInt64(63 - pages.leadingZeroBitCount)
        let width = random.below(bits + 1)
        return (1 << width + random.below(1 << width) - 1) % pages
    }
}

/// Random numbers that a seed determines (SplitMix64).
private struct Mixer {
    var state: UInt64

    mutating func below(_ bound: UInt64) -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return (z ^ (z >> 31)).multipliedFullWidth(by: bound).high
    }
}

// Many areas at random distances, and how calls on them are timed: the same in the model (`ModelAreas`) and on the live
// kernel (`LiveAreas`), so that `quire bench areas` can set the two side by side.

/// Areas of three pages that may be read, with free pages between them, so that no two merge.
public struct AreaLayout: Sendable {
    /// One area's pages; the middle one is what mprotect changes.
    public static let pages: UInt64 = 3
    /// The free pages below an area; the middle one is where a page is mapped.
    private static let room: ClosedRange<UInt64> = 3...10
    /// Where both sides have nothing else.
    private static let base: UInt64 = 0x1000_0000_0000

    /// Where the areas start, in the order in which they are mapped: random.
    public let starts: [UInt64]
    private let seed: UInt64

    /// The layout that a seed determines.
    public init(areas: Int, seed: UInt64 = 1) {
        var random = SeededRandom(state: seed)
        var starts: [UInt64] = []
        starts.reserveCapacity(areas)
        var at = Self.base
        for _ in 0..<areas {
            at += UInt64.random(in: Self.room, using: &random) * 4096
            starts.append(at)
            at += Self.pages * 4096
        }
        self.starts = starts.shuffled(using: &random)
        self.seed = random.state
    }

    /// The areas that `count` operations work on, one after another: random.
    public func order(_ count: Int) -> [UInt64] {
        var random = SeededRandom(state: seed)
        return (0..<count).map { _ in starts[Int.random(in: 0..<starts.count, using: &random)] }
    }

    /// The middle page of an area.
    public static func middle(_ start: UInt64) -> UInt64 { start + 4096 }

    /// A free page below an area, with free pages on both sides.
    public static func free(_ start: UInt64) -> UInt64 { start - 2 * 4096 }
}

/// What one operation took, in nanoseconds: the median of short chunks of operations, since a chunk during which
/// somebody else had the processor says nothing.
public struct AreaTimes: Sendable {
    /// mprotect makes three areas of one, and another mprotect makes one of three.
    public var protectPair = 0.0
    /// mmap of a page where the kernel chooses, and munmap.
    public var mapPair = 0.0
    /// mmap with MAP_FIXED of a page at a random free place, and munmap.
    public var mapFixedPair = 0.0
    /// A fault that ends at the area of a random address; 0 where it is not measured.
    public var find = 0.0

    public init() {}

    /// Calls `body` for each address, in chunks of 50, and returns the median time of a call. A round before is not
    /// counted: what is used for the first time takes longer.
    @inline(__always)
    public static func median<Failure: Error>(
        _ order: [UInt64], _ body: (UInt64) throws(Failure) -> Void
    ) throws(Failure) -> Double {
        for address in order { try body(address) }
        var chunks: [Double] = []
        let clock = ContinuousClock()
        var place = 0
        while place < order.count {
            let end = min(place + 50, order.count)
            let begin = clock.now
            for address in order[place..<end] { try body(address) }
            let time = begin.duration(to: clock.now).components
            chunks.append((Double(time.seconds) * 1e9 + Double(time.attoseconds) / 1e9) / Double(end - place))
            place = end
        }
        chunks.sort()
        return chunks.isEmpty ? 0 : chunks[chunks.count / 2]
    }
}

/// A seeded source of random numbers (SplitMix64).
private struct SeededRandom: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

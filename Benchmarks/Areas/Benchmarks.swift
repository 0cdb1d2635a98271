// The area tree against the ordered collections that could stand in its place: what an address space asks of them.
// One operation is one look-up, one removal and insertion, or one step of a walk. docs/benchmarks.md has the table.

import Benchmark

let benchmarks: @Sendable () -> Void = {
    for count in [1_000, 65_530] {
        compare(count) { TreeOfAreas(count: $0) }
        compare(count) { SortedDictionaryOfAreas(count: $0) }
        compare(count) { SortedArrayOfAreas(count: $0) }
    }
}

/// An ordered collection of areas of one page each, with a free page above each.
protocol OrderedAreas: AnyObject {
    static var label: String { get }
    /// The number of the area that contains the address, or that begins there where `Self` finds nothing else.
    func find(_ address: UInt64) -> UInt32
    /// Takes an area out and puts it in again.
    func replace(_ number: Int)
    /// Visits all in order of address: the sum of their numbers.
    func walk() -> Int
}

enum Layout {
    static func start(_ number: Int) -> UInt64 { 0x10_0000 + UInt64(number) * 8192 }
}

private func compare<Collection: OrderedAreas>(_ count: Int, _ make: @escaping (Int) -> Collection) {
    var made: (collection: Collection, order: [Int])?
    func prepared() -> (collection: Collection, order: [Int]) {
        if let made { return made }
        var random = SeededRandom(state: 1)
        let new = (make(count), (0..<count).shuffled(using: &random))
        made = new
        return new
    }
    let metric = BenchmarkMetric.custom("Time per operation (ps; K: ns)", useScalingFactor: false)
    let configuration = Benchmark.Configuration(metrics: [metric], warmupIterations: 3, maxDuration: .seconds(2))
    func register(_ operation: String, _ body: @escaping (Collection, [Int]) -> Void) {
        Benchmark("\(operation), \(count) areas, \(Collection.label)", configuration: configuration) { benchmark in
            let (collection, order) = prepared()
            let clock = ContinuousClock()
            let start = clock.now
            body(collection, order)
            let parts = (clock.now - start).components
            let picoseconds = parts.seconds * 1_000_000_000_000 + parts.attoseconds / 1_000_000
            benchmark.measurement(metric, Int(picoseconds) / count)
        }
    }
    register("find") { collection, order in
        for number in order {
            let found = collection.find(Layout.start(number))
            precondition(found == UInt32(number), "found another area")
        }
    }
    register("remove + insert") { collection, order in
        for number in order { collection.replace(number) }
    }
    register("walk") { collection, order in
        let sum = collection.walk()
        precondition(sum == order.count * (order.count - 1) / 2, "a walk missed an area")
    }
}

/// A seeded source of random numbers (SplitMix64): the same order in every run.
struct SeededRandom: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

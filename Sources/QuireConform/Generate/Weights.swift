// How often each kind of operation is drawn: the defaults, the `edges` weighting, or a file of NAME NUMBER lines.

/// Weights of the kinds of operations.
public struct Weights: Hashable, Sendable {
    /// By the name of the call (`OperationCall`); `file` stands for mappings of files, `stack` for stacks and what is
    /// done near them.
    public private(set) var values: [String: Int] = [
        "mmap": 140, "file": 50, "stack": 40, "munmap": 40, "mprotect": 110, "mremap": 80, "madvise": 140, "mlock": 25,
        "mlock2": 15, "munlock": 25, "mlockall": 4, "munlockall": 6, "msync": 8, "mincore": 20, "brk": 14,
        "process_madvise": 12, "store": 110,
        "load": 70, "touch_write": 90, "touch_read": 50, "memfd_create": 3, "ftruncate": 12, "fallocate": 14,
        "pread64": 10, "pwrite64": 10, "read_text": 6, "write_text": 6, "seal": 3, "dup": 3, "close": 3, "fork": 14,
        "vfork": 3,
        "clone": 3, "exit": 12, "wait4": 6, "name_area": 2, "thp_disable": 2, "khugepaged": 0, "drop_caches": 0,
        "gup": 0,
        "unpin": 0,
    ]
    /// How many of a hundred operations get an argument at its edges: 0, 1, a byte beside a page, 2^47, 2^56, 2^64 − 1.
    public private(set) var edges = 2

    /// Whether the machine has huge pages of drawn sizes and the memory is made for them (`Generator+Huge`).
    public private(set) var isHuge = false

    /// What comes near what programs do.
    public static let standard = Weights()

    /// Half of the operations get an argument at its edges, and the rare calls are less rare.
    public static let edges: Weights = {
        var weights = Weights()
        weights.edges = 50
        let family = ["fork", "vfork", "clone", "exit"]
        for (name, value) in weights.values where (1..<30).contains(value) && !family.contains(name) {
            weights.values[name] = max(value, name.hasSuffix("all") ? 8 : 30)
        }
        return weights
    }()

    /// Huge pages of all sizes and pins, in anonymous memory.
    public static let huge: Weights = {
        var weights = Weights()
        weights.isHuge = true
        weights.edges = 0
        weights.values = weights.values.mapValues { _ in 0 }
        let kinds = [
            "mmap": 45, "munmap": 45, "mprotect": 70, "mremap": 70, "madvise": 240, "mlock": 6, "mlock2": 3,
            "munlock": 6,
            "mlockall": 1, "munlockall": 2, "mincore": 6, "brk": 4, "process_madvise": 12, "store": 110, "load": 60,
            "touch_write": 120, "touch_read": 60, "stack": 4, "fork": 25, "vfork": 3, "clone": 2, "exit": 25,
            "wait4": 3, "thp_disable": 3, "khugepaged": 14, "drop_caches": 5, "gup": 45, "unpin": 30,
        ]
        weights.values.merge(kinds) { $1 }
        return weights
    }()

    private init() {}

    /// Reads lines `NAME NUMBER`; what is not mentioned keeps its default. Nil, with what is wrong, for other lines.
    public static func read(_ text: String) -> Result<Weights, WeightsError> {
        var weights = Weights()
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let words = line.prefix { $0 != "#" }.split { $0 == " " || $0 == "\t" || $0 == "=" }
            if words.isEmpty { continue }
            guard words.count == 2, let number = Int(words[1]), (0...1_000_000).contains(number) else {
                return .failure(WeightsError(line: index + 1, message: "expected NAME NUMBER"))
            }
            if words[0] == "edges" {
                weights.edges = min(number, 100)
            } else if words[0] == "huge" {
                weights.isHuge = number != 0
            } else if weights.values[String(words[0])] != nil {
                weights.values[String(words[0])] = number
            } else {
                let names = (weights.values.keys.sorted() + ["edges", "huge"]).joined(separator: ", ")
                return .failure(WeightsError(line: index + 1, message: "no kind \(words[0]); there are: \(names)"))
            }
        }
        if weights.values.values.allSatisfy({ $0 == 0 }) {
            return .failure(WeightsError(line: 1, message: "every weight is 0"))
        }
        return .success(weights)
    }
}

/// Draws kinds by their weights.
struct KindDraw {
    private let bounds: [(name: String, bound: Int)]

    init(_ weights: Weights) {
        var sum = 0
        bounds = weights.values.keys.sorted().map { name in
            sum += weights.values[name] ?? 0
            return (name, sum)
        }
    }

    func next(_ random: inout SeededRandom) -> String {
        let number = random.number(bounds.last?.bound ?? 0)
        return bounds.first { number < $0.bound }?.name ?? "load"
    }
}

/// What is wrong with a file of weights.
public struct WeightsError: Error, CustomStringConvertible {
    public var line: Int
    public var message: String
    public var description: String { "line \(line): \(message)" }
}

/// Random numbers that a seed determines, the same everywhere (SplitMix64).
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    /// The seed is mixed first: the states of one sequence lie one step apart, and so would those of two seeds.
    init(_ seed: Int) { state = Self.mixed(UInt64(bitPattern: Int64(seed)) &+ 0x5851_F42D_4C95_7F2D) }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return Self.mixed(state)
    }

    private static func mixed(_ value: UInt64) -> UInt64 {
        var mixed = value
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }

    /// 0 ..< limit; 0 where there is nothing to choose from.
    mutating func number(_ limit: Int) -> Int { limit <= 1 ? 0 : Int(next() % UInt64(limit)) }

    mutating func number(_ range: ClosedRange<Int>) -> Int { range.lowerBound + number(range.count) }

    /// True in `percent` of 100 cases.
    mutating func chance(_ percent: Int) -> Bool { number(100) < percent }

    mutating func pick<T>(_ list: [T]) -> T { list[number(list.count)] }
}

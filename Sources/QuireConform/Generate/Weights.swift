// How often each kind of operation is drawn: the defaults, the `edges` weighting, or a file of NAME NUMBER lines.

/// Weights of the kinds of operations.
public struct Weights: Hashable, Sendable {
    /// By the call's name in a workload file; `file` stands for mappings of memfds.
    public private(set) var values: [String: Int] = [
        "mmap": 14, "munmap": 4, "mprotect": 12, "mremap": 7, "madvise": 14, "store": 12, "load": 8, "touch_write": 10,
        "touch_read": 5, "mlock": 3, "mlock2": 1, "munlock": 3, "mincore": 2, "file": 4, "fork": 2, "exit": 1,
    ]
    /// How many of a hundred operations get an argument at its edges: 0, 1, a byte beside a page, 2^47, 2^56, 2^64 − 1.
    public private(set) var edges = 2

    /// What comes near what programs do.
    public static let standard = Weights()

    /// Half of the operations get an argument at its edges.
    public static let edges: Weights = {
        var weights = Weights()
        weights.edges = 50
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
            } else if weights.values[String(words[0])] != nil {
                weights.values[String(words[0])] = number
            } else {
                let names = (weights.values.keys.sorted() + ["edges"]).joined(separator: ", ")
                return .failure(WeightsError(line: index + 1, message: "no kind \(words[0]); there are: \(names)"))
            }
        }
        if weights.values.values.allSatisfy({ $0 == 0 }) {
            return .failure(WeightsError(line: 1, message: "every weight is 0"))
        }
        return .success(weights)
    }

    /// Draws a kind.
    func draw(_ random: inout SeededRandom) -> String {
        let names = values.keys.sorted()
        var rest = random.number(names.reduce(0) { $0 + (values[$1] ?? 0) })
        for name in names {
            rest -= values[name] ?? 0
            if rest < 0 { return name }
        }
        return "load"
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

    init(_ seed: Int) { state = UInt64(bitPattern: Int64(seed)) &* 0x9E37_79B9_7F4A_7C15 }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
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

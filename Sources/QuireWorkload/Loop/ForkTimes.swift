// What fork takes for a lot of written memory in folios of one size: the same in the model (`ModelForks`) and on the live
// kernel (`LiveForks`), so that `quire bench fork` can set the two side by side.

import Quire

/// The folios of the memory that a fork copies.
public enum ForkedFolios: String, CaseIterable, Sendable {
    case small, kb64, huge

    /// The size in kB.
    public var kilobytes: Int {
        switch self {
        case .small: 4
        case .kb64: 64
        case .huge: 2048
        }
    }

    /// The knobs that let memory with MADV_HUGEPAGE have folios of this size and of no other.
    public var settings: [(path: String, value: String)] {
        let folder = "/sys/kernel/mm/transparent_hugepage/"
        let sizes = [16, 32, 64, 128, 256, 512, 1024, 2048].map { size in
            (folder + "hugepages-\(size)kB/enabled", size == kilobytes ? "madvise" : "never")
        }
        return [(folder + "enabled", "madvise")] + sizes
    }
}

/// What a fork took, in nanoseconds, with the memory and without it; the same number of both, in turn.
public struct ForkTimes: Sendable {
    public var with: [Double] = []
    public var without: [Double] = []

    public init() {}

    /// What the memory added: the difference of the medians.
    public var added: Double { Self.median(with) - Self.median(without) }

    private static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        return sorted.isEmpty ? 0 : (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }
}

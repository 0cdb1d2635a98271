// Makes a workload that shows a difference small: fewer lines first (delta debugging: halves, quarters, … single lines),
// then smaller arguments, until neither helps. Whoever asks says which difference counts as the one that was found.

/// Shrinks workloads.
public struct Shrinker {
    /// The most runs that one shrink may take.
    public var budget = 3000

    public init() {}

    /// The smallest workload found for which `fails` gives a difference, and that difference.
    public mutating func shrink(_ found: Difference, fails: ([Operation]) -> Difference?) -> Difference {
        var best = found
        while budget > 0 {
            let before = best.operations
            _ = dropLines(best.operations) { operations in
                guard let smaller = fails(runnable(operations)) else { return nil }
                best = smaller
                return smaller.operations
            }
            best = simplify(best, fails)
            if best.operations == before { break }
        }
        return best
    }

    /// The fewest lines found for which `fails` gives lines that show the difference: those it was asked for, or fewer.
    public mutating func dropLines<Line>(_ found: [Line], fails: ([Line]) -> [Line]?) -> [Line] {
        var best = found
        var size = max(best.count / 2, 1)
        while true {
            var start = 0
            while start < best.count, budget > 0 {
                var fewer = best
                fewer.removeSubrange(start..<min(start + size, fewer.count))
                budget -= 1
                if let smaller = fails(fewer) { best = smaller } else { start += size }
            }
            if size == 1 || budget <= 0 { return best }
            size /= 2
        }
    }

    // MARK: Arguments

    private mutating func attempt(_ operations: [Operation], _ fails: ([Operation]) -> Difference?) -> Difference? {
        guard budget > 0 else { return nil }
        budget -= 1
        return fails(runnable(operations))
    }

    /// Smaller arguments, one at a time.
    private mutating func simplify(_ found: Difference, _ fails: ([Operation]) -> Difference?) -> Difference {
        var best = found
        var index = 0
        while index < best.operations.count {
            if best.operations[index].process != 0, best.operations[index].call != .exit {
                var changed = best.operations
                changed[index].process = 0
                if let simpler = attempt(changed, fails) { best = simpler }
                if index >= best.operations.count { break }
            }
            let kinds = CallForm.of(best.operations[index].call).kinds
            for place in best.operations[index].arguments.indices where place < kinds.count {
                for value in Self.simpler(best.operations[index].arguments[place], kinds[place]) {
                    guard index < best.operations.count else { break }
                    var changed = best.operations
                    changed[index].arguments[place] = value
                    guard let smaller = attempt(changed, fails), smaller.operations.count <= best.operations.count
                    else { continue }
                    best = smaller
                    break
                }
                if index >= best.operations.count { break }
            }
            index += 1
        }
        return best
    }

    /// Values that are easier to read than an argument, the easiest first.
    private static func simpler(_ value: UInt64, _ kind: ArgumentKind) -> [UInt64] {
        let ranked: [UInt64]
        switch kind {
        case .rights: ranked = [3, 1, 0]
        case .mapFlags: ranked = [0x32, 0x31, 0x12, 0x11]
        case .address, .target:
            guard (Zones.base..<Zones.end).contains(value) else { return [] }
            ranked = [0, 0x1000, 0x2000, 0x4000, 0x200000].map { Zones.base + $0 } + [value & ~4095]
        case .count: ranked = [1, 4096]
        case .byte: ranked = [1]
        case .descriptor: ranked = [3, 4, 5, 6]
        case .length: ranked = [4096, 2 * 4096, 4 * 4096, 1 << 21, (value >> 13) << 12, value & ~4095]
        case .offset, .size: ranked = [0, 4096, 2 * 4096, (value >> 13) << 12, value & ~4095]
        case .remapFlags, .advice, .lockFlags, .lockAllFlags, .syncFlags, .memfdFlags, .fallocateMode, .seals,
            .number, .child, .handle, .statistic, .pinFlags:
            return []
        }
        // What comes before a value in the list is easier than it; of two numbers the smaller one is.
        if let rank = ranked.firstIndex(of: value) { return Array(ranked[..<rank]) }
        return kind == .rights || kind == .mapFlags ? ranked : ranked.filter { $0 < value }
    }
}

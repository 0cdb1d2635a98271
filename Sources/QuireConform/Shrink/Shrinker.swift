// Makes a workload that shows a difference small: fewer lines first (delta debugging: halves, quarters, … single lines),
// then smaller arguments, until neither helps. Any difference will do: it need not be the one it began with.

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
            best = dropLines(best, fails)
            best = simplify(best, fails)
            if best.operations == before { break }
        }
        return best
    }

    private mutating func attempt(_ operations: [Operation], _ fails: ([Operation]) -> Difference?) -> Difference? {
        guard budget > 0 else { return nil }
        budget -= 1
        return fails(runnable(operations))
    }

    private mutating func dropLines(_ found: Difference, _ fails: ([Operation]) -> Difference?) -> Difference {
        var best = found
        var size = max(best.operations.count / 2, 1)
        while true {
            var start = 0
            while start < best.operations.count {
                var fewer = best.operations
                fewer.removeSubrange(start..<min(start + size, fewer.count))
                if let smaller = attempt(fewer, fails) { best = smaller } else { start += size }
            }
            if size == 1 { return best }
            size /= 2
        }
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
            for place in best.operations[index].arguments.indices {
                for value in Self.simpler(best.operations[index], place) {
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
    private static func simpler(_ operation: Operation, _ place: Int) -> [UInt64] {
        let value = operation.arguments[place]
        let values: [UInt64] =
            switch (operation.call, place) {
            case (.fork, _), (.memfd, _), (.exit, _), (.ftruncate, 0), (.madvise, 2), (.mmap, 4), (.mremap, 3): []
            case (.mlock2, 2): []
            case (.mmap, 2), (.mprotect, 2): [3, 1, 0]
            case (.mmap, 3): [0x32, 0x31]
            case (.mmap, 5): [0]
            case (.store, 1), (.load, 1): [1, 4096]
            case (.store, 2): [1]
            case (_, 0), (.mremap, 4):
                [0, 0x1000, 0x2000, 0x4000].map { Generator.base + $0 } + [value & ~4095]
            default: [4096, 2 * 4096, 4 * 4096, 1 << 21, (value >> 13) << 12, value & ~4095]
            }
        return values.filter { $0 != value && ($0 < value || place == 2) }
    }
}

// Random workloads: the same seed gives the same operations. Several processes work in one window, and half of the
// choices aim at places where something began or ended before, so that areas meet. Every place is the workload's own
// choice, so that any model can run it.

/// Draws the operations of one workload.
public struct Generator {
    static let base: UInt64 = 0x1000_0000_0000
    private static let rights: [UInt64] = [3, 3, 3, 3, 3, 3, 1, 1, 1, 0, 5, 2, 7]
    private static let advice: [UInt64] = [
        4, 4, 4, 4, 4, 4, 8, 8, 10, 11, 16, 17, 18, 19, 20, 22, 22, 23, 23, 15, 14, 24, 102, 102, 103, 12, 13, 0, 1,
        2, 3,
    ]
    private static let edges: [UInt64] = [
        0, 1, 4095, 4096, 4097, 1 << 47, (1 << 47) - 4096, (1 << 47) - 1, 1 << 56, .max, .max - 4095, .max - 4096,
    ]

    private var random: SeededRandom
    private let weights: Weights
    private let pages: Int
    private let mostProcesses: Int
    private var alive = [0]
    private var born = 0
    private var files = 0
    /// Pages where something began or ended.
    private var marks = [0]
    private var operations: [Operation] = []

    /// A workload of `count` operations, for at most `processes` processes at a time.
    public static func operations(
        seed: Int, count: Int, processes: Int = 3, weights: Weights = .standard
    ) -> [Operation] {
        var generator = Generator(seed: seed, processes: processes, weights: weights)
        generator.furnish()
        while generator.operations.count < count { generator.step() }
        return Array(generator.operations.prefix(count))
    }

    private init(seed: Int, processes: Int, weights: Weights) {
        random = SeededRandom(seed)
        self.weights = weights
        pages = random.pick([128, 512, 700, 1024, 2048])
        mostProcesses = processes
    }

    // MARK: Places

    private mutating func length() -> Int {
        switch random.number(100) {
        case ..<60: random.number(1...16)
        case ..<88: random.number(8...min(200, pages / 2))
        case ..<94: 512
        default: random.number(1...max(2, pages / 3))
        }
    }

    /// A range of pages inside the window.
    private mutating func range() -> (start: Int, length: Int) {
        var start = random.number(pages)
        if random.chance(50) { start = random.pick(marks) + random.pick([0, 0, 0, -1, 1, 2, -8]) }
        if random.chance(8) { start = start / 512 * 512 }
        start = max(0, min(start, pages - 1))
        var count = min(length(), pages - start)
        if random.chance(30) {
            let later = marks.filter { $0 > start }
            if !later.isEmpty { count = random.pick(later.suffix(8)) - start }
        }
        marks = (marks + [start, min(start + count, pages - 1)]).suffix(64)
        return (start, count)
    }

    private func address(_ page: Int) -> UInt64 { Generator.base + UInt64(page) << 12 }

    // MARK: Operations

    private mutating func furnish() {
        for size in [UInt64(2) << 20, 64 << 10] {
            operations.append(Operation(.memfd))
            operations.append(Operation(.ftruncate, [UInt64(3 + files), size]))
            files += 1
        }
        var page = 0
        while page < pages {
            let count = min(random.number(16...max(17, pages / 5)), pages - page)
            add(.mmap, [address(page), UInt64(count) << 12, random.pick(Generator.rights), 0x32, .max, 0], of: 0)
            marks += [page, page + count - 1]
            page += count + random.pick([0, 0, 0, random.number(1...32)])
        }
    }

    private mutating func add(_ call: OperationCall, _ arguments: [UInt64], of process: Int) {
        operations.append(Operation(call, arguments, process: process))
    }

    private mutating func step() {
        let who = random.pick(alive)
        let kind = weights.draw(&random)
        let (start, count) = range()
        let (place, bytes) = (address(start), UInt64(count) << 12)
        let before = operations.count
        switch kind {
        case "mmap": map(who, place, bytes)
        case "file":
            let offset = UInt64(random.chance(50) ? random.number(64) : start % 512)
            let flags: UInt64 = random.chance(50) ? 0x11 : 0x12
            let fd = UInt64(3 + random.number(files))
            add(.mmap, [place, bytes, random.pick(Generator.rights), flags, fd, offset << 12], of: who)
        case "mprotect": add(.mprotect, [place, bytes, random.pick(Generator.rights)], of: who)
        case "madvise": add(.madvise, [place, bytes, random.pick(Generator.advice)], of: who)
        case "mremap": remap(who, start, count)
        case "store", "load":
            let at = place + UInt64(random.chance(60) ? 0 : random.number(4096))
            let size = random.pick([1, 8, 64, 100, 4096, 10000] as [UInt64])
            let arguments = kind == "store" ? [at, size, UInt64(random.number(256))] : [at, size]
            add(kind == "store" ? .store : .load, arguments, of: who)
        case "mlock2": add(.mlock2, [place, bytes, UInt64(random.number(2))], of: who)
        case "fork":
            guard alive.count < mostProcesses else { return }
            born += 1
            add(.fork, [UInt64(born)], of: who)
            alive.append(born)
        case "exit":
            guard who != 0, random.chance(50) else { return }
            add(.exit, [], of: who)
            alive.removeAll { $0 == who }
        default:
            if let call = OperationCall(rawValue: kind) { add(call, [place, bytes], of: who) }
        }
        if operations.count > before, random.chance(weights.edges) { sharpen() }
    }

    private mutating func map(_ who: Int, _ place: UInt64, _ bytes: UInt64) {
        let flags: UInt64 =
            switch random.number(100) {
            case ..<8: 0x31
            case ..<14: 0x4032
            case ..<18: 0x8032
            case ..<22: 0x100022
            case ..<24: 0x2032
            default: 0x32
            }
        add(.mmap, [place, bytes, random.pick(Generator.rights), flags, .max, 0], of: who)
    }

    private mutating func remap(_ who: Int, _ start: Int, _ count: Int) {
        var new = random.chance(60) ? count : length()
        let (target, _) = range()
        let kind = random.number(100)
        if kind < 35 {
            add(.mremap, [address(start), UInt64(count) << 12, UInt64(new) << 12, 0], of: who)
            return
        }
        var flags: UInt64 = 3
        if kind > 90 { (flags, new) = (7, count) }
        new = min(new, pages - target)
        if flags == 7, new != count { return }
        add(.mremap, [address(start), UInt64(count) << 12, UInt64(new) << 12, flags, address(target)], of: who)
    }

    // MARK: Edges

    /// Puts an argument of the last operation at an edge. What would succeed at a place of the kernel's choice, reach
    /// beyond the window, or take for ever is left as it was.
    private mutating func sharpen() {
        var operation = operations[operations.count - 1]
        guard operation.call != .fork, operation.call != .exit, !operation.arguments.isEmpty else { return }
        let index = random.number(operation.arguments.count)
        let isFlags = [.mmap: [2, 3], .mprotect: [2], .madvise: [2], .mremap: [3], .mlock2: [2]][operation.call] ?? []
        if isFlags.contains(index) {
            operation.arguments[index] ^= 1 << UInt64(random.number(32))
        } else if random.chance(30) {
            operation.arguments[index] &+= random.pick([1, 2048, 4095, .max, 0 &- 4096])
        } else {
            operation.arguments[index] = random.pick(Generator.edges)
        }
        if isSafe(operation) { operations[operations.count - 1] = operation }
    }

    private func isSafe(_ operation: Operation) -> Bool {
        let (first, second) = (operation.argument(0), operation.argument(1))
        let window = Generator.base..<(Generator.base + UInt64(pages) << 12 + 1 << 24)
        switch operation.call {
        case .mmap:
            // Low addresses are a matter of rights; beyond 8 bits of flags lie kinds of memory that are not modelled.
            // Whether 0 to 2 are open depends on who runs the workload.
            let known: UInt64 = 0x12_E0FF
            if operation.argument(3) & MapBits.anonymous == 0, operation.argument(4) < 3 { return false }
            return !operation.leavesPlaceOpen && operation.argument(3) & ~known == 0
                && operation.argument(3) & 0x40 == 0 && (window.contains(first) || first >= (1 << 47) - 4096)
        case .mremap:
            let target = operation.argument(4)
            return operation.argument(3) & 7 != 1 && operation.argument(3) & 7 != 5
                && (operation.arguments.count < 5 || window.contains(target) || target >= (1 << 47) - 4096)
        // A replay reports no longer vector.
        case .mincore: return second <= 1 << 32
        case .munmap, .mprotect, .madvise, .mlock, .mlock2, .munlock:
            return operation.call != .madvise || ReferenceSpace.advice.contains(operation.argument(2))
                || operation.argument(2) > 200
        case .store, .load: return second <= 1 << 16
        case .touchRead, .touchWrite: return second <= 1 << 24 || !window.contains(first)
        case .ftruncate, .memfd, .fork, .exit: return false
        }
    }
}

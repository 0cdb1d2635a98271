// Random workloads: the same seed gives the same operations. Several processes work in one window; where is `Zones`' to
// say, how arguments come to their edges is in `Edges`.

/// Draws the operations of one workload.
public struct Generator {
    private static let rights: [UInt64] = [3, 3, 3, 3, 3, 3, 1, 1, 1, 0, 5, 2, 7]
    private static let advice: [UInt64] = [
        4, 4, 4, 4, 4, 4, 8, 8, 9, 10, 11, 16, 17, 18, 19, 20, 21, 22, 22, 23, 23, 15, 14, 24, 102, 102, 103, 12, 13, 0,
        1,
        2, 3,
    ]
    private static let fallocateModes: [UInt64] = [0, 0, 0, 1, 1, 3, 3, 3, 2, 8, 0x10, 0x11, 0x20, 0x40, 0x80]

    var random: SeededRandom
    private let kinds: KindDraw
    private let edges: Int
    private let mostProcesses: Int
    var zones: Zones
    /// Whether the machine has huge pages; those sizes that nobody else on the machine gets; what is pinned by whom.
    let isHuge: Bool
    var privateSizes: [Int] = []
    var pins = 0
    var pinned: [(handle: UInt64, process: Int)] = []
    private var alive = [0]
    private var parents: [Int: Int] = [:]
    private var ended: [Int] = []
    private var born = 0
    private var files = 0
    private(set) var operations: [Operation] = []

    /// A workload of `count` operations, for at most `processes` processes at a time.
    public static func operations(
        seed: Int, count: Int, processes: Int = 3, weights: Weights = .standard
    ) -> [Operation] {
        var generator = Generator(seed: seed, processes: processes, weights: weights)
        if weights.isHuge {
            generator.setKnobs()
            generator.furnishHuge()
        } else {
            generator.furnish()
        }
        while generator.operations.count < count - generator.lastOperations.count { generator.step() }
        return Array((generator.operations + generator.lastOperations).prefix(count))
    }

    private init(seed: Int, processes: Int, weights: Weights) {
        random = SeededRandom(seed)
        kinds = KindDraw(weights)
        edges = weights.edges
        isHuge = weights.isHuge
        zones = Zones(pages: random.pick(isHuge ? [1024, 2048, 3072, 4096] : [128, 512, 700, 1024, 2048]))
        mostProcesses = processes
    }

    private mutating func furnish() {
        // Nothing grows out of the window.
        add(.mmap, [Zones.ceiling, 4096, 0, 0x31, .max, 0], of: 0)
        for size in [UInt64(2) << 20, 64 << 10] {
            operations.append(Operation(.memfd, [1]))
            operations.append(Operation(.ftruncate, [UInt64(3 + files), size]))
            files += 1
        }
        var page = 0
        while page < zones.main.pages {
            let count = min(random.number(16...max(17, zones.main.pages / 5)), zones.main.pages - page)
            let place = zones.main.address(page)
            add(.mmap, [place, UInt64(count) << 12, random.pick(Generator.rights), 0x32, .max, 0], of: 0)
            zones.main.marks += [page, page + count - 1]
            page += count + random.pick([0, 0, 0, random.number(1...32)])
        }
    }

    func isAlive(_ process: Int) -> Bool { alive.contains(process) }

    mutating func add(_ call: OperationCall, _ arguments: [UInt64], of process: Int) {
        let operation = Operation(call, arguments, process: process)
        if operation.isAlike(withHugePages: isHuge) { operations.append(operation) }
    }

    private mutating func step() {
        let who = random.pick(alive)
        let before = operations.count
        draw(kinds.next(&random), who)
        if operations.count > before, random.chance(edges) {
            operations[before] = sharpened(operations[before])
        }
    }

    private mutating func draw(_ kind: String, _ who: Int) {
        if isHuge, drawHuge(kind, who) { return }
        let (place, bytes) = zones.range(&random)
        switch kind {
        case "mmap": map(who, place, bytes)
        case "file": mapFile(who, place, bytes)
        case "stack": stack(who)
        case "mprotect": add(.mprotect, [place, bytes, changedRights()], of: who)
        case "madvise": add(.madvise, [place, bytes, random.pick(Generator.advice)], of: who)
        case "mremap": remap(who, place, bytes)
        case "store", "load":
            let at = place + UInt64(random.chance(60) ? 0 : random.number(4096))
            let size = random.pick([1, 8, 64, 100, 4096, 10000] as [UInt64])
            let arguments = kind == "store" ? [at, size, UInt64(random.number(256))] : [at, size]
            add(kind == "store" ? .store : .load, arguments, of: who)
        case "mlock2": add(.mlock2, [place, bytes, UInt64(random.number(2))], of: who)
        case "mlockall": add(.mlockall, [random.pick([1, 1, 2, 3, 5, 6, 7])], of: who)
        case "msync": add(.msync, [place, bytes, random.pick([0, 1, 2, 2, 3, 4, 6, 5])], of: who)
        case "munlockall": add(.munlockall, [], of: who)
        case "name_area": add(.nameArea, [place, bytes], of: who)
        case "thp_disable": add(.disableHugePages, [UInt64(random.number(2)), random.pick([0, 0, 0, 2])], of: who)
        case "brk": moveHeapEnd(who)
        case "gup": pin(who, place, bytes)
        case "unpin": unpin()
        // The machine has no huge pages.
        case "khugepaged", "drop_caches": return
        case "process_madvise": add(.adviseSelf, [place, bytes, random.pick(Generator.advice)], of: who)
        case "fork", "vfork", "clone", "exit", "wait4": family(kind, who)
        default:
            guard let call = OperationCall(rawValue: kind) else { return }
            if CallForm.of(call).kinds.first == .address {
                add(call, [place, bytes], of: who)
            } else {
                file(call, who, place, bytes)
            }
        }
    }

    // MARK: Areas

    private mutating func changedRights() -> UInt64 {
        let rights = random.pick(Generator.rights)
        return random.chance(4) ? rights | random.pick([0x0100_0000, 0x0100_0000, 0x0200_0000, 8]) : rights
    }

    private mutating func map(_ who: Int, _ place: UInt64, _ bytes: UInt64) {
        var place = place
        let flags: UInt64 =
            switch random.number(100) {
            case ..<8: 0x31
            case ..<14: 0x4032
            case ..<18: 0x8032
            case ..<22: 0x100022
            case ..<24: 0x2032
            case ..<26: 0x20032
            case ..<27: 0x38
            case ..<34: 0x22
            case ..<36: 0x21
            default: 0x32
            }
        if flags & 0x100010 == 0 {
            // A hint that is taken where it is free; without one, or where it is not, Linux chooses.
            if random.chance(40) { place = 0 } else if random.chance(20) { place += UInt64(random.number(4096)) }
        }
        add(.mmap, [place, bytes, random.pick(Generator.rights), flags, .max, 0], of: who)
    }

    private mutating func mapFile(_ who: Int, _ place: UInt64, _ bytes: UInt64) {
        let offset = UInt64(random.chance(50) ? random.number(64) : Int(place >> 12) % 512)
        let flags: UInt64 = random.pick([0x11, 0x12, 0x11, 0x12, 0x11, 0x12, 0x13, 0x01, 0x02, 0x8011, 0x8012])
        let at = flags & 0x10 == 0 && random.chance(50) ? 0 : place
        add(.mmap, [at, bytes, random.pick(Generator.rights), flags, descriptor(), offset << 12], of: who)
    }

    /// A stack, or an access or a change near one.
    private mutating func stack(_ who: Int) {
        let (place, bytes) = Zones.range(&zones.stacks, &random)
        switch random.number(10) {
        case ..<4:
            let flags: UInt64 = random.pick([0x132, 0x132, 0x132, 0x2132, 0x8132, 0x20132, 0x122])
            add(.mmap, [place, min(bytes, 16 << 12), random.pick([3, 3, 3, 1, 0]), flags, .max, 0], of: who)
        case ..<8:
            // Below the start of something, near enough for a stack to grow to it.
            let mark = random.pick(zones.stacks.marks)
            let below = random.pick([1, 1, 2, 16, 100, 255, 256, 257, 300, 513, 2048, 2049])
            let at = zones.stacks.address(max(0, mark - below)) + UInt64(random.chance(50) ? 0 : random.number(4096))
            if random.chance(70) { add(.store, [at, 1, 1], of: who) } else { add(.load, [at, 1], of: who) }
        case 8: add(.mprotect, [place, bytes, random.pick([1, 3, 0]) | 0x0100_0000], of: who)
        default: add(.touchWrite, [place, bytes], of: who)
        }
    }

    private mutating func remap(_ who: Int, _ place: UInt64, _ bytes: UInt64) {
        var new = random.chance(60) ? bytes : UInt64(Zones.length(zones.main.pages, &random)) << 12
        let (target, room) = zones.range(&random)
        switch random.number(100) {
        case ..<25: add(.mremap, [place, bytes, new, 0], of: who)
        case ..<45: add(.mremap, [place, bytes, new, 1], of: who)
        case ..<90: add(.mremap, [place, bytes, min(new, max(room, 4096)), 3, target], of: who)
        case ..<96: add(.mremap, [place, bytes, bytes, 7, target], of: who)
        default:
            new = bytes
            add(.mremap, [place, bytes, new, 5, random.chance(50) ? 0 : target], of: who)
        }
    }

    /// brk, mostly by a few pages from where something ends.
    private mutating func moveHeapEnd(_ who: Int) {
        let (place, _) = Zones.range(&zones.heap, &random)
        let end = random.chance(70) ? place : place + UInt64(random.number(4096))
        add(.brk, [random.chance(5) ? 0 : end], of: who)
    }

    // MARK: Files

    /// A descriptor that there may be.
    private mutating func descriptor() -> UInt64 { UInt64(3 + random.number(files + (random.chance(5) ? 2 : 0))) }

    private mutating func file(_ call: OperationCall, _ who: Int, _ place: UInt64, _ bytes: UInt64) {
        let fd = descriptor()
        var offset = UInt64(random.number(600)) << 12
        if random.chance(40) { offset += UInt64(random.number(4096)) }
        switch call {
        case .memfd:
            guard files < 6 else { return }
            files += 1
            add(.memfd, [random.pick([0, 1, 1, 2, 2, 3, 8, 16])], of: who)
        case .ftruncate: add(.ftruncate, [fd, offset], of: who)
        case .fallocate:
            let length = random.chance(30) ? UInt64(random.number(1...20_000)) : min(bytes, 1 << 20)
            add(.fallocate, [fd, random.pick(Generator.fallocateModes), offset, length], of: who)
        case .pread, .pwrite:
            let at = place + UInt64(random.chance(50) ? 0 : random.number(4096))
            add(call, [fd, at, random.pick([0, 1, 8, 100, 4096, 5000, 20_000]), offset], of: who)
        case .readText: add(.readText, [fd, random.pick([0, 1, 64, 100, 5000]), offset], of: who)
        case .writeText:
            add(.writeText, [fd, random.pick([0, 1, 8, 100]), offset, UInt64(random.number(26))], of: who)
        case .seal: add(.seal, [fd, random.pick([1, 2, 4, 8, 16, 32, 6, 10])], of: who)
        case .dup:
            guard files < 6 else { return }
            files += 1
            add(.dup, [fd], of: who)
        case .close:
            // The first one stays.
            add(.close, [max(fd, 4)], of: who)
        default: return
        }
    }

    // MARK: Processes

    private mutating func family(_ kind: String, _ who: Int) {
        switch kind {
        case "fork", "vfork", "clone":
            guard alive.count < mostProcesses, let call = OperationCall(rawValue: kind) else { return }
            born += 1
            add(call, [UInt64(born)], of: who)
            alive.append(born)
            parents[born] = who
        case "exit":
            guard who != 0, random.chance(50) else { return }
            add(.exit, [], of: who)
            alive.removeAll { $0 == who }
            ended.append(who)
        default:
            let children = ended.filter { parents[$0] == who }
            guard !children.isEmpty else { return }
            let child = random.pick(children)
            ended.removeAll { $0 == child }
            add(.wait4, [UInt64(child)], of: who)
        }
    }
}

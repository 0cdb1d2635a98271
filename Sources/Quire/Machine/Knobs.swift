// The knobs by name: the model's own keys, and files by their Linux paths. Keys that shape the machine are set on the
// configuration; the rest may change while the machine runs. An unknown key names the near ones.

/// A key that can be set, and what it takes.
private struct Knob {
    let key: String
    let expected: String
}

private let startKeys: [Knob] = [
    Knob(key: "machine.arch", expected: "x86_64 or arm64"),
    Knob(key: "machine.levels", expected: "4 or 5"),
    Knob(key: "machine.memory", expected: "a size from 1M to 16T"),
    Knob(key: "machine.cpus", expected: "1 to 256"),
    Knob(key: "machine.contents", expected: "off, lazy or eager"),
    Knob(key: "machine.mode", expected: "sequential or parallel"),
    Knob(key: "machine.tlb", expected: "off, on, or levels such as l1:64x4@4K+32x4@2M,l2:1536x12"),
    Knob(key: "machine.tlb_asids", expected: "1 to 65535"),
    Knob(key: "machine.tlb_range", expected: "off or on"),
    Knob(key: "machine.split_ptlocks", expected: "off or on"),
    Knob(key: "machine.mmap_base", expected: "an address"),
    Knob(key: "machine.page_size", expected: "4096"),
    Knob(key: "machine.contpte", expected: "off or on"),
    Knob(key: "contpte.fold", expected: "range or any"),
]

private let runKeys: [Knob] = ownKeys + HugeFile.knobs.map { Knob(key: $0.file.path, expected: $0.expected) }

private let ownKeys: [Knob] = [
    Knob(key: "pt_reclaim", expected: "off, rfc or sync"),
    Knob(key: "pt_reclaim.async", expected: "off or on"),
    Knob(key: "pt_reclaim.async_period", expected: "a count of calls"),
    Knob(key: "pt_reclaim.async_tables", expected: "a count of tables"),
    Knob(key: "unaccount", expected: "whole or exact"),
    Knob(key: "machine.anon_vma_name", expected: "off or on"),
    Knob(key: "machine.capabilities", expected: "root or none"),
    Knob(key: "rlimit.as", expected: "bytes or unlimited"),
    Knob(key: "rlimit.data", expected: "bytes or unlimited"),
    Knob(key: "rlimit.stack", expected: "bytes or unlimited"),
    Knob(key: "rlimit.memlock", expected: "bytes or unlimited"),
    Knob(key: "mremap.batch", expected: "off or on"),
    Knob(key: "cow.reuse", expected: "owner, scan, count or small"),
    Knob(key: "cow.range", expected: "off or on"),
    Knob(key: "/proc/sys/vm/overcommit_memory", expected: "0, 1 or 2"),
    Knob(key: "/proc/sys/vm/overcommit_ratio", expected: "0 to 1000"),
    Knob(key: "/proc/sys/vm/overcommit_kbytes", expected: "kB"),
    Knob(key: "/proc/sys/vm/admin_reserve_kbytes", expected: "kB"),
    Knob(key: "/proc/sys/vm/user_reserve_kbytes", expected: "kB"),
    Knob(key: "/proc/sys/vm/max_map_count", expected: "a count"),
    Knob(key: "/proc/sys/vm/mmap_min_addr", expected: "an address"),
    Knob(key: "/proc/sys/vm/drop_caches", expected: "1, 2 or 3"),
    Knob(key: "machine.read_ahead_kb", expected: "0 to 1048576"),
    Knob(key: "/sys/kernel/debug/fault_around_bytes", expected: "a power of two from 4096 to 2M"),
    Knob(key: "/sys/kernel/debug/x86/tlb_single_page_flush_ceiling", expected: "a count"),
    Knob(key: "tlb_flush_before", expected: "off, huge, table, both or zap"),
    Knob(key: "machine.tlb_tolerance", expected: "any, one-size or one"),
    Knob(key: "tlb_costs", expected: "names and cycles such as walk:20,ipi:3000"),
]

extension MachineConfiguration {
    /// The keys that can be set, with what each takes: the machine's own first, then files by their Linux paths.
    public static var keys: [(key: String, expected: String)] {
        (startKeys + runKeys).map { ($0.key, $0.expected) }
    }

    /// Sets a key of the configuration. Returns false for a key that the running machine takes (`Machine.set`).
    /// Throws `.unknownKey` or `.badValue`.
    public mutating func set(_ key: String, _ value: String) throws(MachineError) -> Bool {
        guard let knob = startKeys.first(where: { $0.key == key }) else {
            guard runKeys.contains(where: { $0.key == key }) || HugeFile(path: key) != nil else {
                throw .unknownKey(key, near: nearKeys(key))
            }
            return false
        }
        guard apply(key, value) else { throw .badValue(key: key, expected: knob.expected) }
        return true
    }

    private mutating func apply(_ key: String, _ value: String) -> Bool {
        switch key {
        case "machine.arch":
            guard let parsed = Architecture(rawValue: value) else { return false }
            architecture = parsed
        case "machine.levels":
            guard value == "4" || value == "5" else { return false }
            levels = value == "4" ? 4 : 5
        case "machine.memory":
            guard let bytes = parseSize(value), bytes >= 1 << 20, bytes <= 1 << 44 else { return false }
            memory = bytes
        case "machine.cpus":
            guard let count = parseSize(value), (1...256).contains(count) else { return false }
            cpus = Int(count)
        case "machine.contents":
            guard let parsed = Contents(rawValue: value) else { return false }
            contents = parsed
        case "machine.mode":
            guard value == "sequential" || value == "parallel" else { return false }
            mode = value == "sequential" ? .sequential : .parallel
        case "machine.tlb": return setTLB(value)
        case "machine.tlb_asids":
            guard let count = parseSize(value), (1...65_535).contains(count) else { return false }
            tlbTags = Int(count)
        case "machine.tlb_range":
            guard let parsed = parseSwitch(value) else { return false }
            tlbRanges = parsed
        case "machine.split_ptlocks":
            guard let parsed = parseSwitch(value) else { return false }
            splitLocks = parsed
        case "machine.contpte":
            guard let parsed = parseSwitch(value) else { return false }
            contpte = parsed
        case "contpte.fold":
            guard value == "range" || value == "any" else { return false }
            contpteFold = value == "range" ? .range : .any
        case "machine.mmap_base":
            guard let address = parseSize(value), address >= 1 << 20, address & 4095 == 0 else { return false }
            mmapBase = address
        default:
            return value == "4096"
        }
        return true
    }
}

extension Machine {
    /// Sets a knob of the running machine by the model's key or the Linux path. Throws `.unknownKey`, `.badValue`, or
    /// `.fixedAtStart` for a key of the configuration.
    public func set(_ key: String, _ value: String) throws(MachineError) {
        if let file = HugeFile(path: key) {
            if file.isReadOnly { throw .readOnly(key) }
            guard write(file, value) else { throw .badValue(key: key, expected: expected(key)) }
            return
        }
        guard let knob = runKeys.first(where: { $0.key == key }) else {
            if startKeys.contains(where: { $0.key == key }) { throw .fixedAtStart(key) }
            throw .unknownKey(key, near: nearKeys(key))
        }
        guard apply(key, value) else { throw .badValue(key: key, expected: knob.expected) }
    }

    private func apply(_ key: String, _ value: String) -> Bool {
        let number = parseSize(value)
        switch key {
        case "pt_reclaim":
            switch value {
            case "off": core.settings.reclaim = .off
            case "rfc": core.settings.reclaim = .rfc
            case "sync": core.settings.reclaim = .sync
            default: return false
            }
        case "pt_reclaim.async":
            guard let parsed = parseSwitch(value) else { return false }
            core.settings.asyncReclaim.isOn = parsed
        case "pt_reclaim.async_period":
            guard let number else { return false }
            core.settings.asyncReclaim.period = number
        case "pt_reclaim.async_tables":
            guard let number else { return false }
            core.settings.asyncReclaim.tables = number
        case "unaccount":
            guard value == "whole" || value == "exact" else { return false }
            core.settings.unaccountsExactly = value == "exact"
        case "machine.anon_vma_name":
            guard let parsed = parseSwitch(value) else { return false }
            core.settings.namesAreas = parsed
        case "machine.capabilities":
            guard value == "root" || value == "none" else { return false }
            core.settings.hasCapabilities = value == "root"
        case "mremap.batch":
            guard let parsed = parseSwitch(value) else { return false }
            core.settings.batchMoves = parsed
        case "cow.reuse":
            guard let policy = ReusePolicy(name: value) else { return false }
            core.settings.reuse = policy
        case "cow.range":
            guard let parsed = parseSwitch(value) else { return false }
            core.settings.writesRanges = parsed
        case "/proc/sys/vm/overcommit_memory":
            guard let number, let parsed = Overcommit(rawValue: UInt8(clamping: number)) else { return false }
            core.settings.overcommit = parsed
        case "/proc/sys/vm/overcommit_ratio":
            guard let number, number <= 1000 else { return false }
            core.settings.overcommitRatio = number
            core.settings.overcommitKilobytes = 0
        case "/proc/sys/vm/overcommit_kbytes":
            guard let number else { return false }
            core.settings.overcommitKilobytes = number
            core.settings.overcommitRatio = 0
        case "/proc/sys/vm/admin_reserve_kbytes":
            guard let number else { return false }
            core.settings.adminReserveKilobytes = number
        case "/proc/sys/vm/user_reserve_kbytes":
            guard let number else { return false }
            core.settings.userReserveKilobytes = number
        case "rlimit.as", "rlimit.data", "rlimit.stack", "rlimit.memlock":
            guard let bytes = value == "unlimited" ? .max : number else { return false }
            setLimit(key, bytes)
        case "/proc/sys/vm/max_map_count":
            guard let number, number <= UInt64(Int32.max) else { return false }
            core.settings.maxMapCount = Int(number)
        case "/proc/sys/vm/mmap_min_addr":
            guard let number, number < 1 << 32 else { return false }
            core.settings.mmapMinAddress = (number &+ 4095) & ~4095
        case "/proc/sys/vm/drop_caches":
            guard let number, (1...3).contains(number) else { return false }
            if number & 1 != 0 { dropPageCache() }
            if number & 2 != 0 { shrinkAll() }
        case "machine.read_ahead_kb":
            guard let number, number <= 1 << 20 else { return false }
            core.settings.readaheadPages = number >> 2
        case "/sys/kernel/debug/fault_around_bytes":
            guard let number, number >= 4096, number <= 1 << 21, number & (number - 1) == 0 else { return false }
            core.settings.faultAroundBytes = number
        case "/sys/kernel/debug/x86/tlb_single_page_flush_ceiling":
            guard let number else { return false }
            core.settings.flushCeiling = number
            core.tlbs?.ceiling = number
        case "tlb_flush_before":
            guard let hooks = FlushHooks(name: value) else { return false }
            core.settings.flushHooks = hooks
            core.tlbs?.hooks = hooks
        case "machine.tlb_tolerance":
            guard let tolerance = TLBTolerance(name: value) else { return false }
            core.settings.tlbTolerance = tolerance
            core.tlbs?.tolerance = tolerance
        case "tlb_costs": return core.settings.tlbCosts.set(value)
        default: return false
        }
        return true
    }

    /// Sets a limit of the processes that there are and of those to come, the hard one along with the soft one.
    private func setLimit(_ key: String, _ bytes: UInt64) {
        let limit = ResourceLimit(soft: bytes, hard: bytes)
        core.settings.limits[resource(key)] = limit
        for process in processes { process.space.numbers.limits[resource(key)] = limit }
    }

    private func resource(_ key: String) -> Resource {
        switch key {
        case "rlimit.as": .addressSpace
        case "rlimit.data": .data
        case "rlimit.stack": .stack
        default: .lockedMemory
        }
    }
    private func expected(_ key: String) -> String { runKeys.first { $0.key == key }?.expected ?? "a choice it lists" }

    /// The value of a knob, as reading the file gives it. Throws `.unknownKey`.
    public func get(_ key: String) throws(MachineError) -> String {
        let settings = core.settings
        switch key {
        case "pt_reclaim":
            return settings.reclaim == .off ? "off" : settings.reclaim == .rfc ? "rfc" : "sync"
        case "pt_reclaim.async": return settings.asyncReclaim.isOn ? "on" : "off"
        case "pt_reclaim.async_period": return String(settings.asyncReclaim.period)
        case "pt_reclaim.async_tables": return String(settings.asyncReclaim.tables)
        case "unaccount": return settings.unaccountsExactly ? "exact" : "whole"
        case "machine.anon_vma_name": return settings.namesAreas ? "on" : "off"
        case "machine.capabilities": return settings.hasCapabilities ? "root" : "none"
        case "cow.reuse": return settings.reuse.name
        case "cow.range": return settings.writesRanges ? "on" : "off"
        case "mremap.batch": return settings.batchMoves ? "on" : "off"
        case "/proc/sys/vm/overcommit_memory": return String(settings.overcommit.rawValue)
        case "/proc/sys/vm/overcommit_ratio": return String(settings.overcommitRatio)
        case "/proc/sys/vm/overcommit_kbytes": return String(settings.overcommitKilobytes)
        case "/proc/sys/vm/admin_reserve_kbytes": return String(settings.adminReserveKilobytes)
        case "/proc/sys/vm/user_reserve_kbytes": return String(settings.userReserveKilobytes)
        case "rlimit.as", "rlimit.data", "rlimit.stack", "rlimit.memlock":
            let bytes = settings.limits[resource(key)].soft
            return bytes == .max ? "unlimited" : String(bytes)
        case "/proc/sys/vm/max_map_count": return String(settings.maxMapCount)
        case "/proc/sys/vm/mmap_min_addr": return String(settings.mmapMinAddress)
        case "machine.read_ahead_kb": return String(settings.readaheadPages << 2)
        case "/sys/kernel/debug/fault_around_bytes": return String(settings.faultAroundBytes)
        case "/proc/vmstat": return vmstat.map { $0.name + " " + String($0.value) }.joined(separator: "\n")
        case "/sys/kernel/debug/x86/tlb_single_page_flush_ceiling": return String(settings.flushCeiling)
        case "tlb_flush_before": return settings.flushHooks.name
        case "machine.tlb_tolerance": return settings.tlbTolerance.name
        case "tlb_costs": return settings.tlbCosts.description
        default:
            guard let file = HugeFile(path: key) else { throw .unknownKey(key, near: nearKeys(key)) }
            return read(file)
        }
    }
}

extension ReusePolicy {
    private static let names = ["owner", "scan", "count", "small"]
    var name: String { Self.names[Int(rawValue)] }
    init?(name: String) {
        guard let place = Self.names.firstIndex(of: name) else { return nil }
        self.init(rawValue: UInt8(place))
    }
}

extension HugePagePolicy {
    static let names = ["always", "madvise", "never"]
    var name: String { Self.names[Int(rawValue)] }
    init?(name: String) {
        guard let place = Self.names.firstIndex(of: name) else { return nil }
        self.init(rawValue: UInt8(place))
    }
}

extension SizePolicy {
    /// In the order in which the kernel's file lists them.
    static let names = ["always", "inherit", "madvise", "never"]
    private static let policies: [SizePolicy] = [.always, .inherit, .madvise, .never]
    var name: String { Self.names[Self.policies.firstIndex(of: self) ?? 3] }
    init?(name: String) {
        guard let place = Self.names.firstIndex(of: name) else { return nil }
        self = Self.policies[place]
    }
}

/// A number: decimal or 0x, with K, M, G or T behind it; nil for anything else.
func parseSize(_ text: String) -> UInt64? {
    var bytes = Array(text.utf8)
    guard let last = bytes.last else { return nil }
    var shift: UInt64 = 0
    switch last {
    case UInt8(ascii: "K"): shift = 10
    case UInt8(ascii: "M"): shift = 20
    case UInt8(ascii: "G"): shift = 30
    case UInt8(ascii: "T"): shift = 40
    default: break
    }
    if shift > 0 { bytes.removeLast() }
    var base: UInt64 = 10
    if bytes.count > 2, bytes[0] == UInt8(ascii: "0"), bytes[1] == UInt8(ascii: "x") {
        base = 16
        bytes.removeFirst(2)
    }
    guard !bytes.isEmpty else { return nil }
    var value: UInt64 = 0
    for byte in bytes {
        guard let digit = digit(byte), digit < base else { return nil }
        let (product, tooLarge) = value.multipliedReportingOverflow(by: base)
        let (sum, overflow) = product.addingReportingOverflow(digit)
        if tooLarge || overflow { return nil }
        value = sum
    }
    return value >> (64 - shift) == 0 || shift == 0 ? value << shift : nil
}

private func digit(_ byte: UInt8) -> UInt64? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte - UInt8(ascii: "a")) + 10
    default: nil
    }
}

private func parseSwitch(_ value: String) -> Bool? { value == "on" ? true : value == "off" ? false : nil }

/// The keys that differ least from a wrong one: at most three, by edit distance.
private func nearKeys(_ wrong: String) -> [String] {
    let all = (startKeys + runKeys).map { $0.key }
    let ranked = all.map { (distance($0, wrong), $0) }.sorted { $0.0 < $1.0 }
    return ranked.prefix(3).map { $0.1 }
}

private func distance(_ a: String, _ b: String) -> Int {
    let a = Array(a.utf8)
    let b = Array(b.utf8)
    var row = Array(0...b.count)
    for i in 0..<a.count {
        var diagonal = row[0]
        row[0] = i + 1
        for j in 0..<b.count {
            let above = row[j + 1]
            row[j + 1] = Swift.min(above + 1, row[j] + 1, diagonal + (a[i] == b[j] ? 0 : 1))
            diagonal = above
        }
    }
    return row[b.count]
}

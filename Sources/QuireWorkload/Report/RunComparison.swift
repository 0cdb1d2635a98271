// The fields in which two runs of one workload differ. Calls are paired by line, areas by start and end, processes by
// number. Compared is what a workload's author can rely on: outcomes of calls, areas with their counters and flags, and
// VmPTE as the difference from `base`, because a live process has tables of its own.

/// One field in which the model and the live kernel differ.
public struct RunDifference: Hashable, Sendable, CustomStringConvertible {
    /// `line 3 mmap`, `final pid 1`, `snapshot "x" pid 1 100000000000-100000010000`.
    public var place: String
    /// The field by its name in the report.
    public var field: String
    public var model: String
    public var live: String

    /// A difference.
    public init(place: String, field: String, model: String, live: String) {
        self.place = place
        self.field = field
        self.model = model
        self.live = live
    }

    public var description: String { "\(place): \(field): \(model) | \(live)" }
}

/// Compares two runs.
public struct RunComparison {
    /// Areas outside of it are a live process's own.
    public static let window: Range<UInt64> = 0x1000_0000_0000..<0x2000_0000_0000
    /// The flags of an area that both sides have.
    static let flags: Set<String> = [
        "rd", "wr", "ex", "sh", "mr", "mw", "me", "ms", "gd", "gu", "um", "uw", "lo", "sr", "rr", "dc", "de", "lf",
        "ac", "nr", "ht", "wf", "dd", "hg", "nh", "mg", "dp",
    ]
    /// The counters of an area that are compared.
    static let counters: Set<String> = [
        "Size", "KernelPageSize", "Rss", "Pss", "Shared_Clean", "Shared_Dirty", "Private_Clean", "Private_Dirty",
        "Shared_Hugetlb", "Private_Hugetlb", "Anonymous", "KSM", "LazyFree", "AnonHugePages", "ShmemPmdMapped",
        "Swap", "SwapPss", "Locked", "THPeligible",
    ]
    /// What is compared of a process as the difference from `base`: a live process has memory of its own.
    static var sinceStart: [(name: String, field: KeyPath<ProcessReport.Status, UInt64?>)] {
        [
            ("VmSize", \.vmSize), ("VmLck", \.vmLck), ("RssAnon", \.rssAnon), ("RssFile", \.rssFile),
            ("RssShmem", \.rssShmem), ("VmData", \.vmData), ("VmPTE", \.vmPTE), ("VmSwap", \.vmSwap),
        ]
    }
    /// Calls whose result carries no meaning.
    static let withoutResult: Set<String> = [
        "store", "load", "touch_write", "touch_read", "run", "write_sys", "read_sys", "exit", "exit_group",
    ]

    /// Whether a file is the machine's and not a process's.
    static func isMachineFile(_ path: String) -> Bool { path.hasPrefix("/sys/") || path.hasPrefix("/proc/sys/") }

    /// What differs, in the order of the report.
    public private(set) var differences: [RunDifference] = []
    /// Calls that both sides carried out.
    public private(set) var calls = 0
    /// Calls that one side does not carry out.
    public private(set) var unsupported = 0
    /// Areas that both sides have.
    public private(set) var areas = 0
    /// Whether a live process's own memory may be locked too, so that VmLck says nothing of the workload's.
    private let locksAll: Bool

    private let counters: Set<String>

    /// Compares the model's run with the live kernel's. `Referenced` is left out unless asked for: about one long random
    /// run in seventy has a page whose mark waits in a batch of the kernel's.
    public init(model: RunRecord, live: RunRecord, withReferenced: Bool = false) {
        counters = withReferenced ? Self.counters.union(["Referenced"]) : Self.counters
        locksAll = live.locksAll
        compareCalls(model.calls, live.calls)
        compareLabels(model, live)
        compare("final", model.final, live.final, model.base, live.base)
    }

    private mutating func differ(_ place: String, _ field: String, _ model: String?, _ live: String?) {
        guard model != live else { return }
        differences.append(
            RunDifference(place: place, field: field, model: model ?? "none", live: live ?? "none"))
    }

    // MARK: Calls

    private mutating func compareCalls(_ model: [CallReport], _ live: [CallReport]) {
        let left = Dictionary(model.map { ($0.line, $0) }) { $1 }
        let right = Dictionary(live.map { ($0.line, $0) }) { $1 }
        for line in Set(left.keys).union(right.keys).sorted() {
            guard let present = left[line] ?? right[line] else { continue }
            if left[line]?.outcome == .unsupported || right[line]?.outcome == .unsupported {
                unsupported += 1
                continue
            }
            let place = "line \(line) \(present.call)"
            guard let a = left[line], let b = right[line] else {
                differ(place, "reported", String(left[line] != nil), String(right[line] != nil))
                continue
            }
            calls += 1
            compare(place, a, b)
        }
    }

    private mutating func compare(_ place: String, _ a: CallReport, _ b: CallReport) {
        differ(place, "call", a.call, b.call)
        differ(place, "pid", String(a.pid), String(b.pid))
        let (left, right) = (OutcomeFields(a), OutcomeFields(b))
        if !Self.withoutResult.contains(a.call) { differ(place, "result", left.result, right.result) }
        differ(place, "errno", left.errno, right.errno)
        differ(place, "signal", left.signal, right.signal)
        differ(place, "code", left.code, right.code)
        differ(place, "addr", left.address, right.address)
        differ(place, "lost", left.lost, right.lost)
        differ(place, "data", a.data.map(Self.hex), b.data.map(Self.hex))
        differ(place, "fnv1a64", a.fnv1a64.map { Self.hex($0) }, b.fnv1a64.map { Self.hex($0) })
        // The text of a process's own files holds what a live process has besides.
        if let path = a.path ?? b.path, Self.isMachineFile(path) {
            differ(place, "value", a.value, b.value)
        }
        differ(place, "walk_end", a.walkEnd.map { Self.hex($0) }, b.walkEnd.map { Self.hex($0) })
        differ(place, "regions", a.regions.map { "\($0)" }, b.regions.map { "\($0)" })
        differ(place, "copy", a.copy.map { String($0) }, b.copy.map { String($0) })
        differ(place, "zeropage", a.zeropage.map { String($0) }, b.zeropage.map { String($0) })
    }

    private static func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    private static func hex(_ number: UInt64) -> String { String(number, radix: 16) }

    // MARK: Processes

    private mutating func compareLabels(_ model: RunRecord, _ live: RunRecord) {
        // Of labels that are the same, readers of the report see the last.
        let left = Dictionary(model.snapshots.map { ($0.label, $0.processes) }) { $1 }
        let right = Dictionary(live.snapshots.map { ($0.label, $0.processes) }) { $1 }
        if left.keys != right.keys {
            differ("snapshots", "labels", "\(left.keys.sorted())", "\(right.keys.sorted())")
        }
        for label in left.keys.sorted() {
            guard let a = left[label], let b = right[label] else { continue }
            compare("snapshot \"\(label)\"", a, b, model.base, live.base)
        }
    }

    private mutating func compare(
        _ label: String, _ model: [ProcessReport], _ live: [ProcessReport], _ modelBase: [ProcessReport],
        _ liveBase: [ProcessReport]
    ) {
        let left = Dictionary(model.map { ($0.pid, $0) }) { $1 }
        let right = Dictionary(live.map { ($0.pid, $0) }) { $1 }
        differ(label, "processes", "\(left.keys.sorted())", "\(right.keys.sorted())")
        for pid in left.keys.sorted() {
            guard let a = left[pid], let b = right[pid] else { continue }
            let place = "\(label) pid \(pid)"
            compareAreas(place, a.smaps ?? [], b.smaps ?? [])
            for (name, field) in Self.sinceStart where !(locksAll && name == "VmLck") {
                let grew = (Self.growth(a, modelBase, field), Self.growth(b, liveBase, field))
                differ(place, "\(name) since the start", String(grew.0), String(grew.1))
            }
            differ(place, "minflt", a.stat.minflt.map { String($0) }, b.stat.minflt.map { String($0) })
            differ(place, "majflt", a.stat.majflt.map { String($0) }, b.stat.majflt.map { String($0) })
        }
    }

    static func growth(
        _ process: ProcessReport, _ base: [ProcessReport], _ field: KeyPath<ProcessReport.Status, UInt64?>
    ) -> Int64 {
        let start = base.first { $0.pid == process.pid } ?? base.first
        // Linux has been seen to give a VmLck below zero, as a number close to 2^64.
        return Int64(bitPattern: (process.status[keyPath: field] ?? 0) &- (start?.status[keyPath: field] ?? 0))
    }

    // MARK: Areas

    private mutating func compareAreas(_ place: String, _ model: [ProcessReport.Area], _ live: [ProcessReport.Area]) {
        func byRange(_ areas: [ProcessReport.Area]) -> [ClosedRange<UInt64>: ProcessReport.Area] {
            let inside = areas.filter { Self.window.lowerBound <= $0.start && $0.end <= Self.window.upperBound }
            return Dictionary(inside.map { ($0.start...$0.end, $0) }) { $1 }
        }
        let (left, right) = (byRange(model), byRange(live))
        let ranges = Set(left.keys).union(right.keys)
        for range in ranges.sorted(by: { ($0.lowerBound, $0.upperBound) < ($1.lowerBound, $1.upperBound) }) {
            let where_ = "\(place) \(Self.hex(range.lowerBound))-\(Self.hex(range.upperBound))"
            guard let a = left[range], let b = right[range] else {
                differ(where_, "area", left[range].map(Self.summary), right[range].map(Self.summary))
                continue
            }
            areas += 1
            compare(where_, a, b)
        }
    }

    private mutating func compare(_ place: String, _ a: ProcessReport.Area, _ b: ProcessReport.Area) {
        differ(place, "perms", a.perms, b.perms)
        for (left, right) in zip(a.entries, b.entries) where counters.contains(left.key) {
            differ(place, left.key, String(left.value ?? 0), String(right.value ?? 0))
        }
        if a.inode != 0 || b.inode != 0 { differ(place, "offset", String(a.offset), String(b.offset)) }
        let (left, right) = (Self.flags.intersection(a.vmFlags), Self.flags.intersection(b.vmFlags))
        if left != right {
            // Only what one side has and the other has not.
            func only(_ flags: Set<String>) -> String { flags.isEmpty ? "-" : flags.sorted().joined(separator: "+") }
            differ(place, "VmFlags", only(left.subtracting(right)), only(right.subtracting(left)))
        }
    }

    private static func summary(_ area: ProcessReport.Area) -> String {
        "\(area.perms) Rss \(area.rss ?? 0) \(area.vmFlags.joined(separator: " "))"
    }
}

/// The members of the report that an outcome becomes.
private struct OutcomeFields {
    var result: String?
    var errno: String?
    var signal: String?
    var code: String?
    var address: String?
    var lost: String?

    init(_ call: CallReport) {
        switch call.outcome {
        case .result(let number): result = String(number)
        // A call that gives an address on one side may have failed with a number on the other: one notation for both.
        case .address(let place): result = String(Int64(bitPattern: place))
        case .error(let name): errno = name
        case .signal(let name, let code, let address):
            signal = name
            self.code = code
            self.address = String(address, radix: 16)
        case .lost(let reason): lost = reason
        case .unsupported, .none: break
        }
    }
}

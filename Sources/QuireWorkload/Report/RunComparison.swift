// The fields in which two runs of one workload differ. Calls and snapshots are paired by line, areas by start and end,
// processes by number. Compared is what a workload's author can rely on: outcomes of calls, areas with their counters and
// flags, and the sums of /proc/PID/status as the difference from `base`, because a live process has memory and tables of
// its own.

/// One field in which the model and the live kernel differ.
public struct RunDifference: Hashable, Sendable, CustomStringConvertible {
    /// `line 3 mmap`, `final pid 1`, `snapshot "x" pid 1 100000000000-100000010000`.
    public var place: String
    /// The field by its name in the report.
    public var field: String
    public var model: String
    public var live: String
    /// The line of the call or snapshot; nil for the state at the end.
    public var line: Int?
    /// What the line calls; nil for a difference in the state of processes.
    public var call: String?

    /// A difference.
    public init(
        place: String, field: String, model: String, live: String, line: Int? = nil, call: String? = nil
    ) {
        self.place = place
        self.field = field
        self.model = model
        self.live = live
        self.line = line
        self.call = call
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
        "ac", "nr", "ht", "sf", "wf", "dd", "hg", "nh", "mg", "dp",
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
            ("VmSize", \.vmSize), ("VmLck", \.vmLck), ("VmPin", \.vmPin), ("RssAnon", \.rssAnon),
            ("RssFile", \.rssFile),
            ("RssShmem", \.rssShmem), ("VmData", \.vmData), ("VmPTE", \.vmPTE), ("VmSwap", \.vmSwap),
        ]
    }
    /// Calls whose result carries no meaning.
    static let withoutResult: Set<String> = [
        "store", "load", "touch_write", "touch_read", "run", "write_sys", "read_sys", "exit", "exit_group",
    ]

    /// Whether a file is the machine's and not a process's.
    static func isMachineFile(_ path: String) -> Bool { path.hasPrefix("/sys/") || path.hasPrefix("/proc/sys/") }

    /// What differs: calls, then snapshots, then the end.
    public private(set) var differences: [RunDifference] = []
    /// The one that shows first in the workload.
    public var first: RunDifference? { differences.min { ($0.line ?? .max) < ($1.line ?? .max) } }
    /// Calls that both sides carried out.
    public private(set) var calls = 0
    /// Calls that one side does not carry out.
    public private(set) var unsupported = 0
    /// Areas that both sides have.
    public private(set) var areas = 0
    private let counters: Set<String>

    /// Compares the model's run with the live kernel's. `Referenced` is left out unless asked for: about one long random
    /// run in seventy has a page whose mark waits in a batch of the kernel's.
    public init(model: RunRecord, live: RunRecord, withReferenced: Bool = false) {
        counters = withReferenced ? Self.counters.union(["Referenced"]) : Self.counters
        compareCalls(model.calls, live.calls)
        compareSnapshots(model, live)
        compare(Place(text: "final"), model.final, live.final, model.base, live.base)
    }

    /// The first field in which two outcomes of one call differ.
    public static func difference(_ model: CallReport?, _ live: CallReport?) -> RunDifference? {
        let records = (RunRecord(), RunRecord())
        records.0.calls = model.map { [$0] } ?? []
        records.1.calls = live.map { [$0] } ?? []
        return RunComparison(model: records.0, live: records.1).differences.first
    }

    /// Where the comparison is.
    private struct Place {
        var text: String
        var line: Int?
        var call: String?
    }

    private mutating func differ(_ place: Place, _ field: String, _ model: String?, _ live: String?) {
        guard model != live else { return }
        differences.append(
            RunDifference(
                place: place.text, field: field, model: model ?? "none", live: live ?? "none", line: place.line,
                call: place.call))
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
            let place = Place(text: "line \(line) \(present.call)", line: line, call: present.call)
            guard let a = left[line], let b = right[line] else {
                differ(place, "reported", String(left[line] != nil), String(right[line] != nil))
                continue
            }
            calls += 1
            compare(place, a, b)
        }
    }

    private mutating func compare(_ place: Place, _ a: CallReport, _ b: CallReport) {
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

    private mutating func compareSnapshots(_ model: RunRecord, _ live: RunRecord) {
        let left = Dictionary(model.snapshots.map { ($0.line, $0) }) { $1 }
        let right = Dictionary(live.snapshots.map { ($0.line, $0) }) { $1 }
        for line in Set(left.keys).union(right.keys).sorted() {
            guard let present = left[line] ?? right[line] else { continue }
            let place = Place(text: "snapshot \"\(present.label)\"", line: line)
            guard let a = left[line], let b = right[line] else {
                differ(place, "reported", String(left[line] != nil), String(right[line] != nil))
                continue
            }
            compare(place, a.processes, b.processes, model.base, live.base)
        }
    }

    private mutating func compare(
        _ place: Place, _ model: [ProcessReport], _ live: [ProcessReport], _ modelBase: [ProcessReport],
        _ liveBase: [ProcessReport]
    ) {
        let left = Dictionary(model.map { ($0.pid, $0) }) { $1 }
        let right = Dictionary(live.map { ($0.pid, $0) }) { $1 }
        if left.keys != right.keys { differ(place, "processes", "\(left.keys.sorted())", "\(right.keys.sorted())") }
        for pid in left.keys.sorted() {
            guard let a = left[pid], let b = right[pid] else { continue }
            var here = place
            here.text += " pid \(pid)"
            compareAreas(here, a.smaps ?? [], b.smaps ?? [])
            for (name, field) in Self.sinceStart {
                let grew = (Self.growth(a, modelBase, field), Self.growth(b, liveBase, field))
                if grew.0 != grew.1 { differ(here, "\(name) since the start", String(grew.0), String(grew.1)) }
            }
            differ(here, "minflt", a.stat.minflt.map { String($0) }, b.stat.minflt.map { String($0) })
            differ(here, "majflt", a.stat.majflt.map { String($0) }, b.stat.majflt.map { String($0) })
        }
    }

    /// How much a field has grown since the start, without what lies outside of the window.
    static func growth(
        _ process: ProcessReport, _ base: [ProcessReport], _ field: KeyPath<ProcessReport.Status, UInt64?>
    ) -> Int64 {
        func value(_ process: ProcessReport?) -> UInt64 {
            let all = process?.status[keyPath: field] ?? 0
            return field == \.vmLck ? all &- UInt64(bitPattern: process?.lockedOutside ?? 0) : all
        }
        // Linux has been seen to give a VmLck below zero, as a number close to 2^64.
        return Int64(bitPattern: value(process) &- value(base.first { $0.pid == process.pid } ?? base.first))
    }

    // MARK: Areas

    private mutating func compareAreas(_ place: Place, _ model: [ProcessReport.Area], _ live: [ProcessReport.Area]) {
        func inside(_ areas: [ProcessReport.Area]) -> [ProcessReport.Area] {
            areas.filter { Self.window.lowerBound <= $0.start && $0.end <= Self.window.upperBound }
        }
        let (left, right) = (inside(model), inside(live))
        var (i, j) = (0, 0)
        // Both are in the order of addresses.
        while i < left.count || j < right.count {
            let a = i < left.count ? left[i] : nil
            let b = j < right.count ? right[j] : nil
            let isOurs = a.map { a in b.map { (a.start, a.end) <= ($0.start, $0.end) } ?? true } ?? false
            let isTheirs = b.map { b in a.map { (b.start, b.end) <= ($0.start, $0.end) } ?? true } ?? false
            if isOurs { i += 1 }
            if isTheirs { j += 1 }
            guard let present = isOurs ? a : b else { return }
            func here() -> Place {
                let range = "\(Self.hex(present.start))-\(Self.hex(present.end))"
                return Place(text: place.text + " " + range, line: place.line)
            }
            guard isOurs, isTheirs, let a, let b else {
                differ(here(), "area", isOurs ? a.map(Self.summary) : nil, isTheirs ? b.map(Self.summary) : nil)
                continue
            }
            areas += 1
            if a != b { compare(here(), a, b) }
        }
    }

    private mutating func compare(_ place: Place, _ a: ProcessReport.Area, _ b: ProcessReport.Area) {
        differ(place, "perms", a.perms, b.perms)
        for (left, right) in zip(a.entries, b.entries) where counters.contains(left.key) {
            if left.value ?? 0 != right.value ?? 0 {
                differ(place, left.key, String(left.value ?? 0), String(right.value ?? 0))
            }
        }
        if a.inode != 0 || b.inode != 0 { differ(place, "offset", String(a.offset), String(b.offset)) }
        if a.vmFlags == b.vmFlags { return }
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

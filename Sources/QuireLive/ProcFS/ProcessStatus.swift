// /proc/PID/status and /proc/PID/stat of a live process: `ProcessStatus` holds the memory counters by their kernel names,
// `ProcessStat` what tells one address space from the next. `Inspect` reads both before and after a scan. Kernel
// counterpart: proc_pid_status (with task_mem in fs/proc/task_mmu.c) and do_task_stat in fs/proc/array.c.

/// An amount in the unit that /proc calls kB: 1024 bytes.
public struct Kilobytes: RawRepresentable, Hashable, Comparable, Sendable, BitwiseCopyable {
    public var rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// The amount in 4 kB pages.
    public var pages: UInt64 { rawValue / 4 }

    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// The memory counters of /proc/PID/status.
public enum StatusField: String, CaseIterable, Hashable, Sendable {
    case vmPeak = "VmPeak"
    case vmSize = "VmSize"
    case vmLocked = "VmLck"
    case vmPinned = "VmPin"
    case vmHighWater = "VmHWM"
    case vmRSS = "VmRSS"
    case rssAnon = "RssAnon"
    case rssFile = "RssFile"
    case rssShmem = "RssShmem"
    case vmData = "VmData"
    case vmStack = "VmStk"
    case vmExecutable = "VmExe"
    case vmLibraries = "VmLib"
    /// Bytes of PTE, PMD and PUD pages; not the PGD.
    case vmPTE = "VmPTE"
    case vmSwap = "VmSwap"
    case hugetlbPages = "HugetlbPages"
}

/// What /proc/PID/status says at one moment.
public struct ProcessStatus: Sendable {
    public private(set) var name = ""
    /// One letter: R, S, D, T, Z, …
    public private(set) var state: Character = "?"
    public private(set) var threads: UInt64 = 0
    private var counters: [StatusField: Kilobytes] = [:]

    /// A process without address space (a zombie, a kernel thread) has no memory counters at all.
    public var hasAddressSpace: Bool { counters[.vmSize] != nil }

    /// One counter; zero if the kernel does not print it.
    public subscript(field: StatusField) -> Kilobytes { counters[field] ?? Kilobytes(rawValue: 0) }

    /// Reads the status of process `pid`.
    public init(pid: Int) throws(LiveError) {
        try forEachLine(of: pid, "status") { (line, number) throws(LiveError) in
            try take(line, number)
        }
    }

    /// Parses the text of a status file.
    public init(parsing text: String) throws(LiveError) {
        for (index, line) in text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .enumerated()
        {
            try take(ArraySlice(line), index + 1)
        }
    }

    private mutating func take(_ line: ArraySlice<UInt8>, _ number: Int) throws(LiveError) {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else {
            if line.isEmpty { return }
            throw .malformed(file: "status", line: number, text: String(decoding: line, as: UTF8.self))
        }
        var value = FieldParser(line[(colon + 1)...])
        value.skipSpaces()
        switch String(decoding: line[..<colon], as: UTF8.self) {
        case "Name": name = value.remainder()
        case "State": state = value.word()?.first ?? "?"
        case "Threads": threads = value.decimal() ?? 0
        case let key:
            guard let field = StatusField(rawValue: key) else { return }
            guard let amount = value.decimal() else {
                throw .malformed(file: "status", line: number, text: String(decoding: line, as: UTF8.self))
            }
            counters[field] = Kilobytes(rawValue: amount)
        }
    }
}

/// What /proc/PID/stat says at one moment.
public struct ProcessStat: Hashable, Sendable {
    public var name: String
    public var state: Character
    public var isKernelThread: Bool
    public var minorFaults: UInt64
    public var majorFaults: UInt64
    /// Clock ticks after boot: with the process id, it names a process for good.
    public var startTime: UInt64
    /// Changes with `execve`; 0 if the reader may not see it.
    public var startStack: UInt64

    /// Reads the stat line of process `pid`.
    public init(pid: Int) throws(LiveError) {
        var text = ""
        try forEachLine(of: pid, "stat") { (line, _) in
            // A name may hold a line end: the lines are joined again.
            text += (text.isEmpty ? "" : "\n") + String(decoding: line, as: UTF8.self)
        }
        guard !text.isEmpty else { throw .exited(pid) }
        try self.init(parsing: text)
    }

    /// Parses a stat line; the name in parentheses may itself hold blanks and parentheses.
    public init(parsing text: String) throws(LiveError) {
        guard let open = text.firstIndex(of: "("), let close = text.lastIndex(of: ")"), open < close else {
            throw .malformed(file: "stat", line: 1, text: text)
        }
        let fields = text[text.index(after: close)...].split(whereSeparator: \.isWhitespace)
        // proc(5) counts the pid as field 1; the state, the first field after the name, is field 3.
        func number(_ field: Int) -> UInt64? { fields.indices.contains(field - 3) ? UInt64(fields[field - 3]) : nil }
        guard let state = fields.first?.first, let flags = number(9), let minorFaults = number(10),
            let majorFaults = number(12), let startTime = number(22), let startStack = number(28)
        else { throw .malformed(file: "stat", line: 1, text: text) }
        name = String(text[text.index(after: open)..<close])
        self.state = state
        isKernelThread = flags & 0x0020_0000 != 0  // PF_KTHREAD
        self.minorFaults = minorFaults
        self.majorFaults = majorFaults
        self.startTime = startTime
        self.startStack = startStack
    }
}

// The merge: strace's log, perf's events and the snapshots become one workload file, in the order of time.
//
// `Merger` pulls log lines up to the time of each event that is pushed into it, so that neither stream is ever held in
// memory. strace's lines are written as they are. What it adds: a touch line for each exception, a touch line for each
// string that strace reads out of the program before the kernel does, the image of each execve, `snapshot` lines.
//
//     log      execve(...)=0            brk ...      openat ...
//     events           COMM MMAP2 ...          fault        sys_enter_openat
//     file     execve  # image ...      brk    touch openat touch # string argument
//
// `Merger+Exec.swift` holds the order of one execve. A reader applies what takes away (munmap, MADV_DONTNEED) at the entry
// line and what gives (mmap, brk) at the `resumed` line; file order rules, so a held line may carry an older stamp.

import Foundation

/// What the merge counted, for the header, the truth file and the closing message.
struct MergeCounts: Equatable {
    var lines = 0
    var calls: [String: Int] = [:]
    var faults: [String: Int] = [:]
    /// Events that perf said it lost.
    var lost: UInt64 = 0
    /// Log lines that could not be read.
    var unreadable = 0
}

/// A snapshot as the merge needs it.
struct SnapshotMark: Equatable {
    var label: String
    /// CLOCK_REALTIME, in nanoseconds.
    var time: Int64
}

/// Merges the streams of one recording; push events in order, then `finish()`.
struct Merger {
    /// Where the log comes from, line by line.
    var nextLogLine: () throws -> String?
    /// Where finished lines go.
    var write: (String) throws -> Void
    /// The real length of a file's first mapping (`ExecutableHeader`).
    var firstSegment: (String) -> UInt64?
    /// CLOCK_REALTIME minus CLOCK_MONOTONIC, in nanoseconds.
    let clockOffset: Int64
    /// Bytes of the first program's environment strings; those it starts have about the same.
    let environmentBytes: UInt64

    var redactor: Redactor
    var counts = MergeCounts()
    /// Paths that were opened or mapped: the name in the file → the name on disk.
    var files: [String: String] = [:]
    /// The first program's process, once its execve has been seen.
    private(set) var root: Int?
    /// Exceptions per process, and how many there were at each snapshot: what lost events are found by.
    private(set) var exceptions: [Int: Int] = [:]
    private(set) var exceptionsAt: [String: [Int: Int]] = [:]
    /// Processes that share another's address space at a snapshot (between vfork and execve): one is enough there.
    private(set) var borrowersAt: [String: Set<Int>] = [:]

    private var snapshots: [SnapshotMark]
    private var pendingLine: StraceLine?
    private var logEnded = false
    /// Task → process; a task that is not here is its own process.
    private var processes: [Int: Int] = [:]
    /// Processes whose image the file has (execve seen) or that were forked from such.
    var known: Set<Int> = []
    private var leaving: Set<Int> = []
    private var goneTasks: Set<Int> = []
    private var vforkChildren: Set<Int> = []
    private var vforking: Set<Int> = []
    private var droppedCalls: Set<Int> = []
    var execs: [Int: Exec] = [:]
    /// What may be written, for events that do not say their direction.
    private var protections: [Int: Protections] = [:]

    init(
        snapshots: [SnapshotMark], clockOffset: Int64, environmentBytes: UInt64 = 0, redact: Bool = false,
        firstSegment: @escaping (String) -> UInt64? = { _ in nil },
        nextLogLine: @escaping () throws -> String?, write: @escaping (String) throws -> Void
    ) {
        self.snapshots = snapshots.sorted { $0.time < $1.time }
        self.clockOffset = clockOffset
        self.environmentBytes = environmentBytes
        self.firstSegment = firstSegment
        self.nextLogLine = nextLogLine
        self.write = write
        redactor = Redactor(enabled: redact)
    }

    func process(of tid: Int) -> Int { processes[tid] ?? tid }

    /// Takes the next event; everything older in the log is written first.
    mutating func push(_ event: PerfEvent) throws {
        let time = event.time + clockOffset
        if event.time != 0 { try drain(until: time) }
        switch event.kind {
        case .fork(let parent):
            processes[event.tid] = event.pid
            goneTasks.remove(event.tid)
            if event.tid == event.pid {
                leaving.remove(event.pid)
                if known.contains(parent) { known.insert(event.pid) }
                protections[event.pid] = protections[parent]
                if vforking.contains(parent) { vforkChildren.insert(event.pid) }
            }
        case .lost(let count): counts.lost += count
        case .exec:
            protections[event.pid] = nil
            try execHappened(event)
        case .mapping(let mapping):
            protections[event.pid, default: Protections()].set(mapping)
            addToImage(mapping, event)
        case .string(let address, let call):
            guard known.contains(event.pid) else { return }
            count("string arguments")
            try emit(
                RecordingLine.touch(tid: event.tid, time: time, address: address, write: false)
                    + " # string argument of \(call)")
        case .fault(let address, let write, let kernelMode, let present):
            try fault(event, time, address: address, write: write, kernelMode: kernelMode, present: present)
        }
    }

    /// Writes what is left of the log and the snapshots.
    mutating func finish() throws {
        try drain(until: .max)
        for pid in execs.keys.sorted() { try closeExec(pid) }
    }

    mutating func emit(_ line: String) throws {
        counts.lines += 1
        try write(line)
    }

    // MARK: Events

    private mutating func fault(
        _ event: PerfEvent, _ time: Int64, address: UInt64, write: Bool?, kernelMode: Bool, present: Bool
    ) throws {
        exceptions[event.pid, default: 0] += 1
        // The kernel's half: its own faults, not the program's.
        guard address >> 63 == 0 else { return }
        // Without the error code: what the area forbids was not a write, and the rest is taken for one.
        let write = write ?? protections[event.pid]?.writable(address) ?? true
        if !kernelMode { try closeImage(event.pid) }
        if addToImage(address: address, write: write, event) {
            count("kernel touch_\(write ? "write" : "read")")
            return
        }
        guard known.contains(event.pid) else { return count("faults of launcher dropped") }
        guard !leaving.contains(event.pid) else { return count("faults at exit dropped") }
        count("\(kernelMode ? "kernel" : "user") touch_\(write ? "write" : "read")")
        if present { count("protection faults (P=1)") }
        // A thread that has ended still writes its clear_child_tid: the line is its process's.
        let tid = goneTasks.contains(event.tid) ? event.pid : event.tid
        let line = RecordingLine.touch(tid: tid, time: time, address: address, write: write)
        try emit(kernelMode ? line + " # kernel mode" : line)
    }

    private mutating func count(_ what: String) { counts.faults[what, default: 0] += 1 }

    // MARK: The log

    /// Writes log lines and snapshots that are not younger than `time`.
    private mutating func drain(until time: Int64) throws {
        while true {
            if pendingLine == nil, !logEnded { try readLine() }
            let mark = snapshots.first?.time ?? .max
            if let line = pendingLine, line.time <= time, line.time <= mark {
                pendingLine = nil
                try log(line)
            } else if let snapshot = snapshots.first, snapshot.time <= time {
                snapshots.removeFirst()
                try take(snapshot)
            } else {
                return
            }
        }
    }

    private mutating func readLine() throws {
        while let text = try nextLogLine() {
            if let line = StraceLine(text) {
                pendingLine = line
                return
            }
            counts.unreadable += 1
        }
        logEnded = true
    }

    private mutating func take(_ snapshot: SnapshotMark) throws {
        for pid in execs.keys.sorted() { try closeImage(pid) }
        exceptionsAt[snapshot.label] = exceptions
        borrowersAt[snapshot.label] = vforkChildren
        guard let root else { return }
        let label = RecordingLine.quoted(snapshot.label)
        try emit("\(root) \(RecordingLine.stamp(snapshot.time)) snapshot(\(label))")
    }

    private mutating func log(_ line: StraceLine) throws {
        let pid = process(of: line.tid)
        switch line.kind {
        case .call(let name):
            if name == "ioctl", !Self.isMemoryControl(line.body) { return }
            counts.calls[name, default: 0] += 1
            if name == "execve" || name == "execveat" { return try logExec(line) }
            try closeExec(pid)
            try noteCall(name, line, pid)
        case .unfinished(let name):
            if name == "ioctl", !Self.isMemoryControl(line.body) {
                droppedCalls.insert(line.tid)
                return
            }
            counts.calls[name, default: 0] += 1
            if name == "execve" || name == "execveat" { return try logExec(line) }
            try closeExec(pid)
            if name == "vfork" || line.body.contains("CLONE_VFORK") { vforking.insert(pid) }
            if name == "exit_group" { leaving.insert(pid) }
            if name == "exit" { goneTasks.insert(line.tid) }
        case .resumed(let name):
            if name == "ioctl", droppedCalls.remove(line.tid) != nil { return }
            if name == "execve" || name == "execveat" { return try resumeExec(line) }
            try noteCall(name, line, pid)
            if ["vfork", "clone", "clone3"].contains(name) { vforking.remove(pid) }
        case .ended:
            goneTasks.insert(line.tid)
            if line.tid == pid {
                protections[pid] = nil
                try closeExec(pid)
                vforkChildren.remove(pid)
            }
        case .signal, .other: break
        }
        try emit(redactor.line(line.text))
    }

    /// Keeps what a finished call says: names of opened files, tasks that are on their way out.
    private mutating func noteCall(_ name: String, _ line: StraceLine, _ pid: Int) throws {
        switch name {
        case "open", "openat", "openat2", "creat":
            guard line.succeeded, let range = RecordingLine.literals(in: line.body).first else { return }
            noteFile(RecordingLine.unquoted(line.body[range]))
        case "exit_group": leaving.insert(pid)
        case "exit": goneTasks.insert(line.tid)
        default: break
        }
    }

    /// Remembers a file under the name that the recording has for it.
    @discardableResult
    mutating func noteFile(_ path: String) -> String {
        let name = redactor.name(path)
        files[name] = path
        return name
    }

    /// A process has its own address space from here on.
    mutating func gotOwnImage(_ pid: Int) {
        vforkChildren.remove(pid)
        leaving.remove(pid)
        known.insert(pid)
    }

    mutating func setRoot(_ pid: Int) { if root == nil { root = pid } }

    /// ioctl is traced for userfaultfd and PAGEMAP_SCAN alone; terminals and sockets are nobody's memory.
    private static func isMemoryControl(_ body: Substring) -> Bool {
        body.contains("UFFDIO") || body.contains("PAGEMAP_SCAN") || body.contains(", 0x66, 0x10,")
    }
}

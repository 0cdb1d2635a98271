// The traced run: the program under strace, perf attached to both, snapshots while it runs.
//
//     sh (stops itself) -> exec strace -> fork, exec COMMAND        same process group: the terminal's keys go there
//     perf record -p PID-of-sh                                      a group of its own: Ctrl-C must not end it early
//
// perf attaches while the launcher is stopped, so that not one exception is missed; the launcher's own are dropped by
// the merge. perf says "Events enabled" when it is ready. strace's log is read while it grows: a SIGSTOP that the
// program sent itself is a request for a snapshot.

import Foundation
import Glibc
import Subprocess
import SystemPackage

/// Where the pieces of a recording lie until they are merged; removed when the recording is done.
struct Workspace: Sendable {
    let directory: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent(
            "quire-record-\(ProcessInfo.processInfo.processIdentifier)")
        try FileManager.default.createDirectory(
            at: url, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        directory = url.path
    }

    var log: String { directory + "/strace" }
    var perfData: String { directory + "/perf.data" }
    var perfText: String { directory + "/perf.txt" }
    var perfMessages: String { directory + "/perf.log" }
    var control: String { directory + "/control" }
    var labels: String { directory + "/labels" }

    func remove() { try? FileManager.default.removeItem(atPath: directory) }
}

/// What the run left besides the files in its workspace.
struct RunResult: Sendable {
    var snapshots: [Snapshot]
    var folios: LargeFolios
    var clockOffset: Int64
    var clockDrift: Int64
    var environmentBytes: UInt64
    /// How the program ended.
    var status: TerminationStatus
}

/// Runs the program once under strace and perf.
struct TracedRun: Sendable {
    let command: [String]
    let workspace: Workspace
    let source: Preflight.Source
    let signals: SignalInbox
    let report: @Sendable (String) -> Void

    /// The system calls of the workload format, and what changes mappings beyond it (`?`: if this strace knows it).
    static let calls = [
        "mmap", "munmap", "mprotect", "mremap", "madvise", "process_madvise", "brk", "mlock", "mlock2", "munlock",
        "mlockall", "munlockall", "mincore", "msync", "fork", "vfork", "clone", "clone3", "execve", "execveat", "exit",
        "exit_group", "wait4", "open", "openat", "openat2", "creat", "memfd_create", "ftruncate", "fallocate", "close",
        "dup", "dup2", "dup3", "userfaultfd", "ioctl", "prctl", "swapon", "swapoff", "pkey_mprotect",
        "remap_file_pages", "shmat", "shmdt", "mseal", "map_shadow_stack",
    ]

    func execute() async throws -> RunResult {
        for path in [workspace.labels, workspace.log] {
            guard FileManager.default.createFile(atPath: path, contents: nil) else {
                throw RecordError.cannot("\(path) cannot be written")
            }
        }
        let fifo = try await run(.name("mkfifo"), arguments: [workspace.control], output: .discarded)
        guard fifo.terminationStatus.isSuccess else { throw RecordError.cannot("mkfifo failed in the temp directory") }
        // Both ends: the fifo must open before perf does, and perf's end must not block.
        guard let control = FileHandle(forUpdatingAtPath: workspace.control) else {
            throw RecordError.cannot("the control fifo cannot be opened")
        }
        let variables = ProcessInfo.processInfo.environment
        let labels = variables["QUIRE_RECORD_LABELS"] ?? workspace.labels
        let environmentBytes = (variables.merging(["QUIRE_RECORD_LABELS": labels]) { first, _ in first })
            .reduce(UInt64(0)) { $0 + UInt64($1.key.utf8.count + $1.value.utf8.count + 2) }
        let offset = Clock.offset()
        let outcome = try await run(
            .name("sh"),
            arguments: Arguments(["-c", "kill -STOP $$; exec \"$@\"", "sh"] + straceArguments + command),
            environment: .inherit.updating(["QUIRE_RECORD_LABELS": labels]),
            input: .currentStandardInput, output: .currentStandardOutput, error: .currentStandardError
        ) { execution in
            let launcher = Int(execution.processIdentifier.value)
            return try await watch(launcher: launcher, labels: labels, control: control)
        }
        return RunResult(
            snapshots: outcome.closureResult.snapshots, folios: outcome.closureResult.folios, clockOffset: offset,
            clockDrift: Clock.offset() - offset,
            environmentBytes: environmentBytes, status: outcome.terminationStatus)
    }

    private var straceArguments: [String] {
        [
            "strace", "-f", "--seccomp-bpf", "--absolute-timestamps=format:unix,precision:ns", "-s", "4096", "-o",
            workspace.log, "-e", "trace=" + Self.calls.map { "?" + $0 }.joined(separator: ","), "--",
        ]
    }

    private var perfArguments: [String] {
        // Without privileges perf may lock half a MiB for each processor; a large ring is what keeps events from loss.
        let ring = source == .software && !Preflight.isRoot ? "512K" : "32M"
        var arguments = ["record", "-k", "CLOCK_MONOTONIC", "-m", ring, "-c", "1", "-d", "-B", "-N", "-D", "-1"]
        arguments += ["--control=fifo:\(workspace.control)", "-o", workspace.perfData]
        switch source {
        case .tracepoints(let strings):
            let events = ["exceptions:page_fault_user", "exceptions:page_fault_kernel"]
            for event in events + strings.map({ "syscalls:sys_enter_\($0)" }) { arguments += ["-e", event] }
        case .software:
            arguments += ["-e", "page-faults"]
        }
        return arguments
    }

    private typealias Watched = (snapshots: [Snapshot], folios: LargeFolios)

    // MARK: perf around the launcher

    /// Attaches perf to the stopped launcher, lets it go, and takes snapshots until it has ended.
    private func watch(launcher: Int, labels: String, control: FileHandle) async throws -> Watched {
        let messages = try FileDescriptor.open(
            FilePath(workspace.perfMessages), .writeOnly, options: [.create, .truncate],
            permissions: [.ownerReadWrite])
        var group = PlatformOptions()
        group.processGroupID = 0
        do {
            try await until(5, "the launcher did not start") { state(of: launcher) == "T" }
            let perf = try await run(
                .name("perf"), arguments: Arguments(perfArguments + ["-p", String(launcher)]),
                platformOptions: group, input: .none,
                output: .fileDescriptor(messages, closeAfterSpawningProcess: false),
                error: .fileDescriptor(messages, closeAfterSpawningProcess: true)
            ) { perf in
                try control.write(contentsOf: Data("enable\n".utf8))
                let own = Int(perf.processIdentifier.value)
                try await until(20, "") { perfSays("Events enabled") || ended(own) }
                guard perfSays("Events enabled"), !ended(own) else {
                    Tracees.send(SIGINT, to: own)
                    throw RecordError.cannot("perf cannot record: " + perfComplaint())
                }
                Tracees.send(SIGCONT, to: launcher)
                let watched = await follow(launcher: launcher, labels: labels)
                if !ended(own) { Tracees.send(SIGINT, to: own) }
                return watched
            }
            return perf.closureResult
        } catch {
            // The launcher still waits for its signal: it must not stay behind.
            Tracees.send(SIGKILL, to: launcher)
            throw error
        }
    }

    private func perfSays(_ text: String) -> Bool { ProcFile.text(workspace.perfMessages)?.contains(text) ?? false }

    /// perf's own words, on one line.
    private func perfComplaint() -> String {
        (ProcFile.text(workspace.perfMessages) ?? "no message").split(separator: "\n").prefix(4)
            .map { $0.trimmingCharacters(in: .whitespaces) }.joined(separator: " ")
    }

    private func state(of pid: Int) -> Character? {
        ProcFile.text("/proc/\(pid)/stat")?.split(separator: ")").last?.first { $0 != " " }
    }

    private func ended(_ pid: Int) -> Bool { state(of: pid).map { $0 == "Z" || $0 == "X" } ?? true }

    private func until(_ seconds: Int, _ message: String, _ condition: () -> Bool) async throws {
        for _ in 0..<(seconds * 50) {
            if condition() { return }
            try await Task.sleep(for: .milliseconds(20))
        }
        if !message.isEmpty { throw RecordError.cannot(message) }
    }

    // MARK: The program runs

    /// Reads strace's log while it grows and the signals that come to the recorder, until strace has ended.
    private func follow(launcher: Int, labels: String) async -> Watched {
        let own = Int(ProcessInfo.processInfo.processIdentifier)
        var snapshots: [Snapshot] = []
        var taker = SnapshotTaker(tracer: launcher, labels: labels)
        guard var log = try? LineReader(path: workspace.log) else { return (snapshots, taker.folios) }
        var root: Int?
        var interrupts = Interrupts()
        while true {
            let over = ended(launcher)
            while let text = try? log.next() {
                guard let line = StraceLine(text) else { continue }
                if root == nil { root = line.tid }
                guard case .signal(let name, let sender) = line.kind else { continue }
                if name == "SIGINT" { interrupts.programGotOne() }
                if name == "SIGSTOP", sender != own, !over {
                    snapshots.append(await take(&taker, stopped: process(of: line.tid)))
                }
            }
            if over { return (snapshots, taker.folios) }
            for signal in signals.take() {
                switch signal {
                case SIGUSR1: snapshots.append(await take(&taker, stopped: nil))
                case SIGTERM: if let root { Tracees.send(SIGTERM, to: root) }
                default:
                    if interrupts.again() {
                        report("stopping the program")
                        for pid in Tracees.of(tracer: launcher).processes { Tracees.send(SIGKILL, to: pid) }
                    }
                }
            }
            // A terminal sends Ctrl-C to the program too; a SIGINT to the recorder alone is passed on.
            if interrupts.due(), let root { Tracees.send(SIGINT, to: root) }
            try? await Task.sleep(for: .milliseconds(10))
        }
    }

    private func take(_ taker: inout SnapshotTaker, stopped: Int?) async -> Snapshot {
        let snapshot = await taker.take(stopped: stopped)
        report("snapshot \"\(snapshot.label)\": \(snapshot.processes.count) process(es), \(snapshot.how)")
        return snapshot
    }

    /// The process of a task that a log line names.
    private func process(of tid: Int) -> Int {
        guard let status = ProcFile.text("/proc/\(tid)/status"), let range = status.firstRange(of: "\nTgid:\t") else {
            return tid
        }
        return Int(status[range.upperBound...].prefix { $0 != "\n" }) ?? tid
    }
}

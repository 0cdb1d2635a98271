// `Recorder`: a program in, a workload file and its truth out.
//
//     Preflight   what is missing?             -> one line, exit status 77
//     TracedRun   strace's log, perf.data, snapshots (in a temporary directory)
//     perf script perf's events as text, sorted by time
//     Merger      one file, in constant memory
//     TruthFile   what /proc said, beside it

import Foundation
import Glibc
import Subprocess
import SystemPackage

/// What to record, and how.
public struct RecordOptions: Sendable {
    /// The program and its arguments.
    public var command: [String]
    /// The recording; `.xz`, `.zst` and `.gz` are compressed by the system's tool.
    public var output: String
    /// Replace file names and strings.
    public var redact: Bool

    public init(command: [String], output: String, redact: Bool = false) {
        self.command = command
        self.output = output
        self.redact = redact
    }
}

/// What was recorded.
public struct RecordSummary: Sendable {
    public var output: String
    public var truth: String
    public var lines: Int
    public var faults: Int
    public var snapshots: [String]
    /// Events that perf lost, and faults that the kernel counted without one.
    public var lost: Int
    /// How the program ended, if not well.
    public var failure: String?
}

/// Records programs.
public struct Recorder: Sendable {
    private let options: RecordOptions
    private let report: @Sendable (String) -> Void

    /// `report` gets a line for each thing worth telling while it happens.
    public init(_ options: RecordOptions, report: @escaping @Sendable (String) -> Void) {
        self.options = options
        self.report = report
    }

    /// Runs the program to its end and writes the recording; the program's own exit status is in the summary.
    public func record() async throws -> RecordSummary {
        guard !options.command.isEmpty else { throw RecordError.usage("no command to record") }
        let compression = try await Compression(path: options.output)
        let preflight = try await Preflight.run(warn: report)
        let signals = SignalInbox(signals: [SIGUSR1, SIGINT, SIGTERM])
        do {
            let summary = try await record(preflight, signals, compression)
            await preflight.restore()
            signals.close()
            return summary
        } catch {
            await preflight.restore()
            signals.close()
            throw error
        }
    }

    private func record(
        _ preflight: Preflight, _ signals: SignalInbox, _ compression: Compression
    ) async throws -> RecordSummary {
        let workspace = try Workspace()
        defer { workspace.remove() }
        let machine = await MachineFacts.current()
        let run = try await TracedRun(
            command: options.command, workspace: workspace, source: preflight.source, signals: signals, report: report
        ).execute()
        report("reading perf's events")
        try await eventsAsText(workspace, preflight.source)
        let merger = try merge(workspace, run, preflight.source, machine, to: compression.plainPath)
        guard merger.root != nil else {
            try? FileManager.default.removeItem(atPath: compression.plainPath)
            throw RecordError.usage("\(options.command[0]) could not be started")
        }
        let unexplained = LostEvents.unexplained(
            snapshots: run.snapshots, exceptionsAt: merger.exceptionsAt, calls: merger.counts.calls)
        let lost = Int(clamping: merger.counts.lost) + unexplained
        if lost > 0 {
            let message =
                "\(merger.counts.lost) events lost by perf, \(unexplained) faults without an exception: memory"
                + " use may come out too low"
            report("warning: " + message)
            try append("# lost: " + message, to: compression.plainPath)
        }
        try await compression.finish()
        let truth = TruthFile(
            workload: (compression.namePath as NSString).lastPathComponent, command: options.command,
            machine: machine, merger: merger, run: run, source: preflight.source, unexplained: unexplained)
        let truthPath = Compression.truthPath(options.output)
        try truth.text().write(toFile: truthPath, atomically: true, encoding: .utf8)
        return RecordSummary(
            output: options.output, truth: truthPath, lines: merger.counts.lines,
            faults: merger.exceptions.values.reduce(0, +), snapshots: run.snapshots.map(\.label), lost: lost,
            failure: run.status.isSuccess ? nil : "the program ended with \(run.status)")
    }

    /// `perf script`, sorted by time, into a file: its size is the disk's matter, not the memory's.
    private func eventsAsText(_ workspace: Workspace, _ source: Preflight.Source) async throws {
        let text = try FileDescriptor.open(
            FilePath(workspace.perfText), .writeOnly, options: [.create, .truncate], permissions: [.ownerReadWrite])
        let fields = source == .software ? "pid,tid,time,event,addr" : "pid,tid,time,event,trace"
        let result = try await Subprocess.run(
            .name("perf"),
            arguments: [
                "script", "-i", workspace.perfData, "--ns", "--show-mmap-events", "--show-task-events",
                "--show-lost-events", "-F", fields,
            ],
            output: .fileDescriptor(text, closeAfterSpawningProcess: true), error: .discarded)
        guard result.terminationStatus.isSuccess else {
            throw RecordError.cannot("perf script failed (\(result.terminationStatus)) on perf's own data")
        }
    }

    private func merge(
        _ workspace: Workspace, _ run: RunResult, _ source: Preflight.Source, _ machine: MachineFacts,
        to path: String
    ) throws -> Merger {
        let sink = try LineSink(path: path)
        var log = try LineReader(path: workspace.log)
        var events = try LineReader(path: workspace.perfText)
        var merger = Merger(
            snapshots: run.snapshots.map { SnapshotMark(label: $0.label, time: $0.time) },
            clockOffset: run.clockOffset, environmentBytes: run.environmentBytes, redact: options.redact,
            firstSegment: { ExecutableHeader.firstSegmentLength(path: $0) },
            nextLogLine: { try log.next() ?? log.remainder() }, write: { try sink.write($0) })
        try sink.write("# " + options.command.map { merger.redactor.name($0) }.joined(separator: " "))
        try sink.write("# recorded by strace and perf; Linux \(machine.kernel)")
        for line in machine.lines { try sink.write(line) }
        if source == .software {
            try sink.write(
                "# warning: no tracepoints: the direction of faults is unknown: touch_write where the area is writable")
        }
        while let line = try events.next() {
            if let event = PerfEvent(line: line) { try merger.push(event) }
        }
        try merger.finish()
        try sink.close()
        return merger
    }

    private func append(_ line: String, to path: String) throws {
        guard let handle = FileHandle(forWritingAtPath: path) else { return }
        try handle.seekToEnd()
        try handle.write(contentsOf: Data((line + "\n").utf8))
        try handle.close()
    }
}

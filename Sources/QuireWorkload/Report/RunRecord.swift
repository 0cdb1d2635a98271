// A whole run as values: what a report says, kept in memory so that two runs can be compared field by field. Runs that
// are only reported stream through `ReportWriter` and need none.

/// The processes at one `snapshot` line.
public struct RunSnapshot: Sendable {
    /// The line of the file.
    public var line: Int
    public var label: String
    public var processes: [ProcessReport]

    /// The state at a line.
    public init(line: Int, label: String, processes: [ProcessReport]) {
        self.line = line
        self.label = label
        self.processes = processes
    }
}

/// What one side, the model or the live kernel, made of a workload.
public final class RunRecord {
    /// The file's name.
    public var workload: String
    /// Facts of the machine.
    public var machine: [(key: String, value: ReportValue)] = []
    /// Why the machine cannot do what the file requires; the rest is empty then.
    public var skipped: String?
    /// The first process as it was before the first line.
    public var base: [ProcessReport] = []
    public var calls: [CallReport] = []
    /// The processes at each `snapshot` line, in the order of the file.
    public var snapshots: [RunSnapshot] = []
    /// Those that are alive at the end.
    public var final: [ProcessReport] = []
    /// As each was just before its end.
    public var exited: [ProcessReport] = []
    public var divergences: [Divergence] = []
    /// Calls that the format does not know.
    public var ignored: [(name: String, count: UInt64)] = []
    public var counters: [(key: String, value: UInt64?)] = []

    /// A run of which nothing is known yet.
    public init(workload: String = "") { self.workload = workload }

    /// Whether everything was locked, a live process's own memory too: VmLck says nothing of the workload's then.
    var locksAll: Bool { calls.contains { $0.call == "mlockall" && $0.outcome == .result(0) } }

    /// Writes the report.
    public func write(to sink: any ByteSink, writesCalls: Bool = true) throws(InputError) {
        if let skipped {
            return try ReportWriter.skipped(to: sink, workload: workload, machine: machine, reason: skipped)
        }
        var writer = ReportWriter(to: sink, workload: workload, machine: machine, base: base, writesCalls: writesCalls)
        for call in calls { writer.call(call) }
        for divergence in divergences { writer.divergence(divergence) }
        for snapshot in snapshots { writer.snapshot(snapshot.label, snapshot.processes) }
        for process in exited { writer.exited(process) }
        try writer.finish(final: final, ignored: ignored, counters: counters)
    }

    /// The rows of the tables for people, counted from `base`: what the workload itself has added.
    public var summary: ReportSummary {
        var summary = ReportSummary()
        let start = base.first?.status
        func since(_ processes: [ProcessReport]) -> [ProcessReport] {
            processes.map { process in
                var process = process
                for field in [
                    \ProcessReport.Status.vmSize, \.rssAnon, \.rssFile, \.rssShmem, \.vmPTE, \.vmSwap,
                ] {
                    guard let value = process.status[keyPath: field] else { continue }
                    let before = start?[keyPath: field] ?? 0
                    process.status[keyPath: field] = value - min(value, before)
                }
                return process
            }
        }
        for snapshot in snapshots { summary.add(snapshot.label, since(snapshot.processes)) }
        summary.add("final", since(final))
        return summary
    }
}

// The JSON report of a run as it is written while the run goes on: calls go straight out, what must stand behind them
// (snapshots, exited processes) waits in spools. A run of any length takes the memory of its current state.

/// A setting or fact of the machine in a report.
public enum ReportValue: Hashable, Sendable {
    case number(UInt64)
    case text(String)
    case flag(Bool)
    /// Not observable on this side.
    case null
}

/// Writes one report.
///
/// Order of use: `init`, then `call`, `divergence`, `snapshot` and `exited` as they happen, then `finish` once. Labels
/// of snapshots come out as given; readers of JSON keep the last of those that are the same.
public struct ReportWriter {
    /// How many divergences are listed; all are counted.
    public static let listedDivergences = 1000

    private var json: JSONWriter
    private var snapshots: JSONWriter
    private var exitedProcesses: JSONWriter
    private let snapshotSpool = Spool()
    private let exitedSpool = Spool()
    private let writesCalls: Bool
    private var snapshotCount = 0
    private var exitedCount = 0
    private var divergences: [Divergence] = []
    /// How many lines ended differently from the recording.
    public private(set) var divergenceCount = 0

    /// Begins a report.
    public init(
        to sink: any ByteSink, workload: String, machine: [(key: String, value: ReportValue)],
        base: [ProcessReport], writesCalls: Bool = true
    ) {
        json = JSONWriter(to: sink)
        snapshots = JSONWriter(to: snapshotSpool)
        exitedProcesses = JSONWriter(to: exitedSpool)
        self.writesCalls = writesCalls
        json.beginObject(lines: true)
        json.key("workload")
        json.value(workload)
        json.key("machine")
        json.value(machine)
        json.key("base")
        json.value(base)
        if writesCalls {
            json.key("calls")
            json.beginArray(lines: true)
        }
    }

    /// The whole report of a run that the machine cannot do (exit status 77).
    public static func skipped(
        to sink: any ByteSink, workload: String, machine: [(key: String, value: ReportValue)], reason: String
    ) throws(InputError) {
        var json = JSONWriter(to: sink)
        json.beginObject(lines: true)
        json.key("workload")
        json.value(workload)
        json.key("machine")
        json.value(machine)
        json.key("skipped")
        json.value(reason)
        json.endObject()
        json.endLine()
        try json.flush()
    }

    /// The outcome of a call; dropped with `--no-calls`.
    public mutating func call(_ call: CallReport) {
        if writesCalls { json.value(call) }
    }

    /// A difference from the recording.
    public mutating func divergence(_ divergence: @autoclosure () -> Divergence) {
        divergenceCount += 1
        if divergences.count < ReportWriter.listedDivergences { divergences.append(divergence()) }
    }

    /// The processes at a `snapshot` line.
    public mutating func snapshot(_ label: String, _ processes: [ProcessReport]) {
        snapshots.next(first: snapshotCount == 0)
        snapshotCount += 1
        snapshots.key(label)
        snapshots.value(processes)
    }

    /// A process just before its end; its smaps are not written.
    public mutating func exited(_ process: ProcessReport) {
        exitedProcesses.next(first: exitedCount == 0)
        exitedCount += 1
        var process = process
        process.smaps = nil
        exitedProcesses.value(process)
    }

    /// Ends the report. `ignored` is sorted by name.
    public mutating func finish(
        final: [ProcessReport], ignored: [(name: String, count: UInt64)], counters: [(key: String, value: UInt64?)]
    ) throws(InputError) {
        if writesCalls { json.endArray() }
        json.key("divergences")
        json.beginObject()
        json.key("count")
        json.value(signed: Int64(divergenceCount))
        json.key("first")
        json.beginArray(lines: true)
        for divergence in divergences { json.value(divergence) }
        json.endArray()
        json.endObject()
        json.key("ignored")
        json.beginObject()
        for (name, count) in ignored.sorted(by: { $0.name < $1.name }) {
            json.key(name)
            json.value(count)
        }
        json.endObject()
        try snapshots.flush()
        json.key("snapshots")
        json.beginObject()
        json.splice(snapshotSpool)
        json.endObject()
        json.key("final")
        json.value(final)
        try exitedProcesses.flush()
        json.key("exited")
        json.beginArray()
        json.splice(exitedSpool)
        json.endArray()
        json.key("counters")
        json.beginObject()
        for (name, count) in counters {
            json.key(name)
            json.value(count)
        }
        json.endObject()
        json.endObject()
        json.endLine()
        try json.flush()
    }
}

extension JSONWriter {
    mutating func value(_ machine: [(key: String, value: ReportValue)]) {
        beginObject()
        for (name, setting) in machine {
            key(name)
            switch setting {
            case .number(let number): value(number)
            case .text(let text): value(text)
            case .flag(let flag): value(flag)
            case .null: null()
            }
        }
        endObject()
    }

    mutating func value(_ processes: [ProcessReport]) {
        beginArray(lines: true)
        for process in processes { value(process) }
        endArray()
    }

    mutating func value(_ divergence: Divergence) {
        beginObject()
        key("line")
        value(signed: Int64(divergence.line))
        key("call")
        value(divergence.call)
        key("expected")
        value(divergence.expected)
        key("got")
        value(divergence.got)
        endObject()
    }
}

// Where a player's outcomes go: the JSON of the contract or the tables for people, behind one face.

import Quire

/// The report of one run, as it grows.
final class RunReport {
    private var writer: ReportWriter?
    /// The rows of the tables, where no JSON is asked for.
    private(set) var summary: ReportSummary?

    /// Single calls, where they are kept for whoever drives the run.
    private var kept: [CallReport]?
    /// Keeps the whole run, where a comparison wants it.
    var record: RunRecord?

    /// A report as JSON.
    init(_ writer: ReportWriter) { self.writer = writer }

    /// A report as tables.
    init() { summary = ReportSummary() }

    /// No report: the calls of each line are kept until they are taken.
    init(keeping: ()) { kept = [] }

    /// Whether anybody reads single calls.
    var listsCalls: Bool { writer != nil || kept != nil || record != nil }

    /// How many lines ended differently.
    var divergenceCount: Int { writer?.divergenceCount ?? summary?.divergenceCount ?? 0 }

    func call(_ call: CallReport) {
        writer?.call(call)
        record?.calls.append(call)
        kept?.append(call)
    }

    /// The calls since the last time.
    func takeCalls() -> [CallReport] {
        defer { kept?.removeAll(keepingCapacity: true) }
        return kept ?? []
    }

    func divergence(_ divergence: Divergence) {
        writer?.divergence(divergence)
        summary?.add(divergence)
        record?.divergences.append(divergence)
    }

    func snapshot(_ label: String, _ processes: [ProcessReport], line: Int) {
        writer?.snapshot(label, processes)
        summary?.add(label, processes)
        record?.snapshots.append(RunSnapshot(line: line, label: label, processes: processes))
    }

    func exited(_ process: ProcessReport) {
        writer?.exited(process)
        record?.exited.append(process)
    }

    func finish(
        final: [ProcessReport], ignored: [(name: String, count: UInt64)], counters: [(name: String, value: UInt64)],
        tlb: TLBStatistics?
    ) throws(InputError) {
        let counted = (counters + (tlb?.counters ?? [])).map { (key: $0.name, value: Optional($0.value)) }
        try writer?.finish(final: final, ignored: ignored, counters: counted)
        summary?.add("final", final)
        summary?.counters = counted
        summary?.tlb = tlb
        summary?.ignored = ignored
        record?.final = final
        record?.counters = counted
        record?.ignored = ignored
    }
}

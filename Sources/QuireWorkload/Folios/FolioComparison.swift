// One workload replayed with folios of one size after the other: what each size saves in faults, table writes and TLB work,
// and what it costs in bytes cleared and copied and in memory that nobody asked for. The program is not asked: its anonymous
// memory gets folios of the size wherever one fits, as with `hugepages-*/enabled` at `always` and every other size at
// `never`. Row 4 kB is what the others are measured against.

public import Quire
import QuireHost

/// What a workload came to with folios of one size.
public struct FolioCosts: Sendable {
    /// The size in kB; 4 for no large folios, nil where every size is allowed and the largest that fits is taken.
    public var kilobytes: Int?
    public var faults: UInt64 = 0
    /// Bytes that had to be cleared for the program, and bytes copied for its writes.
    public var clearedBytes: UInt64 = 0
    public var copiedBytes: UInt64 = 0
    /// Words written to page tables by software.
    public var tableWrites: UInt64 = 0
    /// Contiguous blocks made and taken apart by conversion (arm64).
    public var folds: UInt64 = 0
    public var unfolds: UInt64 = 0
    /// Ranged invalidations, and look-ups that no TLB could answer.
    public var invalidations: UInt64 = 0
    public var misses: UInt64 = 0
    /// The peaks of resident memory of all processes, summed, in kB (VmHWM).
    public var peakKilobytes: UInt64 = 0
    /// Nanoseconds of one replay: the median.
    public var nanoseconds = 0.0
    /// Lines that ended otherwise than recorded.
    public var divergences = 0

    /// The kB that are resident at the peak beyond those of small pages alone.
    public func wastedKilobytes(over small: FolioCosts) -> Int64 {
        Int64(peakKilobytes) - Int64(small.peakKilobytes)
    }
}

/// Replays a workload with folios of several sizes.
public struct FolioComparison {
    /// The sizes in kB that anonymous memory can have.
    public static let sizes = [4, 16, 32, 64, 128, 256, 512, 1024, 2048]
    private static let folder = "/sys/kernel/mm/transparent_hugepage/"

    private let options: ReplayOptions
    private let host: Host

    /// A comparison with these choices. Its own settings come first, so that `options` may overrule them.
    public init(_ options: ReplayOptions, host: Host = .linux) {
        self.options = options
        self.host = host
    }

    /// Replays the file once for each repetition with folios of a size (nil: of every size). Throws what a replay throws,
    /// `skipped` where the file requires what the model cannot do.
    public func measure(path: String, kilobytes: Int?, repetitions: Int) throws(ReplayError) -> FolioCosts {
        var costs = FolioCosts(kilobytes: kilobytes)
        var times: [Double] = []
        let clock = ContinuousClock()
        for _ in 0..<max(repetitions, 1) {
            let begin = clock.now
            let record = try replay(path, kilobytes)
            let time = begin.duration(to: clock.now).components
            times.append(Double(time.seconds) * 1e9 + Double(time.attoseconds) / 1e9)
            costs.take(record)
        }
        times.sort()
        costs.nanoseconds = times[times.count / 2]
        return costs
    }

    private func replay(_ path: String, _ kilobytes: Int?) throws(ReplayError) -> RunRecord {
        var chosen = options
        chosen.writesCalls = false
        chosen.writesJSON = false
        chosen.comparison = nil
        chosen.settings = settings(kilobytes) + options.settings
        let reader: WorkloadReader
        do throws(ParseError) { reader = try WorkloadReader(path: path) } catch { throw .input(error) }
        let record = RunRecord()
        _ = try Replay(chosen, host: host).run(reader, to: MemorySink(), record: record)
        if let reason = record.skipped { throw .skipped(reason) }
        return record
    }

    /// The knobs of one size, and TLBs, which are off where nobody asks for them.
    private func settings(_ kilobytes: Int?) -> [(key: String, value: String)] {
        let sizes = Self.sizes.dropFirst().map { size in
            let isAllowed = kilobytes == nil || kilobytes == size
            return (key: Self.folder + "hugepages-\(size)kB/enabled", value: isAllowed ? "always" : "never")
        }
        return [("machine.tlb", "on"), (Self.folder + "enabled", "always")] + sizes
    }
}

extension FolioCosts {
    /// Takes what a replay has counted.
    fileprivate mutating func take(_ record: RunRecord) {
        func counter(_ key: String) -> UInt64 { record.counters.first { $0.key == key }?.value ?? 0 }
        faults = counter("faults")
        clearedBytes = counter("pages_cleared") * 4096
        copiedBytes = counter("pages_copied") * 4096
        tableWrites = counter("pte_writes")
        folds = counter("contpte_folds")
        unfolds = counter("contpte_unfolds")
        invalidations = counter("tlb_flushes")
        misses = counter("tlb_misses")
        peakKilobytes = (record.final + record.exited).reduce(0) { $0 + ($1.status.vmHWM ?? 0) }
        divergences = record.divergences.count
    }
}

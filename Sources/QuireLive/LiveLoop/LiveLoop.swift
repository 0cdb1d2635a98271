// The benchmark of empty-table reclaim on the live kernel: map 50 GB without reservation, and over and over touch 2 MiB and
// give it back with MADV_DONTNEED. `LiveLoop.run` is the loop itself; it counts in the process that runs it, so callers that
// want clean figures start a process for it (`LiveLoop+Spawn.swift`). Kernel counterpart: the reclaim of empty PTE tables in
// zap_pte_range (mm/pt_reclaim.c).

import SystemPackage

/// Touch and give back, as the live kernel does it.
public enum LiveLoop {
    /// How each round gives its 2 MiB back.
    public enum Variant: String, CaseIterable, Hashable, Sendable {
        /// One call for the 2 MiB: the kernel frees the table that has become empty (Linux 6.14 and later).
        case whole
        /// Two calls of 1 MiB: neither covers what a table maps, so the empty table stays, as on every kernel before.
        case halves
    }

    /// What to run.
    public struct Parameters: Hashable, Sendable {
        /// One round's bytes: what one PTE table maps.
        public static let roundBytes = 2 << 20

        public var bytes: Int
        public var rounds: Int
        public var variant: Variant

        /// - Parameters:
        ///   - bytes: length of the mapping; rounded up to 2 MiB. Rounds beyond its end begin at the front again.
        ///   - rounds: how often to touch 2 MiB and give them back.
        public init(bytes: Int = 50 << 30, rounds: Int = 25 * 1024, variant: Variant) {
            self.bytes = bytes
            self.rounds = rounds
            self.variant = variant
        }
    }

    /// The counters of one moment.
    public struct Sample: Hashable, Sendable {
        public var vmSize: Kilobytes
        public var vmRSS: Kilobytes
        public var vmPTE: Kilobytes
        public var minorFaults: UInt64
    }

    /// What the loop did.
    public struct Result: Hashable, Sendable {
        public var parameters: Parameters
        /// After the mapping was made, before the first touch.
        public var before: Sample
        /// After the last round.
        public var after: Sample
        /// The loop's own time.
        public var nanoseconds: UInt64

        public var nanosecondsPerPage: Double {
            Double(nanoseconds) / (Double(parameters.rounds) * Double(Parameters.roundBytes / LiveMapping.pageSize))
        }

        /// By how much VmPTE grew over the loop, in kB.
        public var vmPTEGrowth: Int64 { Int64(after.vmPTE.rawValue) - Int64(before.vmPTE.rawValue) }
    }

    /// Runs the loop in this process.
    ///
    /// The mapping is advised MADV_NOHUGEPAGE: where huge pages are on for everybody, a round would fault once and make no
    /// table, which is another benchmark.
    ///
    /// - Parameter progress: called with the rounds done, about a hundred times.
    public static func run(
        _ parameters: Parameters, progress: (Int) -> Void = { _ in }
    ) throws(LiveError) -> Result {
        let round = Parameters.roundBytes
        guard parameters.bytes > 0, parameters.bytes <= 1 << 46, parameters.rounds > 0, parameters.rounds <= 1 << 40
        else {
            throw .unsupported("a live loop takes at least one byte, at most 64 TB, and at least one round")
        }
        let places = (parameters.bytes + round - 1) / round
        do throws(Errno) {
            let mapping = try LiveMapping(length: places * round, alignment: round)
            // A kernel built without huge pages refuses the advice and needs none.
            try? mapping.advise(0..<mapping.length, .noHugePage)
            let before = try sample()
            let step = max(1, parameters.rounds / 100)
            let begin = monotonicNanoseconds()
            for index in 0..<parameters.rounds {
                let start = index % places * round
                mapping.touch(start..<start + round)
                switch parameters.variant {
                case .whole:
                    try mapping.advise(start..<start + round, .dontNeed)
                case .halves:
                    try mapping.advise(start..<start + round / 2, .dontNeed)
                    try mapping.advise(start + round / 2..<start + round, .dontNeed)
                }
                if (index + 1) % step == 0 { progress(index + 1) }
            }
            let nanoseconds = monotonicNanoseconds() - begin
            return Result(parameters: parameters, before: before, after: try sample(), nanoseconds: nanoseconds)
        } catch {
            throw .system("live loop", error)
        }
    }

    private static func sample() throws(Errno) -> Sample {
        guard let status = try? ProcessStatus(pid: processID) else { throw .ioError }
        return Sample(
            vmSize: status[.vmSize], vmRSS: status[.vmRSS], vmPTE: status[.vmPTE],
            minorFaults: processFaults().minor)
    }
}

// A workload file on the host's own kernel: reads the lines, has a real process carry each out, and keeps the report.
// Each process of the workload is a worker (CQuireLive), `fork` really forks one. The calls are in `LivePlayer+…`;
// `LiveSettings` sets the machine up and back. The counterpart on the model is `Replay`.
//
// A workload's addresses lie in the window of `RunComparison`. All other addresses of a worker are taken, so an address
// that the kernel chooses lies in the window too, top down from its end; for the same reason it does not matter where
// address randomisation has put the worker's code. All workers run on one CPU.

import CQuireLive
import QuireWorkload
import SystemPackage

/// Why a live run cannot go on.
public enum LiveRunError: Error, CustomStringConvertible {
    /// The workload: a line that cannot be read or run, with its place.
    case input(ParseError)
    /// The host fails.
    case system(LiveError)
    /// The file wants what this side cannot do; the record says so, `run` does not throw it.
    case skipped(String)
    /// SIGINT or SIGTERM.
    case interrupted

    public var description: String {
        switch self {
        case .input(let error): error.description
        case .system(let error): error.description
        case .skipped(let reason): reason
        case .interrupted: "interrupted"
        }
    }
}

/// Runs workloads on the live kernel.
public struct LiveReplay {
    /// Kernel files to set, by their paths, as the user asks.
    private let settings: [(key: String, value: String)]
    private let keepsGoing: Bool
    /// Whether reads of pagemap show frame numbers: for measurements, not for comparison.
    var showsFrames = false

    /// A live replay; settings that are no paths are the model's alone.
    public init(settings: [(key: String, value: String)] = [], keepsGoing: Bool = false) {
        self.settings = settings.filter { $0.key.hasPrefix("/") }
        self.keepsGoing = keepsGoing
    }

    /// Why this machine cannot run workloads; nil if it can.
    public static var obstacle: String? {
        #if os(Linux) && (arch(x86_64) || arch(arm64))
            return quire_worker_possible() != 0 ? nil : "the live runner needs pages of 4 kB"
        #else
            return "the live runner needs Linux on x86-64 or arm64"
        #endif
    }

    /// Plays a workload. Every process is ended and every setting is undone when this returns or throws.
    ///
    /// Interrupting it takes `InterruptFlag.install()` in the program.
    public func run(_ reader: WorkloadReader) throws(LiveRunError) -> RunRecord {
        let record = RunRecord(workload: reader.file)
        record.machine = LiveSettings.facts
        if let obstacle = Self.obstacle {
            record.skipped = obstacle
            return record
        }
        do throws(LiveRunError) {
            try play(reader, record)
        } catch {
            guard case .skipped(let reason) = error else { throw error }
            record.skipped = reason
        }
        return record
    }

    private func play(_ reader: WorkloadReader, _ record: RunRecord) throws(LiveRunError) {
        let session = try LiveSession()
        defer { session.end() }
        try session.play(reader, record, settings: settings, keepsGoing: keepsGoing, showsFrames: showsFrames)
    }
}

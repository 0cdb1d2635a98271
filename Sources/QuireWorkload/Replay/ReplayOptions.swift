// What a replay is asked to do and what came of it: plain values between the command line and the engine.

public import Quire

/// The choices of one replay.
public struct ReplayOptions: Sendable {
    /// Knobs to set, in order: the model's own keys or files by their Linux paths.
    public var settings: [(key: String, value: String)] = []
    /// A key and the values to replay with, side by side; nil for one run.
    public var comparison: (key: String, values: [String])?
    /// Whether the report lists every call.
    public var writesCalls = true
    /// Whether a malformed line is counted and passed over instead of ending the run.
    public var keepsGoing = false
    /// Whether threads run on real ones, each simulated CPU's on one of its own.
    public var usesThreads = false
    /// Whether the report is JSON or a table for people.
    public var writesJSON = false

    /// One run with the defaults.
    public init() {}
}

/// How a replay ended; the raw value is the exit status.
public enum ReplayVerdict: Int32, Sendable {
    /// Everything as recorded and as expected.
    case same = 0
    /// Divergences from the recording, or a condition that does not hold.
    case different = 1
    /// The input cannot be read, or a setting is not one.
    case badInput = 2
    /// The file requires what the model cannot do.
    case skipped = 77
}

/// What the engine tells besides its report, as it happens.
public struct ReplayNotes {
    /// A line for standard error: a setting without a knob, a malformed line that was passed over.
    public var warn: (String) -> Void
    /// Lines read so far; called now and then.
    public var progress: ((Int) -> Void)?
    /// A machine whose report is finished, before it goes.
    public var ended: ((Machine) -> Void)?

    /// Where the notes go.
    public init(
        warn: @escaping (String) -> Void = { _ in }, progress: ((Int) -> Void)? = nil, ended: ((Machine) -> Void)? = nil
    ) {
        self.warn = warn
        self.progress = progress
        self.ended = ended
    }
}

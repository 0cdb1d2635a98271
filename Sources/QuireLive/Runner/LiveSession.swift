// Many workloads on the live kernel, one after the other, fast: what a run needs to begin is made once. A pristine worker
// that no workload ever runs in forks the first process of each run, which takes a tenth of the time that a worker of
// the controller's own takes. `LiveReplay` is a session of one run; `quire conform` plays thousands.

import QuireWorkload
import SystemPackage

/// The live kernel, ready to play workloads.
///
/// Interrupting a run takes `InterruptFlag.install()` in the program.
public final class LiveSession {
    /// How long a session keeps the turn, and how long it leaves it to others then.
    private static let turnSeconds = 1.0
    private static let pauseSeconds = 0.06

    private let folder: ScratchFolder
    private let hadOrphans: Bool
    private let pristine: LiveProcess
    /// Keeps what workloads take away from the host's other programs.
    private let memory: MemoryGuard?
    private var turn: LiveTurn?
    private var turnBegan: UInt64 = 0
    private var hasEnded = false

    /// Starts the pristine worker. Throws where the machine cannot.
    public init() throws(LiveRunError) {
        if let obstacle = LiveReplay.obstacle { throw .skipped(obstacle) }
        do throws(Errno) {
            folder = try ScratchFolder()
        } catch {
            throw .system(.system("a place for the live run in \(temporaryFolder())", error))
        }
        let before = LiveProcesses.adoptOrphans(true)
        hadOrphans = before
        do throws(LiveRunError) {
            pristine = try LivePlayer.startPristine(folder: folder.path)
        } catch {
            _ = LiveProcesses.adoptOrphans(before)
            throw error
        }
        memory = MemoryGuard(pid: pristine.pid)
    }

    deinit { end() }

    /// Ends the worker. Nothing can be played afterwards.
    public func end() {
        if hasEnded { return }
        hasEnded = true
        pristine.end()
        memory?.end()
        _ = LiveProcesses.adoptOrphans(hadOrphans)
        turn = nil
    }

    /// Plays a workload. Every process of it is ended and every setting is undone when this returns or throws.
    public func run(_ reader: WorkloadReader) throws(LiveRunError) -> RunRecord {
        let record = RunRecord(workload: reader.file)
        record.machine = LiveSettings.facts
        do throws(LiveRunError) {
            try play(reader, record, settings: [], keepsGoing: false)
        } catch {
            guard case .skipped(let reason) = error else { throw error }
            record.skipped = reason
        }
        return record
    }

    func play(
        _ reader: WorkloadReader, _ record: RunRecord, settings: [(key: String, value: String)], keepsGoing: Bool,
        showsFrames: Bool = false
    ) throws(LiveRunError) {
        try takeTurn()
        let player = LivePlayer(record, folder: folder.path, pristine: pristine)
        defer {
            player.end()
            folder.clear()
        }
        player.showsFrames = showsFrames
        try player.play(reader, settings: settings, keepsGoing: keepsGoing)
    }

    /// Lends the worker that no workload runs in, while it is this session's turn. It never is a pristine one again.
    func lend<Answer>(_ body: (LiveProcess) throws(LiveRunError) -> Answer) throws(LiveRunError) -> Answer {
        try takeTurn()
        return try body(pristine)
    }

    /// Two runs at once would disturb each other's settings. A session that plays for minutes lets others in between.
    private func takeTurn() throws(LiveRunError) {
        let now = monotonicNanoseconds()
        if turn != nil {
            if now - turnBegan < UInt64(Self.turnSeconds * 1e9) { return }
            turn = nil
            if InterruptFlag.wait(seconds: Self.pauseSeconds) { throw .interrupted }
        }
        do throws(Errno) {
            turn = try LiveTurn.take()
        } catch {
            throw .system(.system("the turn to run in \(temporaryFolder())", error))
        }
        if turn == nil { throw .interrupted }
        turnBegan = monotonicNanoseconds()
    }
}

// A litmus file as a scene: its sequences on CPUs of one machine, its outcome what its names are bound to, its conditions
// judged after each run.

public import Quire
import QuireHost
public import QuireWorkload
import Synchronization

/// Which judgements each outcome breaks, for all workers of an exploration.
public final class JudgedOutcomes: Sendable {
    private let broken = Mutex<[String: [Int]]>([:])

    public init() {}

    func note(_ outcome: String, _ judgements: [Int]) {
        broken.withLock { if $0[outcome] == nil { $0[outcome] = judgements } }
    }

    /// The numbers of the judgements that an outcome breaks.
    public subscript(outcome: String) -> [Int] { broken.withLock { $0[outcome] ?? [] } }
}

/// A litmus file to explore.
public final class LitmusScene {
    public let file: LitmusFile
    private let litmus: LitmusMachine
    public var omissions: Omissions
    private var hook: ScheduleHook?
    private var runs = RunsOfAMachine()
    private let judged: JudgedOutcomes
    /// A line that could not be played in the last run, or a condition that could not be judged: a `ParseError` with the place.
    public private(set) var failure: (any Error)?

    /// Prepares the file. Throws where a line is wrong, or the model cannot do what the file requires.
    public init(
        _ file: LitmusFile, _ options: ReplayOptions = ReplayOptions(), without omissions: Omissions = .none,
        judged: JudgedOutcomes = JudgedOutcomes()
    ) throws {
        self.file = file
        self.judged = judged
        self.omissions = omissions
        litmus = try LitmusMachine(file, options) { machine in
            try MachineScene.fillLists(machine, cpus: file.sequences.count)
        }
    }

    deinit { runs.end(litmus.machine) }

    /// The scene.
    public var scene: Scene {
        // `reset` keeps this object; what runs on a strand must not.
        let me = Borrowed(self)
        return Scene(
            reset: { [self] hook in
                self.hook = hook
                guard let hook else { return litmus.machine.explore(with: nil) }
                runs.begin()
                failure = nil
                litmus.begin(hook, without: omissions)
            },
            bodies: file.sequences.indices.map { number in { me.use { $0.act(number) } } },
            outcome: { me.use { $0.look() } },
            inspect: { [litmus] event, strand in litmus.machine.brokenUse(event, by: strand) },
            describe: { [litmus] event in litmus.machine.describe(event) },
            failure: { [self] in failure ?? litmus.failure })
    }

    private func act(_ number: Int) {
        litmus.act(number) {
            hook?.noted(.label($0.trimmingPrefix { $0 == " " }.description), on: litmus.machine.cpu(number))
        }
    }

    private func look() -> String {
        do {
            let (text, broken) = try litmus.finish()
            judged.note(text, broken)
            runs.completed()
            return text
        } catch {
            failure = error
            return ""
        }
    }
}

// Run after run: puts the scene back, lets the strands go under a chooser, takes the outcome, and counts. What is explored
// is a scene (Scene.swift); what came of it is an exploration. Neighbours: Search (who chooses), Minimiser.swift (fewer
// preemptions), ParallelExplorer.swift (several cores).

import Quire

/// How an explorer searches.
public enum Strategy: Hashable, Sendable {
    /// Every schedule with at most so many preemptions.
    case exhaustive(preemptions: Int?)
    /// About one schedule of each class that differs only in the order of independent steps.
    case dpor
    /// Random priorities with `depth` − 1 changes.
    case pct(seed: UInt64, depth: Int)
    /// A fair choice at each step.
    case random(seed: UInt64)

    /// Whether the search can end, so that "none" means none.
    public var isComplete: Bool {
        switch self {
        case .exhaustive, .dpor: true
        case .pct, .random: false
        }
    }
}

/// Explores scenes.
public struct Explorer {
    public var strategy = Strategy.dpor
    /// The most runs.
    public var budget = 1_000_000
    /// The most seconds; nil: as long as it takes.
    public var seconds: Double?
    /// Whether plain stores wait in a buffer of their CPU, as on x86 (x86-TSO); else memory is sequentially consistent.
    public var hasStoreBuffers = false
    /// The most CPUs and store buffers that `dpor` takes.
    public static let mostActorsOfDPOR = DPORChooser.mostStrands
    /// Outcomes that end the search when they are seen first.
    public var stopsAt: ((String, Exploration.Found) -> Bool)?

    public init(_ strategy: Strategy = .dpor, budget: Int = 1_000_000) {
        self.strategy = strategy
        self.budget = budget
    }

    func makeChooser(prefix: [UInt8] = []) -> Chooser {
        switch strategy {
        case .exhaustive(let preemptions): ExhaustiveChooser(preemptions: preemptions ?? .max, prefix: prefix)
        case .dpor: DPORChooser()
        case .pct(let seed, let depth): PCTChooser(seed: seed, depth: depth)
        case .random(let seed): RandomChooser(seed: seed)
        }
    }

    /// Runs the scene until the search ends, the budget is used up or the scene says that it cannot be run.
    public func explore(_ scene: Scene, progress: ((Exploration) -> Void)? = nil) -> Exploration {
        explore(scene, makeChooser(), progress)
    }

    func explore(_ scene: Scene, _ chooser: Chooser, _ progress: ((Exploration) -> Void)?) -> Exploration {
        let scheduler = Scheduler(chooser, scene, hasStoreBuffers: hasStoreBuffers)
        defer { scene.reset(nil) }
        var result = Exploration()
        let clock = ContinuousClock()
        let begin = clock.now
        var isStopped = false
        repeat {
            let outcome = run(scene, scheduler)
            if let failure = scene.failure?() {
                result.failure = failure
                isStopped = true
            } else if chooser.isRedundant {
                result.redundant += 1
            } else {
                result.note(outcome, scheduler, chooser)
                if let stopsAt, let found = result.outcomes[outcome.text], found.count == 1 {
                    isStopped = stopsAt(outcome.text, found)
                }
            }
            if (result.executions + result.redundant) & 255 == 0 {
                result.seconds = (clock.now - begin) / .seconds(1)
                if let seconds, result.seconds >= seconds { break }
                progress?(result)
            }
        } while !isStopped && result.executions < budget && chooser.advance()
        result.isExhausted = chooser.isExhausted && !isStopped
        result.seconds = (clock.now - begin) / .seconds(1)
        return result
    }

    /// One run from the beginning to its outcome.
    func run(_ scene: Scene, _ scheduler: Scheduler) -> Outcome {
        scene.reset(scheduler)
        let end = scheduler.run()
        switch end {
        case .completed:
            let (text, broken) = scheduler.ask()
            if let broken { return Outcome(text: "violation: \(broken)", end: .violation(broken)) }
            return Outcome(text: text, end: .completed)
        case .deadlock: return Outcome(text: "deadlock: \(LockCycle(scheduler.trace, end).text)", end: end)
        case .tooLong: return Outcome(text: "livelock", end: end)
        case .violation(let text): return Outcome(text: "violation: \(text)", end: end)
        }
    }

    /// Runs the scene once, by a saved schedule.
    public func replay(_ scene: Scene, _ schedule: Schedule) -> ReplayedRun {
        let chooser = ReplayChooser(schedule)
        let scheduler = Scheduler(chooser, scene, hasStoreBuffers: hasStoreBuffers)
        defer { scene.reset(nil) }
        let recorder = scene.describe.map { DrawingRecorder(scheduler, describe: $0) }
        let outcome = run(scene, scheduler)
        return ReplayedRun(
            outcome: outcome.text, end: outcome.end, trace: scheduler.trace, fits: !chooser.hasStrayed,
            preemptions: scheduler.preemptions, drawing: recorder?.finish(outcome) ?? [], failure: scene.failure?())
    }
}

/// What a run came to.
struct Outcome {
    var text: String
    var end: RunEnd
}

/// A run by a saved schedule.
public struct ReplayedRun: Sendable {
    public var outcome: String
    public var end: RunEnd
    public var trace: [Step]
    /// Whether the run could follow the schedule; else it is of another scene or of other code.
    public var fits: Bool
    public var preemptions: Int
    /// What each CPU did, to be drawn; empty where the scene cannot tell.
    public var drawing: [DrawnStep]
    /// Why the scene could not be run to its end.
    public var failure: (any Error)?
}

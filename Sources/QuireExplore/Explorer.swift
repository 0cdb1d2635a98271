// Run after run: puts the scene back, lets the strands go under a chooser, takes the outcome, and counts. What is explored
// is a scene: how it starts, what each simulated CPU does, and what came of it.

public import Quire

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
}

/// Something to explore.
public struct Scene {
    /// Puts everything back to the beginning and hands operations to the hook.
    public var reset: (ScheduleHook) -> Void
    /// What each simulated CPU does; number n runs on CPU n.
    public var bodies: [() -> Void]
    /// What came of a run, once all have ended.
    public var outcome: () -> String

    public init(reset: @escaping (ScheduleHook) -> Void, bodies: [() -> Void], outcome: @escaping () -> String) {
        self.reset = reset
        self.bodies = bodies
        self.outcome = outcome
    }
}

/// What an exploration came to.
public struct Exploration: Sendable {
    /// One outcome: how often, and the schedule that first led to it.
    public struct Found: Sendable {
        public var count = 0
        public var schedule: Schedule
        public var end: RunEnd
        public var trace: [Step]
    }

    /// By outcome.
    public var outcomes: [String: Found] = [:]
    public var executions = 0
    /// Whether the search ended inside its bound: only then does "none" mean none.
    public var isExhausted = false
}

/// Explores scenes.
public struct Explorer {
    public var strategy = Strategy.dpor
    /// The most runs.
    public var budget = 1_000_000

    public init(_ strategy: Strategy = .dpor, budget: Int = 1_000_000) {
        self.strategy = strategy
        self.budget = budget
    }

    private func makeChooser() -> Chooser {
        switch strategy {
        case .exhaustive(let preemptions): ExhaustiveChooser(preemptions: preemptions ?? .max)
        case .dpor: DPORChooser()
        case .pct(let seed, let depth): PCTChooser(seed: seed, depth: depth)
        case .random(let seed): RandomChooser(seed: seed)
        }
    }

    /// Runs the scene until the search ends or the budget is used up.
    public func explore(_ scene: Scene) -> Exploration {
        let chooser = makeChooser()
        let scheduler = Scheduler(chooser)
        var result = Exploration()
        repeat {
            scene.reset(scheduler)
            let end = scheduler.run(scene.bodies)
            if (chooser as? DPORChooser)?.isRedundant == true { continue }
            result.executions += 1
            let outcome = end == .completed ? scene.outcome() : "\(Self.name(of: end))"
            if result.outcomes[outcome] == nil {
                result.outcomes[outcome] = Exploration.Found(
                    schedule: chooser.schedule, end: end, trace: scheduler.trace)
            }
            result.outcomes[outcome]?.count += 1
        } while result.executions < budget && chooser.advance()
        result.isExhausted = chooser.isExhausted
        return result
    }

    /// Runs the scene once, by a saved schedule. The outcome, and whether the schedule fitted.
    public func replay(_ scene: Scene, _ schedule: Schedule) -> (outcome: String, trace: [Step], fits: Bool) {
        let chooser = ReplayChooser(schedule)
        let scheduler = Scheduler(chooser)
        scene.reset(scheduler)
        let end = scheduler.run(scene.bodies)
        let outcome = end == .completed ? scene.outcome() : Self.name(of: end)
        return (outcome, scheduler.trace, !chooser.hasStrayed)
    }

    private static func name(of end: RunEnd) -> String {
        switch end {
        case .completed: "completed"
        case .deadlock: "deadlock"
        case .tooLong: "livelock"
        }
    }
}

// A mutation: the memory manager without one of the things that it does for the sake of other CPUs, and the scene in which that
// shows. The suite of all says whether the explorer finds what it should, and how fast: docs/mutations.md.

public import Quire

/// The core without something, and the scene that finds it.
public struct Mutation: Sendable {
    /// What is left out. More than one where each alone suffices: two nets under one trapeze.
    public var safeguards: Set<Safeguard>
    /// What would be broken, in a line.
    public var title: String
    /// The scene: its variant `before` is the core without the safeguards, `after` the core as it is.
    public var scenario: Scenario

    /// As in "forkSequenceAgain", or the names of several.
    public var name: String { safeguards.map { "\($0)" }.sorted().joined(separator: "+") }

    init(_ safeguards: Safeguard..., title: String, scenario: Scenario) {
        self.safeguards = Set(safeguards)
        self.title = title
        self.scenario = scenario
        self.scenario.before = Omissions(safeguards: self.safeguards)
    }

    /// One that has a scene of its own. `base`: what the scene's machine never has, as on some processors.
    init(
        _ safeguards: Safeguard..., title: String, strategy: Strategy = .exhaustive(preemptions: 2),
        chances: Set<Chance> = [], without base: Set<Safeguard> = [],
        isBad: @escaping @Sendable (String) -> Bool = { $0.contains("lost") },
        outcome: @escaping @Sendable (Process) -> String = { $0.pinText() },
        scene: @escaping @Sendable (Omissions) throws -> MachineScene
    ) {
        self.safeguards = Set(safeguards)
        self.title = title
        scenario = Scenario(
            safeguards.map { "\($0)" }.joined(separator: "+"), title, rows: [],
            before: Omissions(safeguards: self.safeguards), chances: chances, strategy: strategy, isBad: isBad,
            outcome: outcome
        ) { omissions in
            var all = omissions
            all.safeguards.formUnion(base)
            return try scene(all)
        }
    }

    /// What a search came to.
    public struct Result: Sendable {
        public var isFound: Bool
        /// The execution that was the first to show it, of all where it was not found.
        public var executions: Int
        public var seconds: Double
        /// What the run came to that shows it; nil where none does.
        public var outcome: String?
        /// Preemptions of the schedule that was found, not yet made smaller.
        public var preemptions: Int
        public var exploration: Exploration
    }

    /// Looks for what the core does wrong without the safeguards, and stops at the first finding.
    public func search(
        strategy: Strategy? = nil, budget: Int = 1_000_000, seconds: Double? = nil
    ) throws -> Result {
        let result = try scenario.search(.before, strategy: strategy, budget: budget, seconds: seconds)
        let exploration = result.exploration
        guard case .found(let outcome) = result.verdict, let found = exploration.outcomes[outcome] else {
            return Result(
                isFound: false, executions: exploration.executions, seconds: exploration.seconds, outcome: nil,
                preemptions: 0, exploration: exploration)
        }
        return Result(
            isFound: true, executions: found.first, seconds: exploration.seconds, outcome: outcome,
            preemptions: found.preemptions, exploration: exploration)
    }

    /// Those of the suite, in the order of docs/mutations.md.
    public static let suite: [Mutation] =
        ofTables + ofTranslations + ofBlocks + ofFaults + ofPins + ofMappings + ofLocks

    /// The suite, and what named scenarios leave out beyond it.
    public static let all: [Mutation] = suite + ofScenarios

    private static var ofScenarios: [Mutation] {
        var known = Set(suite.map(\.safeguards))
        return Scenario.all.compactMap { scenario in
            guard let safeguards = scenario.before?.safeguards, !safeguards.isEmpty, known.insert(safeguards).inserted
            else { return nil }
            return Mutation(safeguards, scenario)
        }
    }

    private init(_ safeguards: Set<Safeguard>, _ scenario: Scenario) {
        self.safeguards = safeguards
        title = scenario.title
        self.scenario = scenario
    }

    /// The mutation with a name, whatever its case.
    public static func named(_ name: String) -> Mutation? { all.first { $0.name.lowercased() == name.lowercased() } }

    static func scenario(_ name: String) -> Scenario {
        let all = Scenario.emptyTables + Scenario.contiguousRaces + Scenario.pinRaces + Scenario.exclusivityRaces
        guard let found = all.first(where: { $0.name == name }) else { preconditionFailure("no scenario \(name)") }
        return found
    }
}

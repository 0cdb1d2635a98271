// A named scenario: a race that somebody has described, on the real core, in two variants. Before: the core without the
// safeguard that the race is about, where the search must find it. After: the core as it is, where the search must come to its
// end without finding anything. docs/races.md has a paragraph and a diagram for each.

public import Quire

/// A race with a name.
public struct Scenario: Sendable {
    /// As in "R-06".
    public var name: String
    /// A line for lists.
    public var title: String
    /// The rows of the specification that it belongs to.
    public var rows: [String]
    /// What the core does without for the variant `before`; nil where there is only the core as it is (the matrix of pairs).
    public var before: Omissions?
    /// What may happen by chance in both variants.
    public var chances: Set<Chance>
    /// How both variants are searched unless somebody says otherwise.
    public var strategy: Strategy
    /// Whether an outcome that completes is one that must not be; violations, deadlocks and livelocks always are.
    public var isBad: @Sendable (String) -> Bool
    /// Makes the scene with what the core does without.
    public var make: @Sendable (Omissions) throws -> MachineScene
    /// What came of a run.
    public var outcome: @Sendable (Process) -> String

    public init(
        _ name: String, _ title: String, rows: [String], before: Omissions?, chances: Set<Chance> = [],
        strategy: Strategy = .exhaustive(preemptions: 2), isBad: @escaping @Sendable (String) -> Bool = { _ in false },
        outcome: @escaping @Sendable (Process) -> String = { process in
            let status = process.status()
            return "RssAnon \(status.anonymous) VmPTE \(status.pageTables)"
        },
        make: @escaping @Sendable (Omissions) throws -> MachineScene
    ) {
        self.name = name
        self.title = title
        self.rows = rows
        self.before = before
        self.chances = chances
        self.strategy = strategy
        self.isBad = isBad
        self.outcome = outcome
        self.make = make
    }

    /// One of the two forms of a scenario.
    public enum Variant: String, Sendable, CaseIterable { case before, after }

    /// The scene of a variant. `before` of a scenario that has none is the core as it is.
    public func scene(_ variant: Variant, alsoWithout more: Omissions = .none) throws -> Scene {
        var omissions = variant == .before ? before ?? .none : .none
        omissions.safeguards.formUnion(more.safeguards)
        omissions.locks.formUnion(more.locks)
        omissions.chances.formUnion(chances.union(more.chances))
        return try make(omissions).scene(outcome)
    }

    /// Whether an outcome breaks the scenario's condition.
    public func isBroken(_ text: String, _ found: Exploration.Found) -> Bool { found.isBroken || isBad(text) }

    /// What a variant came to: found or exhausted, as it must be.
    public struct Result: Sendable {
        public var variant: Variant
        public var verdict: Verdict
        public var exploration: Exploration
        /// Whether it is what the scenario promises: `before` found, `after` exhausted without a finding.
        public var isAsPromised: Bool
    }

    /// Searches a variant. `before` ends at the first finding.
    public func search(
        _ variant: Variant, strategy: Strategy? = nil, budget: Int = 2_000_000, seconds: Double? = nil,
        progress: ((Exploration) -> Void)? = nil
    ) throws -> Result {
        var explorer = Explorer(strategy ?? self.strategy, budget: budget)
        explorer.seconds = seconds
        let scene = try scene(variant)
        if variant == .before { explorer.stopsAt = { text, found in isBroken(text, found) } }
        let exploration = explorer.explore(scene, progress: progress)
        let verdict = Verdict(exploration) { isBroken($0, $1) }
        let isAsPromised =
            switch (variant, verdict) {
            case (.before, .found): true
            case (.before, _): before == nil
            case (.after, .holds): true
            case (.after, _): false
            }
        return Result(variant: variant, verdict: verdict, exploration: exploration, isAsPromised: isAsPromised)
    }
}

extension Scenario {
    /// All, in the order of their names.
    public static let all: [Scenario] = [
        (emptyTables + translationRaces + retractAndMove).sorted { $0.name < $1.name },
        contiguousRaces, pinRaces, exclusivityRaces, areaLocks, questionOneScenes, hookMatrix, asyncReclaim,
        reclaimMatrix,
        userPairs, splitPairs,
    ].flatMap { $0 }

    /// The scenario with a name, whatever its case.
    public static func named(_ name: String) -> Scenario? { all.first { $0.name.lowercased() == name.lowercased() } }
}

// What `quire race` explores: a litmus file or a named scenario, behind one face.

import Quire
import QuireExplore
import QuireWorkload

/// A litmus file or a variant of a scenario.
struct RaceSubject: Sendable {
    /// How one outcome is judged.
    struct Condition: Sendable {
        /// As in "never r1 == 8".
        var text: String
        /// Whether an outcome breaks it.
        var isBroken: @Sendable (String, Exploration.Found) -> Bool
    }

    var name: String
    var title: String
    var variant: Scenario.Variant?
    var cpus: Int
    var conditions: [Condition]
    var makeScene: @Sendable (Omissions) throws -> Scene

    /// A litmus file.
    init(file: LitmusFile, _ options: ReplayOptions) {
        name = file.file
        title = file.title
        cpus = file.sequences.count
        let judged = JudgedOutcomes()
        conditions =
            file.judgements.enumerated().map { number, judgement in
                Condition(text: "\(judgement.isExpected ? "expect" : "never") \(judgement.text)") { text, _ in
                    judged[text].contains(number)
                }
            } + [Self.machineHolds]
        makeScene = { omissions in try LitmusScene(file, options, without: omissions, judged: judged).scene }
    }

    /// A variant of a scenario.
    init(scenario: Scenario, _ variant: Scenario.Variant, threads: Int?) throws {
        name = scenario.name
        title = scenario.title
        self.variant = variant
        conditions = [
            Condition(text: "nothing goes wrong") { text, found in scenario.isBroken(text, found) }
        ]
        makeScene = { omissions in
            try SceneTerms.$threads.withValue(threads) { try scenario.scene(variant, alsoWithout: omissions) }
        }
        cpus = try makeScene(.none).bodies.count
    }

    /// That the memory manager itself does not fail.
    private static let machineHolds = Condition(text: "no violation, deadlock or livelock") { _, found in found.isBroken
    }

    /// Whether an outcome breaks any condition.
    func isBroken(_ text: String, _ found: Exploration.Found) -> Bool {
        conditions.contains { $0.isBroken(text, found) }
    }
}

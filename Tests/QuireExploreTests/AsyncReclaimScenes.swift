// The background reclaimer beside everything that may happen to the same table: Scenarios/AsyncReclaim.swift. Where a
// safeguard is left out the search finds what it is there for, and the core as it is comes through every schedule.

import Quire
import QuireExplore
import Testing

@Suite struct AsyncReclaimScenes {
    static let all = Scenario.all.filter { $0.name.hasPrefix("A-") }

    @Test(arguments: all.filter { $0.before != nil }.map(\.name)) func whatASafeguardIsForIsFoundWithoutIt(
        _ name: String
    ) throws {
        let result = try Scenario.named(name)!.search(.before)
        #expect(result.isAsPromised, "\(result.verdict)")
    }

    /// A-03 in the suite with one preemption, for its time's sake.
    @Test(arguments: all.map(\.name)) func theCoreAsItIsComesThrough(_ name: String) throws {
        let strategy: Strategy? = name == "A-03" ? .exhaustive(preemptions: 1) : nil
        let result = try Scenario.named(name)!.search(.after, strategy: strategy)
        #expect(result.isAsPromised, "\(result.exploration.outcomes.keys.sorted())")
    }
}

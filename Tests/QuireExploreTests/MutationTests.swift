// The mutation suite: whatever the core does for the sake of other CPUs, it is seen to be missing.

import Quire
import QuireExplore
import Testing

@Suite struct MutationTests {
    @Test(arguments: Mutation.suite.map(\.name)) func isFound(_ name: String) throws {
        let mutation = try #require(Mutation.named(name))
        let result = try mutation.search(strategy: .pct(seed: 1, depth: 3), budget: 20_000)
        #expect(result.isFound && result.outcome != nil)
    }

    /// Each thing that the core can be explored without is left out by some mutation of the suite or by a named scenario.
    @Test func everySafeguardHasASceneThatFindsItMissing() {
        var found: Set<Safeguard> = []
        for mutation in Mutation.all { found.formUnion(mutation.safeguards) }
        #expect(Set(Safeguard.allCases).subtracting(found) == [])
    }

    /// Of two nets each holds alone: the pair is in the suite, and one of it missing changes nothing.
    @Test(arguments: [Safeguard.exclusiveAfterCopy]) func oneOfTwoNetsIsEnough(_ safeguard: Safeguard) throws {
        let pair = try #require(Mutation.all.first { $0.safeguards.contains(safeguard) && $0.safeguards.count > 1 })
        var alone = pair.scenario
        alone.before = Omissions(safeguards: [safeguard])
        let result = try alone.search(.before, strategy: .dpor)
        #expect(result.exploration.isExhausted && !result.isAsPromised)
    }

    @Test func namesAreUnique() { #expect(Set(Mutation.all.map(\.name)).count == Mutation.all.count) }
}

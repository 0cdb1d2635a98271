// The named scenarios: what they promise, as far as it can be had in a second each. The rest is `quire race --all`.

import QuireExplore
import Testing

@Suite struct ScenarioTests {
    /// How `before` is searched here, where the scenario's own bound takes too long for a debug build.
    private static let quicker: [String: Strategy] = [
        // A thousand steps and more in each run: a switch in the middle of the first look comes to the same.
        "R-07": .pct(seed: 3, depth: 2),
        "R-09": .exhaustive(preemptions: 1),
        "R-02": .exhaustive(preemptions: 1),
        "R-03": .exhaustive(preemptions: 1),
        "R-04": .exhaustive(preemptions: 1),
    ]

    private static let races = ["R-01", "R-02", "R-03", "R-04", "R-05", "R-06", "R-07", "R-08", "R-09"]

    private static func named(_ name: String) throws -> Scenario { try #require(Scenario.named(name)) }

    @Test func namesAreGivenOnce() {
        let names = Scenario.all.map { $0.name.lowercased() }
        #expect(Set(names).count == names.count)
    }

    @Test(arguments: races)
    func theRaceIsFoundWithoutItsSafeguardAndReplaysToTheSameEnd(name: String) throws {
        let scenario = try Self.named(name)
        let result = try scenario.search(
            .before, strategy: Self.quicker[name], budget: 30_000)
        #expect(result.isAsPromised)
        let (text, found) = try #require(
            result.exploration.outcomes.first { scenario.isBroken($0.key, $0.value) })
        let scene = try scenario.scene(.before)
        let explorer = Explorer(scenario.strategy)
        var schedule = found.schedule
        if found.preemptions > 3 {
            let least = explorer.minimise(scene, text, from: found, budget: 2_000)
            #expect(least.preemptions <= 3)
            schedule = least.schedule
        }
        let first = explorer.replay(scene, schedule)
        #expect(first.outcome == text && first.fits && first.preemptions <= 3)
        for _ in 0..<99 {
            let again = explorer.replay(scene, schedule)
            #expect(again.outcome == text && again.fits && again.trace == first.trace)
        }
    }

    @Test(arguments: ["R-01", "R-02", "R-03", "R-04", "R-05", "R-06", "R-08", "R-09"])
    func theSameRaceIsNotThereInTheCoreAsItIs(name: String) throws {
        // With one preemption, or the one chance; the bound of the scenario itself takes seconds.
        let result = try Self.named(name).search(.after, strategy: .exhaustive(preemptions: 1))
        #expect(result.isAsPromised, "\(result.verdict)")
    }

    // MARK: Q1 and Q4

    @Test(arguments: ["Q1-page", "Q1-table", "Q1-page-3", "Q1-table-3"])
    func nobodyUsesAPageAfterTheCallThatDiscardedIt(name: String) throws {
        let result = try Self.named(name).search(.after, strategy: .exhaustive(preemptions: 1))
        #expect(result.isAsPromised, "\(result.verdict)")
        // The races that user space cannot tell from an earlier access: a lost store, and a store that came after.
        #expect(result.exploration.outcomes.keys.contains { $0.contains("page=0") })
        #expect(result.exploration.outcomes.keys.contains { $0.contains("page=1") })
    }

    @Test(arguments: Scenario.all.filter { $0.name.hasPrefix("Q4-") }.map(\.name))
    func hooksKeepTranslationsApartWhereTheTableSaysSo(name: String) throws {
        let scenario = try Self.named(name)
        for variant in Scenario.Variant.allCases where variant == .after || scenario.before != nil {
            let result = try scenario.search(variant, strategy: .exhaustive(preemptions: 1))
            #expect(result.isAsPromised, "\(variant): \(result.verdict)")
        }
    }

    // MARK: Pairs that nobody drew

    @Test(arguments: Scenario.all.filter { $0.name.hasPrefix("M-sync-") && !$0.name.contains("collapse") }.map(\.name))
    func whoeverUsesTablesCanStandTheirReclaim(name: String) throws {
        let result = try Self.named(name).search(.after, strategy: .exhaustive(preemptions: 1))
        #expect(result.isAsPromised, "\(result.verdict)")
    }

    // MARK: Found by the explorer

    /// What was wrong was the book-keeping of pins: MADV_DONTNEED ended the promises of a range before it cleared the
    /// entries, so that a pin taken without a lock in between was said to have lost its page.
    @Test func aPinTakenWhileItsPageIsDiscardedLosesItsPromise() throws {
        let result = try Self.named("M-sync-gup-fast").search(.after, strategy: .exhaustive(preemptions: 2))
        #expect(result.isAsPromised, "\(result.verdict)")
    }

    /// The same with mremap: the promise moved before the entry did.
    @Test func aPinTakenWhileItsPageIsMovedMovesAlong() throws {
        for name in ["P-mremap-gup-fast", "P-mremap-table-gup-fast"] {
            let result = try Self.named(name).search(.after)
            #expect(result.isAsPromised, "\(result.verdict)")
        }
    }
}

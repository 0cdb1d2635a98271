// The named races of pins, exclusivity and contiguous blocks: what each promises, by searches short enough for a test.

import Quire
import QuireExplore
import Testing

@Suite struct PinRaceTests {
    /// Races of this file, and how the one without the safeguard is found.
    static let names = [
        "R-10", "R-11", "R-12", "R-13-share", "R-13-migrate", "R-13-unmap", "R-14", "R-15", "R-15-owner", "S1-08",
    ]

    @Test(arguments: names) func withoutItsSafeguardItIsFoundAndReplays100Times(_ name: String) throws {
        let scenario = try #require(Scenario.named(name))
        let result = try scenario.search(.before, strategy: .pct(seed: 1, depth: 3), budget: 20_000)
        #expect(result.isAsPromised)
        guard case .found(let outcome) = result.verdict else { return }
        let found = try #require(result.exploration.outcomes[outcome])
        let scene = try scenario.scene(.before)
        let first = Explorer().replay(scene, found.schedule)
        for _ in 1..<100 {
            let again = Explorer().replay(scene, found.schedule)
            #expect(again.outcome == outcome && again.fits && again.trace == first.trace)
        }
        let least = Explorer().minimise(scene, outcome, from: found, budget: 4_000)
        #expect(least.preemptions <= 3)
        let drawn = Explorer().replay(scene, least.schedule)
        #expect(drawn.outcome == outcome && drawn.fits && !drawn.drawing.isEmpty)
    }

    @Test(arguments: ["R-10", "R-12", "R-13-share", "R-14", "R-15"])
    func withItsSafeguardNothingIsFoundInAnyClassOfSchedules(_ name: String) throws {
        let scenario = try #require(Scenario.named(name))
        let result = try scenario.search(.after, strategy: .dpor)
        #expect(result.isAsPromised && result.exploration.isExhausted, "\(result.verdict)")
    }

    /// A lock-free reader that finds a block inconsistent twice waited for a change of its own entry, which may have come already.
    @Test(arguments: ["R-11", "S1-08"]) func aReaderOfABlockDoesNotWaitForWhatIsOver(_ name: String) throws {
        let scenario = try #require(Scenario.named(name))
        let result = try scenario.search(.after, strategy: .exhaustive(preemptions: 1))
        #expect(result.isAsPromised, "\(result.verdict)")
    }

    /// The owner of a folio, its mappings and its references were compared without the folio's lock, while another fault
    /// counted them down one after the other: a page that the other process still maps became exclusive.
    @Test func aFolioThatIsBeingUnmappedElsewhereIsNotTakenForExclusive() throws {
        let scenario = try #require(Scenario.named("R-15-owner"))
        let before = try scenario.search(.before, strategy: .pct(seed: 1, depth: 3), budget: 20_000)
        guard case .found(let outcome) = before.verdict else { throw Lost() }
        let schedule = try #require(before.exploration.outcomes[outcome]).schedule
        // The same choices, with the lock: it is another run by then, and nothing is wrong with it.
        let after = Explorer().replay(try scenario.scene(.after), schedule)
        #expect(after.end == .completed)
        #expect(try scenario.search(.after, strategy: .dpor).isAsPromised)
    }

    /// The pins that a zap ends were looked up before its entries were gone: one that came in between was taken for broken.
    @Test func aPinThatIsTakenWhileItsPageIsGivenBackIsNoBrokenPromise() throws {
        let mutation = try #require(Mutation.named("grabNotFromZero"))
        let result = try mutation.scenario.search(.after, strategy: .exhaustive(preemptions: 1))
        #expect(result.isAsPromised, "\(result.verdict)")
    }

    /// S2-03: the moment between taking a pin and giving it back again is seen by fork, which then copies. It is no violation.
    @Test func forkMayTakeAPageForPinnedThatNobodyPins() throws {
        let scenario = try #require(Scenario.named("S2-03"))
        let result = try scenario.search(.after, strategy: .dpor)
        #expect(result.isAsPromised)
        #expect(
            Set(result.exploration.outcomes.keys) == [
                "not pinned: the page is exclusive, the child has a copy",
                "not pinned: the page is maybe shared, the child has the same",
                "pinned: the page is exclusive, the child has a copy",
            ])
    }

    private struct Lost: Error {}
}

// Faults under their area's lock against whoever changes areas: each safeguard is missed where it is left out, and nothing is
// found in the core as it is.

import Quire
import QuireExplore
import Testing

@Suite struct AreaLockSceneTests {
    static let scenarios = Scenario.all.filter { $0.name.hasPrefix("vma-lock") || ["R-27", "R-28"].contains($0.name) }

    @Test(arguments: scenarios.filter { $0.before != nil }.map(\.name))
    func whatIsLeftOutIsMissed(_ name: String) throws {
        let result = try Scenario.named(name)!.search(.before, budget: 200_000)
        #expect(result.isAsPromised, "\(name): \(result.verdict)")
        print("\(name) before: \(result.exploration.executions) executions, \(result.verdict)")
    }

    @Test(arguments: scenarios.map(\.name))
    func nothingIsFoundInTheCoreAsItIs(_ name: String) throws {
        let result = try Scenario.named(name)!.search(.after, strategy: .exhaustive(preemptions: 2), budget: 200_000)
        #expect(result.isAsPromised, "\(name): \(result.verdict)")
        print(
            "\(name) after: \(result.exploration.executions) executions, \(result.exploration.outcomes.keys.sorted())")
    }
}

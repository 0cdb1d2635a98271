// The explorer's searches against a peer that is too simple to be wrong: the same outcomes, no more and no fewer, under
// sequential consistency and with store buffers.

import QuireExplore
import Testing

/// Numbers that a seed determines.
private struct Random: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state >> 33 ^ state << 31
    }
}

private func explorer(_ strategy: Strategy, _ hasStoreBuffers: Bool, budget: Int = 400_000) -> Explorer {
    var explorer = Explorer(strategy, budget: budget)
    explorer.hasStoreBuffers = hasStoreBuffers
    return explorer
}

@Suite struct MemoryModelTests {
    @Test func thereAreEnoughOfThem() { #expect(classicPrograms.count >= 25) }

    @Test func storeBufferingIsSeenWithBuffersAlone() {
        let program = classicPrograms[0]
        #expect(!program.outcomes(hasStoreBuffers: false).contains("0 | 0 : 1 1 0 0"))
        #expect(program.outcomes(hasStoreBuffers: true).contains("0 | 0 : 1 1 0 0"))
    }

    @Test(arguments: classicPrograms, [false, true])
    func exhaustiveSearchGivesTheKnownOutcomes(_ program: SmallProgram, _ hasStoreBuffers: Bool) {
        // Four threads with buffers have more schedules than a test has time for: DPOR's part.
        if hasStoreBuffers, program.threads.flatMap({ $0 }).count > 6 { return }
        let result = explorer(.exhaustive(preemptions: nil), hasStoreBuffers).explore(program.scene())
        #expect(result.isExhausted)
        #expect(Set(result.outcomes.keys) == program.outcomes(hasStoreBuffers: hasStoreBuffers))
    }

    @Test(arguments: classicPrograms, [false, true])
    func reducedSearchGivesTheKnownOutcomes(_ program: SmallProgram, _ hasStoreBuffers: Bool) {
        let result = explorer(.dpor, hasStoreBuffers).explore(program.scene())
        #expect(result.isExhausted)
        #expect(Set(result.outcomes.keys) == program.outcomes(hasStoreBuffers: hasStoreBuffers))
    }

    @Test(arguments: classicPrograms, [false, true])
    func randomSearchesGiveTheKnownOutcomes(_ program: SmallProgram, _ hasStoreBuffers: Bool) {
        let known = program.outcomes(hasStoreBuffers: hasStoreBuffers)
        let scene = program.scene()
        for isRandom in [true, false] {
            var seen: Set<String> = []
            for seed in 1...80 as ClosedRange<UInt64> where seen != known {
                let strategy = isRandom ? Strategy.random(seed: seed) : .pct(seed: seed, depth: 2 + Int(seed % 7))
                let result = explorer(strategy, hasStoreBuffers, budget: 2000).explore(scene)
                #expect(!result.isExhausted)
                seen.formUnion(result.outcomes.keys)
            }
            // Priorities take long to come by some of the sixty-six outcomes of four threads with buffers.
            let isLarge = hasStoreBuffers && program.threads.count > 3
            #expect(isRandom || !isLarge ? seen == known : seen.isSubset(of: known))
        }
    }

    @Test(arguments: 0..<60) func randomProgramsHaveTheOutcomesOfThePeer(_ seed: Int) {
        var random = Random(state: UInt64(seed) &* 7919 &+ 1)
        let threads = (0..<Int.random(in: 2...3, using: &random)).map { _ in
            (0..<Int.random(in: 1...3, using: &random)).map { _ in
                let location = Int.random(in: 0...1, using: &random)
                return switch Int.random(in: 0..<6, using: &random) {
                case 0...2: Instruction.store(location, UInt64.random(in: 1...2, using: &random))
                case 3...4: Instruction.load(location)
                default: Instruction.add(location, 1)
                }
            }
        }
        let program = SmallProgram("random \(seed)", threads)
        for hasStoreBuffers in [false, true] {
            let result = explorer(.dpor, hasStoreBuffers).explore(program.scene())
            #expect(result.isExhausted, "\(threads)")
            #expect(
                Set(result.outcomes.keys) == program.outcomes(hasStoreBuffers: hasStoreBuffers),
                "\(threads), buffers \(hasStoreBuffers)")
        }
    }
}

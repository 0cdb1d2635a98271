// How the cost of a call grows with the number of areas, by counting visits of tree nodes: no clock, so the same on every
// machine. Debug builds count.

import Testing

@testable import Quire

@Suite struct AreaCostTests {
    #if DEBUG
        /// Areas of three pages, with three free pages or more below each, in a seeded order; no two merge.
        private func layout(_ count: Int) throws -> (test: TestMachine, order: [UInt64]) {
            let test = try TestMachine()
            var random = SeededRandom(seed: 7)
            var starts: [UInt64] = []
            var at: UInt64 = 0x10_0000_0000
            for _ in 0..<count {
                at += UInt64(6 + random.below(8)) * page
                starts.append(at)
            }
            for start in starts.shuffled(using: &random) { _ = try test.map(3 * page, at: start, .read) }
            return (test, (0..<400).map { _ in starts[random.below(count)] })
        }

        /// Node visits for each of the calls that `body` makes, one for each address.
        private func visits(_ test: TestMachine, _ order: [UInt64], _ body: (UInt64) throws -> Void) rethrows -> Double
        {
            let before = test.core.nodes.visits
            for address in order { try body(address) }
            return Double(test.core.nodes.visits - before) / Double(order.count)
        }

        @Test func visitsGrowWithTheDepthOfTheTreeAlone() throws {
            for count in [250, 1_000, 4_000, 16_000, 60_000] {
                let (test, order) = try layout(count)
                let task = test.task
                let depth = Double(test.space.areas.depth)
                // Nodes are at least half full where they were split: 16 to the power of the depth below the root.
                #expect(test.space.areas.depth <= 1 + (count.bitWidth - count.leadingZeroBitCount) / 4)
                let find = visits(test, order) { _ = test.space.areas.find($0) }
                #expect(find == depth)
                let protect = try visits(test, order) {
                    try task.mprotect($0 + page, page, [.read, .write])
                    try task.mprotect($0 + page, page, .read)
                }
                let fixed = try visits(test, order) {
                    _ = try test.map(page, at: $0 - 2 * page)
                    try task.munmap($0 - 2 * page, page)
                }
                let chosen = try visits(test, order) { _ in
                    let start = try test.map(page)
                    try task.munmap(start, page)
                }
                // Each of a pair's two calls goes down once; what it changes goes up a few levels at most.
                #expect(protect <= 2 * depth + 8, "\(count) areas: \(protect)")
                #expect(fixed <= 2 * depth + 2, "\(count) areas: \(fixed)")
                // The highest range moves the end and the largest gap of every node on its way, and back.
                #expect(chosen <= 5 * depth + 5, "\(count) areas: \(chosen)")
                let search = visits(test, order) { address in
                    _ = test.space.areas.highestGap(length: 3 * page, low: page, high: address, guardGap: 256 * page)
                }
                #expect(search <= 2 * depth + 2, "\(count) areas: \(search)")
                test.space.areas.checkInvariants()
            }
        }
    #else
        @Test(.disabled("visits are counted in debug builds")) func visitsGrowWithTheDepthOfTheTreeAlone() {}
    #endif
}

// The loops of `quire bench areas`: both sides do what they say, and leave nothing behind.

import QuireWorkload
import Testing

@testable import QuireLive

extension LiveTests {
    @Suite struct AreaLoopTests {
        @Test func theLayoutIsTheSameOnBothSidesAndNothingMerges() {
            let layout = AreaLayout(areas: 300)
            #expect(layout.starts == AreaLayout(areas: 300).starts)
            #expect(layout.order(50) == AreaLayout(areas: 300).order(50))
            let sorted = layout.starts.sorted()
            for (low, high) in zip(sorted, sorted.dropFirst()) {
                let end = low + AreaLayout.pages * 4096
                #expect(AreaLayout.free(high) > end && AreaLayout.free(high) + 4096 < high)
            }
        }

        @Test func loopsInThisProcessLeaveNothingBehind() throws {
            let times = try LiveAreas.run(areas: 100, operations: 200)
            #expect(times.protectPair > 0 && times.mapPair > 0 && times.mapFixedPair > 0 && times.find == 0)
            let starts = Set(AreaLayout(areas: 100).starts)
            try MappedArea.forEach(of: processID) { #expect(!starts.contains($0.range.lowerBound)) }
        }

        @Test func theModelIsMeasuredToo() throws {
            let times = try ModelAreas(AreaLayout(areas: 100)).measure(operations: 200)
            #expect(times.protectPair > 0 && times.mapPair > 0 && times.mapFixedPair > 0 && times.find > 0)
        }

        @Test func timesTravelAsALine() throws {
            var times = AreaTimes()
            times.protectPair = 2310.5
            times.mapPair = 2044
            times.mapFixedPair = 0.125
            let read = try #require(AreaTimes(line: times.line))
            #expect(read.protectPair == 2310.5 && read.mapPair == 2044 && read.mapFixedPair == 0.125)
            #expect(AreaTimes(line: "{\"map\":7}") == nil)
        }
    }
}

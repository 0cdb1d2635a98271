// The loops of `quire bench fork`: the model's side, and how the live one's times travel. The live side forks its own
// process, which this one had better not.

import Quire
import QuireWorkload
import Testing

@testable import QuireLive

@Suite struct ForkLoopTests {
    @Test(arguments: ForkedFolios.allCases) func memoryAddsToFork(_ folios: ForkedFolios) throws {
        let times = try ModelForks(folios, bytes: 64 << 20).measure(repetitions: 3)
        #expect(times.with.count == 3 && times.without.count == 3)
        #expect(times.added > 0)
    }

    @Test func timesTravelAsALine() throws {
        var times = ForkTimes()
        times.with = [5000, 6000]
        times.without = [100, 300]
        #expect(times.added == 5300)
        let read = try #require(ForkTimes(line: times.line))
        #expect(read.with == times.with && read.without == times.without)
        for line in ["", "1 2 3", "1 x"] { #expect(ForkTimes(line: line) == nil) }
    }

    @Test func oneSizeAloneIsAllowed() {
        for folios in ForkedFolios.allCases {
            let allowed = folios.settings.filter { $0.path.hasSuffix("kB/enabled") && $0.value != "never" }
            #expect(allowed.count == (folios == .small ? 0 : 1))
        }
    }
}

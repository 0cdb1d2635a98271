// The loops of `quire bench scale`: threads do their work and leave the address space whole.

import QuireHost
import QuireWorkload
import Testing

@Suite struct ScaleLoopTests {
    @Test func twoThreadsFaultAndZapAreasOfTheirOwn() throws {
        let loop = try ScaleLoop(threads: 2)
        // nil where another program was in the way, which is no failure.
        let rate = loop.pagesPerSecond(threads: [0, 1], on: PinnedThreads.processors, for: .milliseconds(1))
        if let rate { #expect(rate > 0) }
        loop.checkInvariants()
    }

    @Test func threadsRunAtOnceAndAreWaitedFor() {
        final class Mark { var isSet = false }
        let marks = (0..<3).map { _ in Mark() }
        PinnedThreads.run(marks.map { mark in { mark.isSet = true } }, on: PinnedThreads.processors)
        for mark in marks { #expect(mark.isSet) }
    }
}

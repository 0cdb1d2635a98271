// The two clocks of a recording: strace stamps CLOCK_REALTIME, tracepoints are stamped CLOCK_MONOTONIC.

import Foundation

/// Reads the clocks and the distance between them.
enum Clock {
    /// CLOCK_REALTIME in nanoseconds (to about 100 ns, what a Date holds).
    static func realtime() -> Int64 { nanoseconds(Date().timeIntervalSince1970) }

    /// CLOCK_REALTIME minus CLOCK_MONOTONIC in nanoseconds: the mean of the tightest pairs of looks, so that neither
    /// a preemption between the two nor the Date's granularity counts.
    static func offset() -> Int64 {
        var samples: [(width: Double, offset: Double)] = []
        let epoch = Date().timeIntervalSinceReferenceDate.rounded(.down)
        for _ in 0..<2000 {
            let before = ProcessInfo.processInfo.systemUptime
            let now = Date().timeIntervalSinceReferenceDate - epoch
            let after = ProcessInfo.processInfo.systemUptime
            samples.append((after - before, now - (before + after) / 2))
        }
        samples.sort { $0.width < $1.width }
        let best = samples.prefix(200).map(\.offset)
        let mean = best.reduce(0, +) / Double(best.count)
        let base = Int64(epoch + Date.timeIntervalBetween1970AndReferenceDate)
        return base * 1_000_000_000 + Int64((mean * 1e9).rounded())
    }

    private static func nanoseconds(_ seconds: TimeInterval) -> Int64 { Int64((seconds * 1e9).rounded()) }
}

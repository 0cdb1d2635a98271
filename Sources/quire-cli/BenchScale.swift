// `quire bench scale`: two real threads that fault and zap areas of their own in one address space, beside two that only spin
// on the same processors, one thread and two of each by turns in short rounds: these machines' second processor comes and
// goes, so the spinning says what there was to be had.

import ArgumentParser
import QuireHost
import QuireWorkload

extension BenchCommand {
    private struct ScaleSamples {
        /// Rounds begun; the others were disturbed by other programs.
        var tried = 0
        var speedUp: [Double] = []
        var spinSpeedUp: [Double] = []
        /// The one over the other, round by round.
        var ratios: [Double] = []
        var pagesPerSecond: [Double] = []
        var pagesPerSecondOfTwo: [Double] = []
    }

    func measureScale() throws {
        if lines { return try showLines() }
        let processors = PinnedThreads.processors
        guard processors.count > 1 else { throw ValidationError("two threads need two processors; here is one") }
        let loop = try ScaleLoop(threads: 2)
        // Short, so that most are undisturbed on a busy machine: six of them make a round.
        let time = Duration.milliseconds(2)
        let count = repetitions * 40
        var samples = ScaleSamples()
        let bar = ProgressBar("scale")
        while samples.ratios.count < count, samples.tried < 50 * count {
            bar.show(samples.ratios.count, of: count)
            // The two processors need not be equally fast: one thread is measured on each.
            let pair = samples.tried % 2 == 0 ? Array(processors.prefix(2)) : [processors[1], processors[0]]
            func pages(_ threads: [Int], _ on: [Int]) -> Double? {
                loop.pagesPerSecond(threads: threads, on: on, for: time)
            }
            func spin(_ threads: [Int], _ on: [Int]) -> Double? {
                ScaleLoop.stepsPerSecond(threads: threads, on: on, for: time)
            }
            samples.tried += 1
            guard let one = pages([0], [pair[0]]), let spinOne = spin([0], [pair[0]]), let two = pages([0, 1], pair),
                let spinTwo = spin([0, 1], pair), let other = pages([1], [pair[1]]),
                let spinOther = spin([1], [pair[1]])
            else { continue }
            let (speedUp, spinSpeedUp) = (2 * two / (one + other), 2 * spinTwo / (spinOne + spinOther))
            samples.speedUp.append(speedUp)
            samples.spinSpeedUp.append(spinSpeedUp)
            samples.ratios.append(speedUp / spinSpeedUp)
            samples.pagesPerSecond.append((one + other) / 2)
            samples.pagesPerSecondOfTwo.append(two)
        }
        bar.finish()
        loop.checkInvariants()
        json ? printJSON(samples) : printTable(samples)
    }

    private func printTable(_ samples: ScaleSamples) {
        var table = TextTable([
            ("fault + MADV_DONTNEED", .left), ("pages/s, one thread", .right), ("two", .right), ("speed-up", .right),
            ("of spin loops", .right), ("ratio", .right), ("rounds", .right), ("of", .right),
        ])
        let (speedUp, spin) = (Samples(samples.speedUp).median, Samples(samples.spinSpeedUp).median)
        table.add([
            "areas of their own", String(Int(Samples(samples.pagesPerSecond).median)),
            String(Int(Samples(samples.pagesPerSecondOfTwo).median)), Self.hundredths(speedUp), Self.hundredths(spin),
            Self.hundredths(Samples(samples.ratios).median), String(samples.ratios.count), String(samples.tried),
        ])
        print(table.render(), terminator: "")
    }

    private func printJSON(_ samples: ScaleSamples) {
        var writer = JSONWriter(to: DescriptorSink(descriptor: 1))
        writer.beginObject(lines: true)
        let (speedUp, spin) = (Samples(samples.speedUp).median, Samples(samples.spinSpeedUp).median)
        for (key, value) in [
            ("pages_per_second", Samples(samples.pagesPerSecond).median),
            ("pages_per_second_of_two", Samples(samples.pagesPerSecondOfTwo).median), ("speed_up", speedUp),
            ("spin_speed_up", spin), ("ratio_of_medians", speedUp / spin),
            ("median_ratio_of_rounds", Samples(samples.ratios).median),
        ] {
            writer.key(key)
            writer.value(decimal: value)
        }
        writer.key("rounds")
        writer.value(UInt64(samples.ratios.count))
        writer.key("rounds_tried")
        writer.value(UInt64(samples.tried))
        writer.endObject()
        try? writer.flush()
        print("")
    }
}

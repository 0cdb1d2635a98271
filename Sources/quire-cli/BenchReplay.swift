// `quire bench replay`: the shipped jemalloc recording over and over; how many lines a second, and how much memory of the
// host.

import ArgumentParser
import QuireHost
import QuireWorkload

extension BenchCommand {
    func replay() throws {
        guard let path = Examples.path(of: "jemalloc.q.xz") else {
            throw ValidationError("the recording Examples/jemalloc.q.xz is not here: run it in Quire's folder")
        }
        var table = TextTable([
            ("replay", .left), ("lines", .right), ("lines/s", .right), ("min", .right), ("max", .right),
            ("host memory kB", .right),
        ])
        // Contents off first: the peak of memory only grows.
        for contents in ["off", "lazy"] {
            var rates: [Double] = []
            var lines = 0
            let bar = ProgressBar("replay, contents \(contents)")
            for repetition in 0..<repetitions {
                bar.show(repetition, of: repetitions)
                let source = try RepeatedSource(path: path, lines: 2_000_000)
                lines = source.lines
                var options = ReplayOptions()
                options.writesCalls = false
                options.writesJSON = true
                options.settings = [("machine.contents", contents)]
                let begin = ContinuousClock.now
                _ = try Replay(options).run(WorkloadReader(source: source, file: path), to: MemorySink())
                rates.append(Double(lines) / (ContinuousClock.now - begin).seconds)
            }
            bar.finish()
            let samples = Samples(rates)
            table.add([
                "contents \(contents)", String(lines), String(Int(samples.median)), String(Int(samples.least)),
                String(Int(samples.most)), String(HostMemory.peakResidentKilobytes),
            ])
        }
        print(table.render(), terminator: "")
    }
}

extension Duration {
    /// The duration in seconds.
    fileprivate var seconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}

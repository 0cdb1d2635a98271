// How every benchmark here is run: prepared once, when it is first asked for, then repeated; what counts is the time
// of one operation of the many that a repetition does.

import Benchmark

extension BenchmarkMetric {
    /// The time of one operation. Picoseconds, since a metric takes whole numbers.
    static var perOperation: BenchmarkMetric { .custom("Time per operation (ps; K: ns)", useScalingFactor: false) }
}

/// Times the part of a repetition that counts.
struct Watch {
    fileprivate let benchmark: Benchmark
    fileprivate let operations: Int

    /// Runs `body`, which does all of a repetition's operations, as the measured part.
    @inline(__always)
    func time<Result>(_ body: () throws -> Result) rethrows -> Result {
        let clock = ContinuousClock()
        benchmark.startMeasurement()
        let start = clock.now
        let result = try body()
        let duration = clock.now - start
        benchmark.stopMeasurement()
        let picoseconds = duration.components.seconds * 1_000_000_000_000 + duration.components.attoseconds / 1_000_000
        benchmark.measurement(.perOperation, Int(picoseconds) / operations)
        return result
    }
}

/// Registers a benchmark. `prepare` makes what it works on, once; `body` does `operations` operations inside
/// `Watch.time` and leaves everything as it was.
func measure<State>(
    _ name: String, operations: Int, prepare: @escaping () throws -> State,
    body: @escaping (State, Watch) throws -> Void
) {
    var prepared: State?
    let configuration = Benchmark.Configuration(
        metrics: [.perOperation, .wallClock, .throughput], warmupIterations: 3, maxDuration: .seconds(2))
    Benchmark(name, configuration: configuration) { benchmark in
        let state = try prepared ?? prepare()
        prepared = state
        try body(state, Watch(benchmark: benchmark, operations: operations))
    }
}

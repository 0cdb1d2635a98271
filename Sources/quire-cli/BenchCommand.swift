// `quire bench`: the figures that Quire promises, each beside the live kernel's in the same run. Repetitions are
// interleaved, so that a machine whose speed drifts drifts for both; medians are quoted.

import ArgumentParser
import Quire
import QuireHost
import QuireLive
import QuireWorkload

/// Measures the model against the live kernel.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure the model's speed against this kernel's, interleaved, as medians.",
        discussion: """
            touch   one page touched and given back by MADV_DONTNEED of 2 MiB: contents off on one thread and with real \
            atomics and locks, and contents eager, each against the live kernel.
            replay  2,000,000 lines, the shipped jemalloc recording over and over: lines a second, host memory.
            inspect `quire inspect` on a process with 1 TB of VIRT and 4 GB of RES, a page in each MiB.
            tlb     streams of references through the TLB model: references a second, misses by mapping size.
            server  the documents' server at full size (VIRT 55 TB, RES 590 GB, VmPTE 110 GB): minutes, up to 8 GB.

            EXAMPLES
              quire bench touch
              quire bench touch --repetitions 9 --json
              quire bench server
            """)

    enum Subject: String, CaseIterable, ExpressibleByArgument { case touch, replay, inspect, tlb, server }

    @Argument(help: "What to measure.")
    var subject = Subject.touch

    @Option(help: "Repetitions of each loop.")
    var repetitions = 5

    @Option(help: "Rounds of 2 MiB in each repetition; for tlb, of 10,000 references.")
    var rounds = 2000

    @Option(help: "For tlb: only rows whose name contains this, such as 'zipf, 1G' or 'arm64 64K'.")
    var only: String?

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard (1...1000).contains(repetitions) else { throw ValidationError("--repetitions takes 1 to 1000") }
        guard (1...1_000_000).contains(rounds) else { throw ValidationError("--rounds takes 1 to 1000000") }
    }

    func run() throws {
        switch subject {
        case .touch: try touch()
        case .replay: try replay()
        case .inspect: try inspect()
        case .tlb: try tlb()
        case .server: try server()
        }
    }

    // MARK: Touch and give back

    private struct Shape {
        var title: String
        var contents: Contents
        var mode: RunMode
        var samples: [Double] = []
        var ratios: [Double] = []
    }

    private func touch() throws {
        var shapes = [
            Shape(title: "contents off, sequential", contents: .off, mode: .sequential),
            Shape(title: "contents off, parallel", contents: .off, mode: .parallel),
            Shape(title: "contents eager, sequential", contents: .eager, mode: .sequential),
        ]
        var live: [Double] = []
        let bar = ProgressBar("touch + DONTNEED")
        for repetition in 0..<repetitions {
            bar.show(repetition, of: repetitions)
            let kernel = try LiveLoop.spawn(.init(rounds: rounds, variant: .whole)).nanosecondsPerPage
            live.append(kernel)
            for place in shapes.indices {
                var parameters = ModelLoop.Parameters()
                parameters.rounds = rounds
                parameters.machine.contents = shapes[place].contents
                parameters.machine.mode = shapes[place].mode
                let time = try ModelLoop.run(parameters).nanosecondsPerPage
                shapes[place].samples.append(time)
                shapes[place].ratios.append(kernel / time)
            }
        }
        bar.finish()
        json ? printJSON(shapes, live) : printTable(shapes, live)
    }

    private func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        return sorted.isEmpty ? 0 : (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }

    private func printTable(_ shapes: [Shape], _ live: [Double]) {
        var table = TextTable([
            ("touch + MADV_DONTNEED", .left), ("ns/page", .right), ("min", .right), ("max", .right),
            ("times as fast", .right),
        ])
        func row(_ title: String, _ samples: [Double], _ ratio: String) {
            table.add([
                title, LoopColumn.decimal(median(samples)), LoopColumn.decimal(samples.min() ?? 0),
                LoopColumn.decimal(samples.max() ?? 0), ratio,
            ])
        }
        row("live kernel", live, TextTable.absent)
        for shape in shapes { row(shape.title, shape.samples, LoopColumn.decimal(median(shape.ratios))) }
        print(table.render(), terminator: "")
    }

    private func printJSON(_ shapes: [Shape], _ live: [Double]) {
        var writer = JSONWriter(to: DescriptorSink(descriptor: 1))
        writer.beginObject(lines: true)
        writer.key("live_ns_per_page")
        writer.value(decimal: median(live))
        for shape in shapes {
            writer.key(shape.title)
            writer.beginObject()
            writer.key("ns_per_page")
            writer.value(decimal: median(shape.samples))
            writer.key("ratio_to_live")
            writer.value(decimal: median(shape.ratios))
            writer.endObject()
        }
        writer.endObject()
        try? writer.flush()
        print("")
    }

    // MARK: Replay

    private func replay() throws {
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
            table.add([
                "contents \(contents)", String(lines), String(Int(median(rates))), String(Int(rates.min() ?? 0)),
                String(Int(rates.max() ?? 0)), String(HostMemory.peakResidentKilobytes),
            ])
        }
        print(table.render(), terminator: "")
    }

    // MARK: Inspect

    private func inspect() throws {
        let measured = try LiveHold.measure(bytes: 1 << 40, pages: 1 << 20, repetitions: repetitions)
        let seconds = measured.map { Double($0.nanoseconds) / 1e9 }
        print(
            "inspect, 1 TB VIRT, 4 GB RES, 524,288 tables: median \(hundredths(median(seconds))) s, "
                + "min \(hundredths(seconds.min() ?? 0)), max \(hundredths(seconds.max() ?? 0))")
    }

    private func hundredths(_ number: Double) -> String {
        let value = Int((number * 100).rounded())
        return "\(value / 100).\(value % 100 < 10 ? "0" : "")\(value % 100)"
    }

    // MARK: TLBs

    private func tlb() throws {
        var bench = TLBBench(only: only)
        try bench.run(repetitions: repetitions, references: rounds * 10_000)
        json ? bench.printJSON(median: median) : bench.printTable(median: median)
    }

    // MARK: The server at full size

    private func server() throws {
        var table = TextTable([
            ("policy", .left), ("VIRT TB", .right), ("RES GB", .right), ("VmPTE kB", .right), ("full tables", .right),
            ("empty tables", .right), ("given back kB", .right), ("seconds", .right), ("frames left", .right),
        ])
        var unreclaimed: UInt64?
        for (name, policy) in [("off", EmptyTableReclaim.off), ("rfc", .rfc), ("sync", .sync)] {
            let bar = ProgressBar("server, pt_reclaim=\(name)")
            let result = try ServerModel.build(policy) { bar.show($0, of: $1) }
            bar.finish()
            let status = result.status
            if unreclaimed == nil { unreclaimed = status.pageTables }
            table.add([
                name, String(status.size >> 30), String(status.resident >> 20), String(status.pageTables),
                String(status.tables[0] - status.emptyTables), String(status.emptyTables),
                String((unreclaimed ?? 0) - status.pageTables), LoopColumn.decimal(result.seconds),
                String(result.framesLeft),
            ])
        }
        print(table.render(), terminator: "")
        print("host memory at most: \(HostMemory.peakResidentKilobytes) kB")
    }
}

extension Duration {
    /// The duration in seconds.
    fileprivate var seconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}

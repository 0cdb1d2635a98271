// `quire bench`: the figures that Quire promises, each beside the live kernel's in the same run. Repetitions are
// interleaved, so that a machine whose speed drifts drifts for both; medians are quoted.

import ArgumentParser

/// Measures the model against the live kernel.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure the model's speed against this kernel's, interleaved, as medians.",
        discussion: """
            touch   one page touched and given back by MADV_DONTNEED of 2 MiB: contents off on one thread and with real \
            atomics and locks, and contents eager, each against the live kernel.
            areas   mprotect that splits and merges, mmap + munmap, and the look-up of an area, among many areas, beside \
            the same system calls of the live kernel on the same layout.
            fork    what 1 GiB of written memory adds to fork, in folios of 4 kB, 64 kB and 2 MB, beside the live kernel's \
            fork of the same (needs root, to set huge pages up, and sets them back).
            replay  2,000,000 lines, the shipped jemalloc recording over and over: lines a second, host memory.
            inspect `quire inspect` on a process with 1 TB of VIRT and 4 GB of RES, a page in each MiB.
            tlb     streams of references through the TLB model: references a second, misses by mapping size.
            explore the explorer: a litmus test of two threads beside Relacy on the same one (QUIRE_RELACY names a checkout of \
            github.com/dvyukov/relacy; without it, ours alone), and a fault against MADV_DONTNEED under each strategy.
            seam    what the explorer's seam costs where nothing is explored: this build and one without the seam by turns.
            scale   two threads that fault and zap areas of their own, beside two that only spin; with --lines the cache \
            lines that CPUs share, by operation.
            server  the documents' server at full size (VIRT 55 TB, RES 590 GB, VmPTE 110 GB): minutes, up to 8 GB.

            EXAMPLES
              quire bench touch
              quire bench touch --repetitions 9 --json
              quire bench areas
              quire bench areas --areas 1000,60000 --json
              quire bench fork
              QUIRE_RELACY=~/relacy quire bench explore
              quire bench explore --only 'mm dpor' --json
              quire bench seam --without .build-no-seam/release/quire
              quire bench scale
              quire bench scale --lines
              quire bench server
            """)

    enum Subject: String, CaseIterable, ExpressibleByArgument {
        case touch, areas, fork, replay, inspect, tlb, explore, seam, scale, server
    }

    @Argument(help: "What to measure.")
    var subject = Subject.touch

    @Option(help: "Repetitions of each loop.")
    var repetitions = 5

    @Option(
        help: "Rounds of 2 MiB in each repetition (touch), of 10,000 references (tlb), of 100 executions (explore).")
    var rounds = 2000

    @Option(help: "Numbers of areas, with commas (areas).")
    var areas = "250,1000,4000,16000,60000"

    @Option(help: "Only rows whose name contains this, such as 'zipf, 1G' (tlb), 'litmus' or 'mm random' (explore).")
    var only: String?

    @Option(help: "A build of quire without the seam (seam).")
    var without: String?

    @Flag(help: "The cache lines that CPUs share, by operation, instead of times (scale).")
    var lines = false

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard (1...1000).contains(repetitions) else { throw ValidationError("--repetitions takes 1 to 1000") }
        guard (1...1_000_000).contains(rounds) else { throw ValidationError("--rounds takes 1 to 1000000") }
        guard areaCounts != nil else { throw ValidationError("--areas takes numbers of 1 to 65000, with commas") }
    }

    func run() throws {
        switch subject {
        case .touch: try touch()
        case .areas: try measureAreas()
        case .fork: try measureForks()
        case .replay: try replay()
        case .inspect: try inspect()
        case .tlb: try tlb()
        case .explore: try explore()
        case .seam: try measureSeam()
        case .scale: try measureScale()
        case .server: try server()
        }
    }
}

/// Measurements of one thing.
struct Samples {
    private let sorted: [Double]

    init(_ values: [Double]) { sorted = values.sorted() }

    var median: Double {
        sorted.isEmpty ? 0 : (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }
    var least: Double { sorted.first ?? 0 }
    var most: Double { sorted.last ?? 0 }

    /// Median, least and most as cells of a table.
    var cells: [String] { [median, least, most].map(LoopColumn.decimal) }
}

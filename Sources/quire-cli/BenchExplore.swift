// `quire bench explore`: how many executions a second the explorer runs. A litmus test of two threads beside Relacy on the
// same one, by turns in one run; and the memory manager itself, a fault against MADV_DONTNEED, under each strategy.
// Neighbours: LockedCounter (the litmus test), RelacyLitmus (the same in C++), BenchExplore+Print.

import Quire
import QuireExplore
import QuireHost
import QuireWorkload

extension BenchCommand {
    func explore() throws {
        let bench = try ExploreBench(only: only, rounds: rounds)
        bench.run(repetitions: repetitions)
        json ? bench.printJSON() : bench.printTables()
    }
}

/// What `quire bench explore` measures.
final class ExploreBench {
    /// The litmus test with x as a checked or a plain variable, here and in Relacy.
    struct LitmusRow {
        let litmus: LockedCounter
        var rates: [Double] = []
        var relacyRates: [Double] = []
        /// Ours with DPOR, to its end.
        var reduced: Exploration?
        var relacyFull: RelacyLitmus.Run?

        var title: String { litmus.checksData ? "checked" : "plain" }
        /// Our executions a second over Relacy's, repetition by repetition.
        var ratio: Double? {
            relacyRates.isEmpty ? nil : Samples(zip(rates, relacyRates).map { $0 / $1 }).median
        }
        /// Our executions over those of Relacy's full search.
        var executionsRatio: Double? {
            guard let relacyFull, let reduced else { return nil }
            return Double(reduced.executions) / Double(relacyFull.executions)
        }
        var hasSameOutcomes: Bool? {
            guard let relacyFull, let reduced else { return nil }
            return relacyFull.outcomes == Set(reduced.outcomes.keys)
        }
    }

    /// The memory manager under one strategy.
    struct ManagerRow {
        var pages: UInt64
        var name: String
        var strategy: Strategy
        var budget: Int
        let scene: Scene
        var result: Exploration?
        var rates: [Double] = []
    }

    private(set) var litmusRows: [LitmusRow] = []
    private(set) var managerRows: [ManagerRow] = []
    /// Why figures of Relacy are missing.
    private(set) var absence: String?
    private let litmusExecutions: Int

    /// The rows whose names contain the text.
    init(only: String?, rounds: Int) throws {
        func isAsked(_ name: String) -> Bool { only.map { name.contains($0) } ?? true }
        litmusExecutions = rounds * 100
        for checksData in [true, false] {
            let row = LitmusRow(litmus: LockedCounter(checksData: checksData))
            if isAsked("litmus \(row.title)") { litmusRows.append(row) }
        }
        for pages in [1, 512] as [UInt64] {
            let scene = try Self.faultAgainstDiscard(pages: pages)
            let budget = pages == 1 ? rounds * 10 : rounds * 2
            let strategies: [(String, Strategy, Int)] = [
                ("exhaustive, 1 preemption", .exhaustive(preemptions: 1), 1_000_000), ("dpor", .dpor, 1_000_000),
                ("random", .random(seed: 1), budget), ("pct, depth 3", .pct(seed: 1, depth: 3), budget),
            ]
            for (name, strategy, budget) in strategies where isAsked("mm \(name), \(pages) there") {
                managerRows.append(
                    ManagerRow(pages: pages, name: name, strategy: strategy, budget: budget, scene: scene))
            }
        }
    }

    /// A fault and MADV_DONTNEED of the 2 MiB around it; `pages` of them are there at the beginning.
    private static func faultAgainstDiscard(pages: UInt64) throws -> Scene {
        let start: UInt64 = 0x1000_0000_0000
        let bytes: UInt64 = 2 << 20
        let scene = try MachineScene(cpus: 2, host: .linux) { task in
            try task.mmap(
                start, length: bytes, protection: [.read, .write], flags: [.private, .anonymous, .fixed])
            task.touchWrite(start, pages * 4096)
        }
        scene.cpu(0) { task in try? task.madvise(start, bytes, Advice.dontNeed.rawValue) }
        scene.cpu(1) { task in _ = task.storeByte(start + 0x5000, 1) }
        return scene.scene { process in
            let status = process.status()
            return "RssAnon \(status.anonymous) VmPTE \(status.pageTables)"
        }
    }

    /// Measures each row `repetitions` times, by turns.
    func run(repetitions: Int) {
        let bar = ProgressBar("explore")
        let relacy = litmusRows.isEmpty ? nil : unlessAbsent { () throws(RelacyLitmus.Absence) in try RelacyLitmus() }
        for repetition in 0..<repetitions {
            bar.show(repetition, of: repetitions)
            for place in litmusRows.indices { measureLitmus(place, relacy, relacyFirst: repetition % 2 == 1) }
            for place in managerRows.indices {
                let row = managerRows[place]
                let measured = timed(row.strategy, row.budget, row.scene)
                managerRows[place].result = measured.result
                managerRows[place].rates.append(measured.rate)
            }
        }
        for place in litmusRows.indices {
            let litmus = litmusRows[place].litmus
            litmusRows[place].reduced = Explorer(.dpor).explore(litmus.scene)
            guard let relacy else { continue }
            litmusRows[place].relacyFull = unlessAbsent { () throws(RelacyLitmus.Absence) in
                try relacy.fullSearch(checksData: litmus.checksData)
            }
        }
        bar.finish()
    }

    /// One repetition of a row, ours and Relacy's one after the other.
    private func measureLitmus(_ place: Int, _ relacy: RelacyLitmus?, relacyFirst: Bool) {
        let litmus = litmusRows[place].litmus
        let executions = litmusExecutions
        var theirs: RelacyLitmus.Run?
        func measureRelacy() {
            guard let relacy else { return }
            theirs = unlessAbsent { () throws(RelacyLitmus.Absence) in
                try relacy.random(executions, checksData: litmus.checksData)
            }
        }
        if relacyFirst { measureRelacy() }
        let ours = timed(.random(seed: 1), executions, litmus.scene).rate
        if !relacyFirst { measureRelacy() }
        // Without its counterpart a rate would shift the pairs.
        if relacy != nil, theirs == nil { return }
        litmusRows[place].rates.append(ours)
        if let theirs { litmusRows[place].relacyRates.append(theirs.executionsPerSecond) }
    }

    private func timed(_ strategy: Strategy, _ budget: Int, _ scene: Scene) -> (result: Exploration, rate: Double) {
        // Processor time, there as well: another program on the machine does not count.
        let begin = HostClock.threadNanoseconds
        let result = Explorer(strategy, budget: budget).explore(scene)
        let seconds = Double(HostClock.threadNanoseconds - begin) / 1e9
        return (result, Double(result.executions) / max(seconds, 1e-9))
    }

    private func unlessAbsent<Value>(_ body: () throws(RelacyLitmus.Absence) -> Value) -> Value? {
        do throws(RelacyLitmus.Absence) { return try body() } catch {
            absence = error.reason
            return nil
        }
    }
}

// The hunt: one random workload after the other on all sides, until two differ or the seeds are used up. Workloads that
// reached new behaviour can be kept and are played first the next time. Making small what was found is in `Hunt+Shrink`.

import QuireWorkload

/// Hunts for differences between the model, the reference model and the live kernel.
public struct Hunt {
    public var operations = 300
    public var processes = 3
    public var weights = Weights.standard
    /// The live kernel, if it takes part.
    public var live: LivePlay?
    /// After how many operations the live kernel's state is compared.
    public var snapshotInterval = 50
    /// Told of each workload before it is played: where an invariant breaks, the program ends there.
    public var begins: ((_ name: String, _ workload: [Operation]) -> Void)?
    /// Told of a workload that did what none before did.
    public var reachedNew: ((_ name: String, _ workload: [Operation]) -> Void)?
    /// A test's planted bug.
    var distort: ((Operation, Answer) -> Answer)?

    /// What has been played so far.
    public private(set) var operationCount = 0
    public private(set) var modelTime = Duration.zero
    public private(set) var seedCount = 0
    public private(set) var liveCount = 0
    public private(set) var liveTime = Duration.zero
    /// How often the reference model had no answer of its own, by the reason.
    public private(set) var abstentions: [String: Int] = [:]
    /// How often a counter of the machine differed from the live kernel's, and came out otherwise when played again: others on
    /// the machine move them as well.
    public private(set) var strayCounters = 0
    private var behaviours: Set<String> = []

    public init() {}

    /// Model operations a second, invariants checked after each.
    public var operationsPerSecond: Double { Self.rate(operationCount, modelTime) }
    /// Workloads a second on the live kernel.
    public var livePerSecond: Double { Self.rate(liveCount, liveTime) }

    private static func rate(_ count: Int, _ time: Duration) -> Double {
        let seconds = Double(time.components.seconds) + Double(time.components.attoseconds) / 1e18
        return seconds > 0 ? Double(count) / seconds : 0
    }

    /// The workload of a seed.
    public func workload(seed: Int) -> [Operation] {
        Generator.operations(seed: seed, count: operations, processes: processes, weights: weights)
    }

    /// Plays a workload; a difference comes as found, not yet shrunk.
    public mutating func run(_ workload: [Operation], name: String) throws(HuntError) -> Difference? {
        begins?(name, workload)
        var match = Match()
        match.distort = distort
        match.snapshotInterval = live == nil ? 0 : snapshotInterval
        var seen: Set<String> = []
        if reachedNew != nil { match.behaviour = { seen.insert($0) } }
        var difference: Difference?
        do throws(ReplayError) {
            difference = try match.play(workload)
        } catch {
            throw .model(error)
        }
        seedCount += 1
        operationCount += match.operations
        modelTime += match.modelTime
        abstentions.merge(match.abstentions) { $0 + $1 }
        if difference == nil, let live { difference = try compare(match, live) }
        if !seen.isSubset(of: behaviours) {
            behaviours.formUnion(seen)
            reachedNew?(name, workload)
        }
        return difference
    }

    private mutating func compare(_ match: Match, _ live: LivePlay) throws(HuntError) -> Difference? {
        let clock = ContinuousClock()
        let start = clock.now
        do throws(LivePlayError) {
            let record = try live(match.text.text)
            liveTime += clock.now - start
            liveCount += 1
            if let reason = record.skipped { throw .failed(reason) }
            return try confirmed(match, match.difference(from: record) { _ in true }, live)
        } catch {
            throw .live(error)
        }
    }

    /// A difference, unless it is one in a counter of the machine that comes out otherwise when the workload is played again.
    private mutating func confirmed(
        _ match: Match, _ found: Difference?, _ live: LivePlay
    ) throws(LivePlayError) -> Difference? {
        func isCounter(_ difference: Difference) -> Bool {
            difference.kind.call == CallForm.of(.statistic).name && difference.kind.field == "value"
        }
        guard let found, isCounter(found) else { return found }
        for _ in 0..<4 {
            let again = match.difference(from: try live(match.text.text)) { _ in true }
            if let again, !isCounter(again) { return again }
            if again?.place != found.place || again?.other != found.other {
                strayCounters += 1
                return nil
            }
        }
        return found
    }
}

// The hunt: one random workload after the other on both models, until they differ or the seeds are used up; what is
// found is shrunk. Workloads that reached new behaviour can be kept and are played first the next time.

import QuireWorkload

/// Hunts for differences between the model and the reference model.
public struct Hunt {
    public var operations = 300
    public var processes = 3
    public var weights = Weights.standard
    /// Told of each workload before it is played: where an invariant breaks, the program ends there.
    public var begins: ((_ name: String, _ workload: [Operation]) -> Void)?
    /// Told of a workload that did what none before did.
    public var reachedNew: ((_ name: String, _ workload: [Operation]) -> Void)?
    /// A test's planted bug.
    var distort: ((Operation, Answer) -> Answer)?

    /// What both models have done so far.
    public private(set) var operationCount = 0
    public private(set) var modelTime = Duration.zero
    public private(set) var seedCount = 0
    private var behaviours: Set<String> = []

    public init() {}

    /// Model operations a second, invariants checked after each.
    public var operationsPerSecond: Double {
        let seconds = Double(modelTime.components.seconds) + Double(modelTime.components.attoseconds) / 1e18
        return seconds > 0 ? Double(operationCount) / seconds : 0
    }

    /// The workload of a seed.
    public func workload(seed: Int) -> [Operation] {
        Generator.operations(seed: seed, count: operations, processes: processes, weights: weights)
    }

    /// Plays a workload; a difference comes as found, not yet shrunk.
    public mutating func run(_ workload: [Operation], name: String) throws(ReplayError) -> Difference? {
        begins?(name, workload)
        var match = Match()
        match.distort = distort
        var seen: Set<String> = []
        if reachedNew != nil { match.behaviour = { seen.insert($0) } }
        let difference = try match.play(workload)
        seedCount += 1
        operationCount += match.operations
        modelTime += match.modelTime
        if !seen.isSubset(of: behaviours) {
            behaviours.formUnion(seen)
            reachedNew?(name, workload)
        }
        return difference
    }

    /// The smallest workload that still shows a difference.
    public func shrink(_ difference: Difference) -> Difference {
        var shrinker = Shrinker()
        return shrinker.shrink(difference) { operations in
            var match = Match()
            match.distort = distort
            // A workload that cannot be played shows nothing.
            return try? match.play(operations)
        }
    }
}

// One exploration on several cores: each worker has a scene of its own. Random searches take different seeds; an exhaustive one
// is split at its first choices; DPOR, whose next run depends on all before, stays on one core.

import QuireHost
import Synchronization

extension Explorer {
    /// Runs scenes that `make` makes, one for each worker, until the search ends or the budget is used up.
    public func explore(
        workers: Int, progress: (@Sendable (Int) -> Void)? = nil, _ make: @Sendable () throws -> Scene
    ) throws -> Exploration {
        guard workers > 1, strategy != .dpor else {
            return explore(try make()) { progress?($0.executions) }
        }
        let parts = try parts(workers, make)
        let next = Atomic(0)
        let executions = Atomic(0)
        let clock = ContinuousClock()
        let begin = clock.now
        let done = HostThreads.map(workers) { _ in
            Result { () throws in
                let scene = try make()
                var results: [Exploration] = []
                while true {
                    let place = next.add(1, ordering: .relaxed).oldValue
                    guard place < parts.count else { return results }
                    var part = parts[place]
                    if let seconds { part.explorer.seconds = max(0.001, seconds - (clock.now - begin) / .seconds(1)) }
                    let result = part.explorer.explore(scene, makeChooser(part)) { seen in
                        progress?(executions.load(ordering: .relaxed) + seen.executions)
                    }
                    executions.add(result.executions, ordering: .relaxed)
                    results.append(result)
                    if result.failure != nil { next.store(parts.count, ordering: .relaxed) }
                }
            }
        }
        var whole = Exploration()
        var exhausted = 0
        for result in try done.flatMap({ try $0.get() }) {
            whole.merge(result)
            if result.isExhausted { exhausted += 1 }
        }
        whole.isExhausted = strategy.isComplete && exhausted == parts.count
        whole.seconds = (clock.now - begin) / .seconds(1)
        return whole
    }

    private func makeChooser(_ part: Part) -> Chooser { part.explorer.makeChooser(prefix: part.prefix) }

    /// A part of the search.
    private struct Part {
        var explorer: Explorer
        var prefix: [UInt8] = []
    }

    private func parts(_ workers: Int, _ make: () throws -> Scene) throws -> [Part] {
        var part = Part(explorer: self)
        part.explorer.budget = max(1, budget / workers)
        return switch strategy {
        case .random(let seed):
            (0..<UInt64(workers)).map { worker in
                part.explorer.strategy = .random(seed: seed &+ worker)
                return part
            }
        case .pct(let seed, let depth):
            (0..<UInt64(workers)).map { worker in
                part.explorer.strategy = .pct(seed: seed &+ worker, depth: depth)
                return part
            }
        case .exhaustive(let preemptions):
            prefixes(try make(), preemptions ?? .max, atLeast: 4 * workers).map { prefix in
                part.prefix = prefix
                return part
            }
        case .dpor: [part]
        }
    }

    /// The beginnings of all schedules, as long as it takes for so many of them.
    private func prefixes(_ scene: Scene, _ preemptions: Int, atLeast wanted: Int) -> [[UInt8]] {
        var found: [[UInt8]] = [[]]
        for length in 1...64 {
            let chooser = ExhaustiveChooser(preemptions: preemptions, prefix: [], depth: length)
            let scheduler = Scheduler(chooser, scene, keepsTrace: false, hasStoreBuffers: hasStoreBuffers)
            defer { scene.reset(nil) }
            var all: [[UInt8]] = []
            repeat {
                _ = run(scene, scheduler)
                all.append(Array(chooser.schedule.choices.prefix(length)))
            } while scene.failure?() == nil && chooser.advance()
            found = all
            if all.count >= wanted || all.allSatisfy({ $0.count < length }) { break }
        }
        return found
    }
}

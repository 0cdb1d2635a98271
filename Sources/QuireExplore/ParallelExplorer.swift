// One exploration on several cores: each worker has a scene of its own. Random searches take different seeds; an exhaustive one
// is split at its first choices; DPOR, whose next run depends on all before, stays on one core.

import Dispatch
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
        let state = Mutex(Shared())
        let clock = ContinuousClock()
        let begin = clock.now
        DispatchQueue.concurrentPerform(iterations: workers) { _ in
            do {
                let scene = try make()
                while let part = state.withLock({ $0.take(parts) }) {
                    let result = part.explorer.explore(scene, part.explorer.makeChooser(prefix: part.prefix)) { seen in
                        progress?(state.withLock { $0.result.executions } + seen.executions)
                    }
                    state.withLock { $0.add(result) }
                }
            } catch {
                state.withLock { $0.failure = error }
            }
        }
        return try state.withLock { state in
            if let failure = state.failure { throw failure }
            state.result.isExhausted = strategy.isComplete && state.exhausted == parts.count
            state.result.seconds = (clock.now - begin) / .seconds(1)
            return state.result
        }
    }

    /// What the workers share.
    private struct Shared: @unchecked Sendable {
        var next = 0
        var result = Exploration()
        var exhausted = 0
        var failure: (any Error)?

        mutating func take(_ parts: [Part]) -> Part? {
            guard next < parts.count, failure == nil else { return nil }
            defer { next += 1 }
            return parts[next]
        }

        mutating func add(_ other: Exploration) {
            result.merge(other)
            if other.isExhausted { exhausted += 1 }
        }
    }

    /// A part of the search.
    private struct Part: @unchecked Sendable {
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
            let scheduler = Scheduler(chooser, keepsTrace: false, hasStoreBuffers: hasStoreBuffers)
            scheduler.inspector = scene.inspect
            var all: [[UInt8]] = []
            repeat {
                _ = run(scene, scheduler)
                all.append(Array(chooser.schedule.choices.prefix(length)))
            } while chooser.advance()
            found = all
            if all.count >= wanted || all.allSatisfy({ $0.count < length }) { break }
        }
        return found
    }
}

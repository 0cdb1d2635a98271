// A trivially correct peer of the explorer for small programs of loads, stores and atomic additions: every state that sequential
// consistency or x86-TSO allows, by a search over states that knows nothing of schedulers, choosers or locks.

import Quire
import QuireExplore
import QuireHost
import Testing

/// One instruction of a program.
enum Instruction: Hashable, Sendable {
    case store(Int, UInt64)
    case load(Int)
    /// An addition with a lock prefix, whose result is noted; of nothing it is a fence.
    case add(Int, UInt64)
}

/// A program of several threads over a few locations that are all 0 at first.
struct SmallProgram: CustomTestStringConvertible, Sendable {
    var name: String
    var threads: [[Instruction]]
    var testDescription: String { name }

    init(_ name: String, _ threads: [[Instruction]]) {
        self.name = name
        self.threads = threads
    }

    static let locations = 4

    // MARK: The peer

    private struct State: Hashable {
        var memory = [UInt64](repeating: 0, count: SmallProgram.locations)
        var places: [Int]
        var noted: [[UInt64]]
        var buffers: [[(Int, UInt64)]]

        static func == (a: State, b: State) -> Bool { a.key == b.key }
        func hash(into hasher: inout Hasher) { hasher.combine(key) }
        private var key: [[UInt64]] {
            [memory, places.map { UInt64($0) }] + noted + buffers.map { $0.flatMap { [UInt64($0.0), $0.1] } }
        }

        var text: String {
            noted.map { $0.map { String($0) }.joined(separator: " ") }.joined(separator: " | ")
                + " : " + memory.map { String($0) }.joined(separator: " ")
        }
    }

    /// Every outcome that a memory model allows.
    func outcomes(hasStoreBuffers: Bool) -> Set<String> {
        let empty = threads.map { _ in [(Int, UInt64)]() }
        let start = State(places: threads.map { _ in 0 }, noted: threads.map { _ in [] }, buffers: empty)
        var seen: Set<State> = [start]
        var rest = [start]
        var ends: Set<String> = []
        while let state = rest.popLast() {
            let followers = self.followers(of: state, hasStoreBuffers)
            if followers.isEmpty { ends.insert(state.text) }
            for follower in followers where seen.insert(follower).inserted { rest.append(follower) }
        }
        return ends
    }

    private func followers(of state: State, _ hasStoreBuffers: Bool) -> [State] {
        var all: [State] = []
        for thread in threads.indices {
            if let (location, value) = state.buffers[thread].first {
                var next = state
                next.memory[location] = value
                next.buffers[thread].removeFirst()
                all.append(next)
            }
            guard state.places[thread] < threads[thread].count else { continue }
            var next = state
            next.places[thread] += 1
            switch threads[thread][state.places[thread]] {
            case .store(let location, let value):
                if hasStoreBuffers {
                    next.buffers[thread].append((location, value))
                } else {
                    next.memory[location] = value
                }
            case .load(let location):
                let own = state.buffers[thread].last { $0.0 == location }?.1
                next.noted[thread].append(own ?? state.memory[location])
            case .add(let location, let amount):
                guard state.buffers[thread].isEmpty else { continue }
                next.memory[location] &+= amount
                next.noted[thread].append(next.memory[location])
            }
            all.append(next)
        }
        return all
    }

    // MARK: The same under the explorer

    func scene() -> Scene {
        let words = LitmusWords(count: Self.locations, cpus: threads.count, host: .linux)
        let noted = Noted(threads.count)
        let bodies: [() -> Void] = threads.enumerated().map { number, instructions in
            {
                let cpu = words.cpu(number)
                for instruction in instructions {
                    switch instruction {
                    case .store(let location, let value): words.store(cpu, location, value)
                    case .load(let location): noted.values[number].append(words.load(cpu, location))
                    case .add(let location, let amount):
                        noted.values[number].append(words.add(cpu, location, amount))
                    }
                }
            }
        }
        return Scene(
            reset: { hook in
                words.reset(hook: hook)
                noted.values = threads.map { _ in [] }
            }, bodies: bodies,
            outcome: {
                noted.values.map { $0.map { String($0) }.joined(separator: " ") }.joined(separator: " | ") + " : "
                    + (0..<Self.locations).map { String(words[$0]) }.joined(separator: " ")
            })
    }

    private final class Noted {
        var values: [[UInt64]]
        init(_ threads: Int) { values = Array(repeating: [], count: threads) }
    }
}

/// The classic tests, by the names that the literature has for them.
let classicPrograms: [SmallProgram] = {
    let (x, y, z) = (0, 1, 2)
    let fence = Instruction.add(3, 0)
    return [
        SmallProgram("SB", [[.store(x, 1), .load(y)], [.store(y, 1), .load(x)]]),
        SmallProgram("SB with fences", [[.store(x, 1), fence, .load(y)], [.store(y, 1), fence, .load(x)]]),
        SmallProgram("SB with one fence", [[.store(x, 1), fence, .load(y)], [.store(y, 1), .load(x)]]),
        SmallProgram("SB with own loads (n6)", [[.store(x, 1), .load(x), .load(y)], [.store(y, 2), .store(x, 2)]]),
        SmallProgram(
            "SB, each sees its own store (iwp2.4)",
            [[.store(x, 1), .load(x), .load(y)], [.store(y, 1), .load(y), .load(x)]]),
        SmallProgram("SB of three", [[.store(x, 1), .load(y)], [.store(y, 1), .load(z)], [.store(z, 1), .load(x)]]),
        SmallProgram("MP", [[.store(x, 1), .store(y, 1)], [.load(y), .load(x)]]),
        SmallProgram(
            "MP of three words", [[.store(x, 1), .store(y, 1), .store(z, 1)], [.load(z), .load(y), .load(x)]]),
        SmallProgram("LB", [[.load(x), .store(y, 1)], [.load(y), .store(x, 1)]]),
        SmallProgram(
            "IRIW", [[.store(x, 1)], [.store(y, 1)], [.load(x), .load(y)], [.load(y), .load(x)]]),
        SmallProgram("2+2W", [[.store(x, 1), .store(y, 2)], [.store(y, 1), .store(x, 2)]]),
        SmallProgram("R", [[.store(x, 1), .store(y, 1)], [.store(y, 2), .load(x)]]),
        SmallProgram("R with a fence", [[.store(x, 1), .store(y, 1)], [.store(y, 2), fence, .load(x)]]),
        SmallProgram("S", [[.store(x, 2), .store(y, 1)], [.load(y), .store(x, 1)]]),
        SmallProgram("CoRR", [[.store(x, 1), .store(x, 2)], [.load(x), .load(x)]]),
        SmallProgram(
            "CoRR of two readers", [[.store(x, 1)], [.store(x, 2)], [.load(x), .load(x)], [.load(x), .load(x)]]),
        SmallProgram("CoWW", [[.store(x, 1), .store(x, 2)], [.store(x, 3)]]),
        SmallProgram("CoRW1", [[.load(x), .store(x, 1)], [.store(x, 2)]]),
        SmallProgram("CoWR", [[.store(x, 1), .load(x)], [.store(x, 2)]]),
        SmallProgram("WRC", [[.store(x, 1)], [.load(x), .store(y, 1)], [.load(y), .load(x)]]),
        SmallProgram("RWC", [[.store(x, 1)], [.load(x), .load(y)], [.store(y, 1), .load(x)]]),
        SmallProgram("ISA2", [[.store(x, 1), .store(y, 1)], [.load(y), .store(z, 1)], [.load(z), .load(x)]]),
        SmallProgram("W+RWC", [[.store(x, 1), .store(y, 1)], [.load(y), .load(z)], [.store(z, 1), .load(x)]]),
        SmallProgram("Z6.0", [[.store(x, 1), .store(y, 1)], [.store(y, 2), .store(z, 1)], [.load(z), .load(x)]]),
        SmallProgram("n5", [[.store(x, 1), .load(x)], [.store(x, 2), .load(x)]]),
        SmallProgram("amd10", [[.store(x, 1), .add(x, 0), .load(y)], [.store(y, 1), .add(y, 0), .load(x)]]),
        SmallProgram("exchanged additions", [[.add(x, 1), .load(y)], [.add(y, 1), .load(x)]]),
        SmallProgram("addition against store", [[.add(x, 1), .add(x, 1)], [.store(x, 5), .load(x)]]),
        SmallProgram(
            "two stores wait", [[.store(x, 1), .store(x, 2), .load(y)], [.store(y, 1), .store(y, 2), .load(x)]]),
    ]
}()

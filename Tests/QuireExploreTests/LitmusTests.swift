// The explorer judged by litmus tests whose outcomes are known, under sequential consistency: every search that ends must
// give exactly the known set.

import Quire
import QuireExplore
import QuireHost
import Testing

/// What the threads of a litmus test have noted.
final class Registers {
    var values = [UInt64](repeating: 0, count: 16)
}

/// A litmus test: its threads, and its outcomes as texts of registers.
struct Litmus: CustomTestStringConvertible, Sendable {
    var name: String
    var threads: [@Sendable (LitmusWords, CPU, Registers) -> Void]
    var registers: Int
    var words: [Int] = []
    var outcomes: Set<String>
    var testDescription: String { name }

    func scene() -> Scene {
        let words = LitmusWords(count: 16, cpus: threads.count, host: .linux)
        let registers = Registers()
        let bodies = threads.enumerated().map { number, thread in
            { thread(words, words.cpu(number), registers) }
        }
        return Scene(
            reset: { hook in
                words.reset(hook: hook)
                registers.values = [UInt64](repeating: 0, count: 16)
            }, bodies: bodies,
            outcome: {
                let noted = registers.values.prefix(self.registers).map { String($0) }
                return (noted + self.words.map { "w\($0)=\(words[$0])" }).joined(separator: " ")
            })
    }
}

/// Every reading of independent writes by two readers but the one in which they disagree about the order.
private let allButTheForbidden: Set<String> = {
    var all: Set<String> = []
    for a in 0...1 { for b in 0...1 { for c in 0...1 { for d in 0...1 { all.insert("\(a) \(b) \(c) \(d)") } } } }
    all.remove("1 0 1 0")
    return all
}()

let litmusTests: [Litmus] = [
    Litmus(
        name: "store buffering",
        threads: [
            { w, c, r in
                w.store(c, 0, 1)
                r.values[0] = w.load(c, 1)
            },
            { w, c, r in
                w.store(c, 1, 1)
                r.values[1] = w.load(c, 0)
            },
        ], registers: 2, outcomes: ["0 1", "1 0", "1 1"]),
    Litmus(
        name: "message passing",
        threads: [
            { w, c, _ in
                w.store(c, 0, 1)
                w.store(c, 1, 1)
            },
            { w, c, r in
                r.values[0] = w.load(c, 1)
                r.values[1] = w.load(c, 0)
            },
        ], registers: 2, outcomes: ["0 0", "0 1", "1 1"]),
    Litmus(
        name: "load buffering",
        threads: [
            { w, c, r in
                r.values[0] = w.load(c, 0)
                w.store(c, 1, 1)
            },
            { w, c, r in
                r.values[1] = w.load(c, 1)
                w.store(c, 0, 1)
            },
        ], registers: 2, outcomes: ["0 0", "0 1", "1 0"]),
    Litmus(
        name: "IRIW",
        threads: [
            { w, c, _ in w.store(c, 0, 1) }, { w, c, _ in w.store(c, 1, 1) },
            { w, c, r in
                r.values[0] = w.load(c, 0)
                r.values[1] = w.load(c, 1)
            },
            { w, c, r in
                r.values[2] = w.load(c, 1)
                r.values[3] = w.load(c, 0)
            },
        ], registers: 4,
        outcomes: allButTheForbidden),
    Litmus(
        name: "lost update",
        threads: Array(
            repeating: { w, c, _ in w.store(c, 0, w.load(c, 0) + 1) }, count: 2), registers: 0, words: [0],
        outcomes: ["w0=1", "w0=2"]),
    Litmus(
        name: "atomic updates",
        threads: Array(repeating: { w, c, _ in w.add(c, 0, 1) }, count: 3), registers: 0, words: [0],
        outcomes: ["w0=3"]),
    Litmus(
        name: "update under a lock",
        threads: Array(
            repeating: { w, c, _ in
                w.lock(c, 1)
                w.store(c, 0, w.load(c, 0) + 1)
                w.unlock(c, 1)
            }, count: 3), registers: 0, words: [0], outcomes: ["w0=3"]),
    Litmus(
        name: "two locks in opposite orders",
        threads: [
            { w, c, _ in
                w.lock(c, 0)
                w.lock(c, 1)
                w.unlock(c, 1)
                w.unlock(c, 0)
            },
            { w, c, _ in
                w.lock(c, 1)
                w.lock(c, 0)
                w.unlock(c, 0)
                w.unlock(c, 1)
            },
        ], registers: 0,
        outcomes: ["", "deadlock: CPU 0 waits for pte, which CPU 1 holds; CPU 1 waits for pte, which CPU 0 holds"]),
    Litmus(
        name: "try-lock against a holder",
        threads: [
            { w, c, r in
                w.lock(c, 0)
                w.store(c, 1, 1)
                w.unlock(c, 0)
            },
            { w, c, r in
                guard w.tryLock(c, 0) else { return r.values[0] = 2 }
                r.values[0] = w.load(c, 1)
                w.unlock(c, 0)
            },
        ], registers: 1, outcomes: ["0", "1", "2"]),
    Litmus(
        name: "compare and exchange elects one",
        threads: [
            { w, c, r in r.values[0] = w.replace(c, 0, 0, with: 1) ? 1 : 0 },
            { w, c, r in r.values[1] = w.replace(c, 0, 0, with: 2) ? 1 : 0 },
        ], registers: 2, words: [0], outcomes: ["1 0 w0=1", "0 1 w0=2"]),
    Litmus(
        name: "readers share, a writer does not",
        threads: [
            { w, c, r in
                w.readLock(c, 0)
                r.values[0] = w.load(c, 1) * 10 + w.load(c, 2)
                w.readUnlock(c, 0)
            },
            { w, c, _ in
                w.writeLock(c, 0)
                w.store(c, 1, 1)
                w.store(c, 2, 1)
                w.writeUnlock(c, 0)
            },
        ], registers: 1, outcomes: ["0", "11"]),
    Litmus(
        name: "sequence count gives no torn pair",
        threads: [
            { w, c, r in
                let begun = w.sequenceBegin(c, 0)
                let pair = w.load(c, 1) * 10 + w.load(c, 2)
                r.values[0] = w.sequenceRetry(c, 0, begun) ? 99 : pair
            },
            { w, c, _ in
                w.sequenceWrite(c, 0) {
                    w.store(c, 1, 1)
                    w.store(c, 2, 1)
                }
            },
        ], registers: 1, outcomes: ["0", "11", "99"]),
    Litmus(
        name: "coherence: one location is seen in one order",
        threads: [
            { w, c, _ in
                w.store(c, 0, 1)
                w.store(c, 0, 2)
            },
            { w, c, r in
                r.values[0] = w.load(c, 0)
                r.values[1] = w.load(c, 0)
            },
        ], registers: 2, outcomes: ["0 0", "0 1", "0 2", "1 1", "1 2", "2 2"]),
    Litmus(
        name: "write to read causality",
        threads: [
            { w, c, _ in w.store(c, 0, 1) },
            { w, c, r in
                r.values[0] = w.load(c, 0)
                w.store(c, 1, 1)
            },
            { w, c, r in
                r.values[1] = w.load(c, 1)
                r.values[2] = w.load(c, 0)
            },
        ], registers: 3, outcomes: ["0 0 0", "0 0 1", "0 1 0", "0 1 1", "1 0 0", "1 0 1", "1 1 1"]),
    Litmus(
        name: "grace period waits for the reader",
        threads: [
            { w, c, r in
                w.rcuEnter(c)
                r.values[0] = w.load(c, 0)
                r.values[1] = w.load(c, 1)
                w.rcuExit(c)
            },
            { w, c, _ in
                w.store(c, 0, 1)
                w.synchronize(c)
                w.store(c, 1, 1)
            },
        ], registers: 2, outcomes: ["0 0", "1 0", "1 1"]),
]

@Suite struct LitmusTests {
    @Test(arguments: litmusTests) func exhaustiveSearchGivesTheKnownOutcomes(_ litmus: Litmus) {
        let result = Explorer(.exhaustive(preemptions: nil)).explore(litmus.scene())
        #expect(result.isExhausted)
        #expect(Set(result.outcomes.keys) == litmus.outcomes)
    }

    @Test(arguments: litmusTests) func reducedSearchGivesTheKnownOutcomesInFewerRuns(_ litmus: Litmus) {
        let full = Explorer(.exhaustive(preemptions: nil)).explore(litmus.scene())
        let reduced = Explorer(.dpor).explore(litmus.scene())
        #expect(reduced.isExhausted)
        #expect(Set(reduced.outcomes.keys) == litmus.outcomes)
        #expect(reduced.executions <= full.executions)
    }

    @Test(arguments: litmusTests) func randomSearchesGiveNothingElse(_ litmus: Litmus) {
        for strategy in [Strategy.random(seed: 7), .pct(seed: 7, depth: 3)] {
            let result = Explorer(strategy, budget: 2000).explore(litmus.scene())
            #expect(Set(result.outcomes.keys).isSubset(of: litmus.outcomes))
            #expect(!result.isExhausted)
        }
    }

    @Test(arguments: litmusTests) func everyScheduleReplaysToTheSameEnd(_ litmus: Litmus) {
        let scene = litmus.scene()
        for (outcome, found) in Explorer(.dpor).explore(scene).outcomes {
            for _ in 0..<5 {
                let again = Explorer().replay(scene, found.schedule)
                #expect(again.outcome == outcome && again.fits && again.trace == found.trace)
            }
        }
    }
}

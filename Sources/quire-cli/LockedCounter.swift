// The litmus test whose speed `quire bench explore` measures; RelacyLitmus.swift has the same in C++.

import Quire
import QuireExplore
import QuireHost

/// Two threads, each: lock, x += 1, unlock, atomic add, lock, x += 1, unlock, atomic load.
final class LockedCounter {
    /// Whether x is a shared word, each access of which is a step, or a plain variable.
    let checksData: Bool
    private let words = LitmusWords(count: 3, cpus: 2, host: .linux)
    private var x: UInt64 = 0
    /// What each thread has read.
    private var first: UInt64 = 0
    private var second: UInt64 = 0
    /// The outcomes as texts, by what the threads read (0…3 each) and x (0…7): making a text takes longer than a run.
    private let texts = (0..<128).map { "\($0 >> 5) \($0 >> 3 & 3) x=\($0 & 7)" }

    init(checksData: Bool) { self.checksData = checksData }

    private func update(_ cpu: CPU) {
        words.lock(cpu, 0)
        if checksData { words.store(cpu, 1, words.load(cpu, 1) + 1) } else { x += 1 }
        words.unlock(cpu, 0)
    }

    private func thread(_ number: Int) {
        let cpu = words.cpu(number)
        update(cpu)
        words.add(cpu, 2, 1)
        update(cpu)
        let seen = words.load(cpu, 2)
        if number == 0 { first = seen } else { second = seen }
    }

    private var outcome: String {
        let total = checksData ? words[1] : x
        return texts[Int(first & 3) << 5 | Int(second & 3) << 3 | Int(total & 7)]
    }

    var scene: Scene {
        Scene(
            reset: { [self] hook in
                words.reset(hook: hook)
                x = 0
            }, bodies: (0..<2).map { number in { [self] in thread(number) } }, outcome: { [self] in outcome })
    }
}

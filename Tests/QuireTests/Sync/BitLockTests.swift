// The lock in two bits of a word that has other uses: it excludes, it sleeps and wakes, and it leaves the other bits alone.

import Testing

@testable import Quire

@Suite struct BitLockTests {
    private static let held: UInt32 = 1 << 28
    private static let sleepers: UInt32 = 1 << 29

    private func lock(_ words: SharedWords) -> BitLock {
        BitLock(words.half(0), held: Self.held, sleepers: Self.sleepers, .folio)
    }

    @Test func oneHolderAtATimeWhileOthersChangeOtherBits() throws {
        let test = try TestMachine {
            $0.mode = .parallel
            $0.cpus = 4
            $0.memory = 16 << 20
        }
        let machine = test.machine
        let words = test.words()
        let rounds = 5_000
        onThreads(4) { index in
            let cpu = machine.cpu(index)
            let lock = BitLock(words.half(0), held: Self.held, sleepers: Self.sleepers, .folio)
            for round in 0..<rounds {
                if round % 8 == 0 {
                    while !lock.tryLock(cpu) { machine.host.relax() }
                } else {
                    lock.lock(cpu)
                }
                let word = words.word(1)
                word.storeRelaxed(cpu, word.loadRelaxed(cpu, .counter) + 1, .counter)
                lock.unlock(cpu)
                words.half(0).set(cpu, bits: 1 << UInt32(index), .frameFlags)
                words.half(0).clear(cpu, bits: 1 << UInt32(index), .frameFlags)
            }
        }
        #expect(words.word(1).load(test.cpu, .counter) == UInt64(4 * rounds))
        #expect(words.half(0).load(test.cpu, .frameFlags) == 0)
    }

    @Test func bitsOfOthersSurvive() throws {
        let test = try TestMachine()
        let words = test.words()
        words.half(0).store(test.cpu, 0x0FFF_FFFF, .frameFlags)
        let lock = lock(words)
        #expect(lock.tryLock(test.cpu) && lock.isLocked(test.cpu) && !lock.tryLock(test.cpu))
        lock.unlock(test.cpu)
        #expect(!lock.isLocked(test.cpu))
        #expect(words.half(0).load(test.cpu, .frameFlags) == 0x0FFF_FFFF)
    }
}

// Locks, sequence count, counters and wait queue on real threads: each excludes what it must, and nobody sleeps for
// ever.

import Testing

@testable import Quire

@Suite struct LockTests {
    private static let rounds = 20_000

    private func parallel(_ cpus: Int) throws -> TestMachine {
        try TestMachine {
            $0.mode = .parallel
            $0.cpus = cpus
            $0.memory = 16 << 20
        }
    }

    /// A load and a store under the lock instead of an atomic add: any overlap loses a count.
    private func bump(_ cpu: CPU, _ word: Word64) {
        word.storeRelaxed(cpu, word.loadRelaxed(cpu, .counter) + 1, .counter)
    }

    @Test func aSpinLockExcludes() throws {
        let test = try parallel(4)
        let machine = test.machine
        let words = test.words()
        onThreads(4) { index in
            let cpu = machine.cpu(index)
            let lock = SpinLock(words.half(0), .zone)
            for round in 0..<Self.rounds / 4 {
                if round % 8 == 0 {
                    while !lock.tryLock(cpu) { machine.host.relax() }
                } else {
                    lock.lock(cpu)
                }
                bump(cpu, words.word(1))
                lock.unlock(cpu)
            }
        }
        #expect(words.word(1).load(test.cpu, .counter) == UInt64(Self.rounds))
        #expect(words.half(0).load(test.cpu, .zone) == 0)
    }

    @Test func aWriterExcludesWritersAndReaders() throws {
        let test = try parallel(4)
        let machine = test.machine
        let words = test.words()
        onThreads(4) { index in
            let cpu = machine.cpu(index)
            let lock = RWSemaphore(words.half(0), .mmapLock)
            for round in 0..<Self.rounds / 8 {
                if index < 2 || round % 16 == 0 {
                    // Two words that a reader may only see equal.
                    lock.writeLock(cpu)
                    bump(cpu, words.word(1))
                    bump(cpu, words.word(2))
                    lock.writeUnlock(cpu)
                } else {
                    lock.readLock(cpu)
                    let one = words.word(1).loadRelaxed(cpu, .counter)
                    let other = words.word(2).loadRelaxed(cpu, .counter)
                    if one != other { words.word(3).add(cpu, 1, .counter) }
                    lock.readUnlock(cpu)
                }
            }
        }
        let writes = 2 * (Self.rounds / 8) + 2 * ((Self.rounds / 8 + 15) / 16)
        #expect(words.word(1).load(test.cpu, .counter) == UInt64(writes))
        #expect(words.word(3).load(test.cpu, .counter) == 0, "readers saw a writer at work")
        #expect(words.half(0).load(test.cpu, .mmapLock) == 0, "free, and nobody believed to sleep")
    }

    /// After a downgrade the data is what this writer left: no other writer got in between.
    @Test func aDowngradeLetsNoWriterInBetween() throws {
        let test = try parallel(3)
        let machine = test.machine
        let words = test.words()
        onThreads(3) { index in
            let cpu = machine.cpu(index)
            let lock = RWSemaphore(words.half(0), .mmapLock)
            for _ in 0..<Self.rounds / 10 {
                lock.writeLock(cpu)
                bump(cpu, words.word(1))
                let mine = words.word(1).loadRelaxed(cpu, .counter)
                lock.downgrade(cpu)
                for _ in 0..<3 where words.word(1).loadRelaxed(cpu, .counter) != mine {
                    words.word(2).add(cpu, 1, .counter)
                }
                lock.readUnlock(cpu)
            }
        }
        #expect(words.word(1).load(test.cpu, .counter) == UInt64(3 * (Self.rounds / 10)))
        #expect(words.word(2).load(test.cpu, .counter) == 0)
    }

    @Test func tryingNeverWaits() throws {
        let test = try parallel(2)
        let words = test.words()
        let (mine, other) = (test.machine.cpu(0), test.machine.cpu(1))
        let lock = RWSemaphore(words.half(0), .mmapLock)
        #expect(lock.tryReadLock(mine))
        #expect(lock.tryReadLock(other), "readers share")
        #expect(!lock.tryWriteLock(other))
        lock.readUnlock(other)
        lock.readUnlock(mine)
        #expect(lock.tryWriteLock(mine))
        #expect(lock.isWriteLocked)
        #expect(!lock.tryReadLock(other) && !lock.tryWriteLock(other))
        lock.downgrade(mine)
        #expect(!lock.isWriteLocked && lock.isLocked)
        #expect(lock.tryReadLock(other))
        lock.readUnlock(other)
        lock.readUnlock(mine)
        #expect(!lock.isLocked)
        let spin = SpinLock(words.half(1), .pte)
        #expect(spin.tryLock(mine))
        #expect(!spin.tryLock(other))
        spin.unlock(mine)
    }

    @Test func aSequenceCountNeverShowsATornPair() throws {
        let test = try parallel(3)
        let machine = test.machine
        let words = test.words()
        onThreads(3) { index in
            let cpu = machine.cpu(index)
            let sequence = SequenceCount(words.half(0))
            for round in 1...UInt64(Self.rounds / 2) {
                if index == 0 {
                    sequence.beginWrite(cpu)
                    words.word(1).storeRelaxed(cpu, round, .counter)
                    words.word(2).storeRelaxed(cpu, 0 &- round, .counter)
                    sequence.endWrite(cpu)
                } else {
                    var pair: (UInt64, UInt64)
                    repeat {
                        let begun = sequence.beginRead(cpu)
                        pair = (words.word(1).loadRelaxed(cpu, .counter), words.word(2).loadRelaxed(cpu, .counter))
                        if !sequence.mustRetry(cpu, begun) { break }
                    } while true
                    if pair.0 &+ pair.1 != 0 { words.word(3).add(cpu, 1, .counter) }
                }
            }
        }
        #expect(words.word(3).load(test.cpu, .counter) == 0)
        #expect(words.half(0).load(test.cpu, .sequence) == UInt32(2 * (Self.rounds / 2)))
    }

    @Test func perCPUCountersAddUp() throws {
        let test = try parallel(4)
        let machine = test.machine
        let counters = unsafe PerCPUCounters(base: test.words().counters, cpus: 4)
        onThreads(4) { index in
            let cpu = machine.cpu(index)
            for _ in 0..<Self.rounds { counters.add(cpu, 2, 1) }
            for _ in 0..<Self.rounds / 2 { counters.add(cpu, 3, -1) }
        }
        #expect(counters.sum(2) == Int64(4 * Self.rounds))
        #expect(counters.sum(3) == Int64(-2 * Self.rounds))
        #expect(counters.sum(0) == 0)
    }

    /// One thread waits for each number that the other one posts, and posts back.
    @Test func aWaitQueueWakesItsSleepers() throws {
        let test = try parallel(2)
        let machine = test.machine
        let words = test.words()
        onThreads(2) { index in
            let cpu = machine.cpu(index)
            let mine = WaitQueue(words.half(2 * index))
            let theirs = WaitQueue(words.half(2 - 2 * index))
            for round in 1...500 as ClosedRange<UInt64> {
                if index == 0 {
                    words.word(1).store(cpu, round, .counter)
                    theirs.wakeAll(cpu)
                }
                while true {
                    let ticket = mine.prepare(cpu)
                    if words.word(index == 0 ? 3 : 1).load(cpu, .counter) >= round { break }
                    mine.wait(cpu, ticket)
                }
                if index == 1 {
                    words.word(3).store(cpu, round, .counter)
                    theirs.wakeAll(cpu)
                }
            }
        }
        #expect(words.word(3).load(test.cpu, .counter) == 500)
    }

    /// Sequential machines take the same paths with plain stores: the words end the same.
    @Test func sequentialLocksLeaveTheSameWords() throws {
        let test = try TestMachine()
        let words = test.words()
        let lock = RWSemaphore(words.half(0), .mmapLock)
        lock.writeLock(test.cpu)
        #expect(lock.isWriteLocked && !lock.tryReadLock(test.cpu))
        lock.downgrade(test.cpu)
        #expect(lock.tryReadLock(test.cpu) && !lock.tryWriteLock(test.cpu))
        lock.readUnlock(test.cpu)
        lock.readUnlock(test.cpu)
        #expect(words.half(0).load(test.cpu, .mmapLock) == 0)
        let word = words.word(1)
        #expect(word.exchange(test.cpu, 5, .counter) == 0)
        #expect(word.add(test.cpu, 3, .counter) == 8)
        #expect(!word.replace(test.cpu, 7, with: 1, .counter) && word.replace(test.cpu, 8, with: 1, .counter))
        #expect(word.set(test.cpu, bits: 6, .counter) == 1 && word.load(test.cpu, .counter) == 7)
    }
}

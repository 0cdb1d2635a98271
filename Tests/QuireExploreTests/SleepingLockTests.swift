// Locks and queues that let their waiters sleep, explored in their words: nobody sleeps for ever, in no interleaving; and somebody
// does where one of the three things is missing that see to that.

import Quire
import QuireExplore
import QuireHost
import Testing

@Suite struct SleepingLockTests {
    private typealias Body = @Sendable (LitmusWords, CPU) -> Void

    /// What the bodies come to in every interleaving; the outcome is word 0.
    private func explore(
        _ strategy: Strategy, without safeguards: Set<Safeguard> = [], _ bodies: [Body]
    ) -> Exploration {
        let omissions = Omissions(safeguards: safeguards, opened: [.mmapLock, .folio])
        let words = LitmusWords(count: 4, cpus: bodies.count, host: .linux, without: omissions)
        let scene = Scene(
            reset: { words.reset(hook: $0) },
            bodies: bodies.enumerated().map { number, body in { body(words, words.cpu(number)) } },
            outcome: { "\(words[0])" })
        return Explorer(strategy).explore(scene)
    }

    private static let strategies: [Strategy] = [.exhaustive(preemptions: 3), .dpor]

    /// Adds to word 0 in two steps, which the lock in word 1 keeps together.
    private static let writer: Body = { words, cpu in
        words.writeLock(cpu, 1)
        words.store(cpu, 0, words.load(cpu, 0) + 1)
        words.writeUnlock(cpu, 1)
    }

    private static let reader: Body = { words, cpu in
        words.readLock(cpu, 1)
        _ = words.load(cpu, 0)
        words.readUnlock(cpu, 1)
    }

    private static let downgrader: Body = { words, cpu in
        words.writeLock(cpu, 1)
        words.store(cpu, 0, words.load(cpu, 0) + 1)
        words.downgrade(cpu, 1)
        words.readUnlock(cpu, 1)
    }

    private static let holderOfBits: Body = { words, cpu in
        words.bitLock(cpu, 1)
        words.store(cpu, 0, words.load(cpu, 0) + 1)
        words.bitUnlock(cpu, 1)
    }

    @Test(arguments: strategies) func noWriterAndNoReaderSleepsForEver(_ strategy: Strategy) {
        let writers = explore(strategy, [Self.writer, Self.writer])
        #expect(Array(writers.outcomes.keys) == ["2"] && writers.isExhausted)
        let mixed = explore(strategy, [Self.writer, Self.reader])
        #expect(Array(mixed.outcomes.keys) == ["1"] && mixed.isExhausted)
        let downgraded = explore(strategy, [Self.downgrader, Self.writer])
        #expect(Array(downgraded.outcomes.keys) == ["2"] && downgraded.isExhausted)
    }

    @Test func threeCPUsDoNeither() {
        let result = explore(.exhaustive(preemptions: 2), [Self.writer, Self.downgrader, Self.reader])
        #expect(Array(result.outcomes.keys) == ["2"] && result.isExhausted)
    }

    @Test(arguments: strategies) func nobodySleepsForEverForABitLock(_ strategy: Strategy) {
        let result = explore(strategy, [Self.holderOfBits, Self.holderOfBits])
        #expect(Array(result.outcomes.keys) == ["2"] && result.isExhausted)
    }

    @Test(arguments: [Safeguard.markOfSleeper, .lookBeforeSleeping, .wakeOfSleepers], strategies)
    func withoutOneOfTheThreeSomebodySleepsForEver(_ safeguard: Safeguard, _ strategy: Strategy) {
        for body in [Self.writer, Self.holderOfBits] {
            let result = explore(strategy, without: [safeguard], [body, body])
            #expect(result.outcomes.keys.contains { $0.hasPrefix("deadlock: ") }, "\(safeguard)")
        }
    }

    /// A waiter of a queue takes its ticket before it looks.
    private func waitForWord(_ ticketFirst: Bool) -> Body {
        { words, cpu in
            var ticket = ticketFirst ? words.waitTicket(cpu, 2) : 0
            while words.load(cpu, 0) == 0 {
                if !ticketFirst { ticket = words.waitTicket(cpu, 2) }
                words.wait(cpu, 2, ticket)
                if ticketFirst { ticket = words.waitTicket(cpu, 2) }
            }
        }
    }

    private static let giver: Body = { words, cpu in
        words.store(cpu, 0, 1)
        words.wakeAll(cpu, 2)
    }

    @Test(arguments: strategies) func aQueueLosesNoWakeUp(_ strategy: Strategy) {
        let result = explore(strategy, [waitForWord(true), Self.giver])
        #expect(Array(result.outcomes.keys) == ["1"] && result.isExhausted)
    }

    @Test(arguments: strategies) func aWakeUpIsLostWhereTheTicketComesAfterTheLook(_ strategy: Strategy) {
        let late = explore(strategy, [waitForWord(false), Self.giver])
        #expect(late.outcomes.keys.contains { $0.hasPrefix("deadlock: ") })
        let silent = explore(strategy, without: [.wakeOfSleepers], [waitForWord(true), Self.giver])
        #expect(silent.outcomes.keys.contains { $0.hasPrefix("deadlock: ") })
    }
}

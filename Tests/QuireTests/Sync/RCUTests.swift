// RCU on real threads: what is deferred is not freed while a reader who could have seen it is inside, and is freed
// once all have left.

import Testing

@testable import Quire

@Suite struct RCUTests {
    private func parallel(_ cpus: Int) throws -> TestMachine {
        try TestMachine {
            $0.mode = .parallel
            $0.cpus = cpus
            $0.memory = 16 << 20
        }
    }

    @Test func whatIsDeferredWaitsForTheReaderInside() throws {
        let test = try parallel(2)
        let (writer, reader) = (test.machine.cpu(0), test.machine.cpu(1))
        let free = test.machine.frames.free
        test.memory.rcu.enter(reader)
        let table = test.tables.allocateTable(writer, level: 0)
        test.memory.freeAfterGracePeriod(writer, table)
        for _ in 0..<10 { test.memory.freeExpired(writer) }
        #expect(test.memory.kind(writer, table) == .table)
        #expect(test.machine.frames.free == free - 1)
        test.memory.rcu.exit(reader)
        // A reader who comes now cannot have seen it and does not hold it up for ever.
        for _ in 0..<4 {
            test.memory.rcu.enter(reader)
            test.memory.freeExpired(writer)
            test.memory.rcu.exit(reader)
        }
        #expect(test.memory.kind(writer, table) == .free)
        #expect(test.machine.frames.free == free)
        test.expectNothingLeft()
    }

    @Test func sectionsNest() throws {
        let test = try parallel(2)
        let (writer, reader) = (test.machine.cpu(0), test.machine.cpu(1))
        test.memory.rcu.enter(reader)
        test.memory.rcu.enter(reader)
        test.memory.rcu.exit(reader)
        let epoch = test.memory.rcu.currentEpoch(writer)
        for _ in 0..<5 { #expect(!test.memory.rcu.hasExpired(writer, epoch)) }
        test.memory.rcu.exit(reader)
        #expect(test.memory.rcu.hasExpired(writer, epoch))
    }

    @Test func batchesAreFreedWhole() throws {
        let test = try parallel(1)
        let free = test.machine.frames.free
        let batch = test.memory.allocateBatch(test.cpu)
        for place in 0..<100 {
            let table = test.tables.allocateTable(test.cpu, level: 0)
            test.memory.word(batch, place).store(test.cpu, UInt64(table.rawValue), .entry)
        }
        test.memory.freeBatchAfterGracePeriod(test.cpu, batch, count: 100)
        test.memory.freeAllDeferred(test.cpu)
        #expect(test.machine.frames.free == free)
    }

    /// A writer replaces a published word again and again and poisons the old one after the grace period; readers
    /// follow the word twice and must never meet the poison.
    @Test func readersNeverMeetWhatWasFreed() throws {
        let test = try parallel(3)
        let machine = test.machine
        let words = test.words()
        let memory = test.memory
        let cells = (0..<8).map { _ in memory.allocate(test.cpu, .unmovable) }
        for cell in cells { memory.word(cell, 0).store(test.cpu, 1, .counter) }
        words.word(0).store(test.cpu, UInt64(cells[0].rawValue), .counter)
        onThreads(3) { index in
            let cpu = machine.cpu(index)
            if index == 0 {
                for round in 1...1500 {
                    let fresh = cells[round % 8]
                    memory.word(fresh, 0).store(cpu, 1, .counter)
                    let old = words.word(0).exchange(cpu, UInt64(fresh.rawValue), .counter)
                    memory.rcu.synchronize(cpu)
                    memory.word(FrameNumber(UInt32(old)), 0).store(cpu, 0, .counter)
                }
                words.word(2).store(cpu, 1, .counter)
            } else {
                while words.word(2).load(cpu, .counter) == 0 {
                    memory.rcu.enter(cpu)
                    let cell = FrameNumber(UInt32(words.word(0).load(cpu, .counter)))
                    for _ in 0..<4 where memory.word(cell, 0).load(cpu, .counter) != 1 {
                        words.word(1).add(cpu, 1, .counter)
                    }
                    memory.rcu.exit(cpu)
                }
            }
        }
        #expect(words.word(1).load(test.cpu, .counter) == 0)
        #expect(test.counter(.rcuGracePeriods) >= 1500)
    }
}

// S0-02, S0-03, S0-09: in which order a table is cut out, flushed for and freed. A schedule hook writes down every
// operation of one CPU; the places of the interesting words are known from the arena.

import Testing

@testable import Quire

/// Writes down what happens, as one word for each event that matters here.
private final class Recorder: ScheduleHook {
    var words: [UInt64: String] = [:]
    private(set) var events: [String] = []

    override func point(_ event: SyncEvent, on cpu: CPU) {
        switch event.kind {
        case .flush: events.append("flush")
        case .gracePeriod: events.append("grace period")
        case .store, .readModifyWrite, .lock, .tryLock, .unlock:
            if let name = words[event.object] { events.append("\(event.kind) \(name)") }
        default: break
        }
    }

    /// The place of the first event, from `start` on.
    func first(_ event: String, from start: Int = 0) -> Int? { events[start...].firstIndex(of: event) }
}

@Suite struct FreeingOrderTests {
    private func watched(
        _ configure: (TestMachine) -> Void = { _ in }, splitLocks: Bool = true
    ) throws -> (TestMachine, Recorder, UInt64) {
        let test = try TestMachine {
            $0.mode = .explored
            $0.splitLocks = splitLocks
        }
        let start = try test.map(span)
        test.task.touchWrite(start, 4 * page)
        configure(test)
        let position = test.tables.position(test.cpu, start)
        let recorder = Recorder()
        func place(_ pointer: UnsafeRawPointer) -> UInt64 { UInt64(UInt(bitPattern: pointer)) }
        let records = unsafe test.memory.records
        let pmdWord = unsafe test.memory.word(position.pmdTable, test.tables.format.index(start, level: 1)).cell
        recorder.words[unsafe place(pmdWord)] = "PMD entry"
        recorder.words[unsafe place(test.tables.pmdLock(position.pmdTable).word.cell)] = "PMD lock"
        recorder.words[unsafe place(test.tables.pteLock(position.table).word.cell)] = "PTE lock"
        recorder.words[unsafe place(records + Int(position.table.rawValue) * 32)] = "table's flags"
        let data = test.tables.format.frame(test.entry(start))
        recorder.words[unsafe place(records + Int(data.rawValue) * 32)] = "page's flags"
        test.machine.environment.hook = recorder
        try test.discard(start, span)
        test.machine.environment.hook = nil
        return (test, recorder, position.table.address)
    }

    /// Batch mode and single mode (no frame for the batch), fast path and slow path.
    @Test(arguments: [false, true], [false, true])
    func aTableIsClearedThenFlushedThenFreedAfterAGracePeriod(_ single: Bool, _ slow: Bool) throws {
        let (test, recorder, _) = try watched {
            $0.core.settings.failTryLock = slow
            if single { $0.memory.fail(after: 0) }
        }
        test.memory.fail(after: -1)
        #expect(test.counter(slow ? .tablesFreedSlow : .tablesFreedFast) == 1)
        let clear = try #require(recorder.first("store PMD entry"))
        let unlock = try #require(recorder.first("unlock PMD lock", from: clear))
        let flush = try #require(recorder.first("flush", from: clear), "\(recorder.events)")
        let grace = try #require(recorder.first("grace period", from: flush))
        let free = try #require(recorder.first("store table's flags", from: clear))
        #expect(clear < unlock && unlock < flush && flush < grace && grace < free, "\(recorder.events)")
        let dataFree = try #require(recorder.first("store page's flags"))
        #expect(flush < dataFree, "pages are given back after the flush as well")
        test.expectNothingLeft()
    }

    /// The fast path takes the PMD lock by trying, inside the PTE lock; the slow path takes both in order.
    @Test func theLocksAreTakenInTheirOrder() throws {
        let (fast, recorder, _) = try watched()
        let tried = try #require(recorder.first("tryLock PMD lock"))
        #expect(recorder.first("lock PMD lock") == nil)
        let locked = try #require(recorder.first("lock PTE lock"))
        let unlocked = try #require(recorder.first("unlock PTE lock"))
        #expect(locked < tried && tried < unlocked)
        fast.expectNothingLeft()

        let (slow, other, _) = try watched { $0.core.settings.failTryLock = true }
        let pmd = try #require(other.first("lock PMD lock"))
        let given = try #require(other.first("unlock PTE lock"))
        let again = try #require(other.first("lock PTE lock", from: given))
        let clear = try #require(other.first("store PMD entry"))
        #expect(given < pmd && pmd < again && again < clear)
        slow.expectNothingLeft()
    }

    /// S0-02 with one lock for all tables.
    @Test func theSharedLockIsTakenOnceInTheSlowPath() throws {
        let (test, recorder, _) = try watched(splitLocks: false)
        #expect(test.counter(.tablesFreedSlow) == 1)
        let clear = try #require(recorder.first("store PMD entry"))
        let flush = try #require(recorder.first("flush", from: clear))
        // PMD and PTE lock are one word; the last name given to it counts.
        let unlock = try #require(recorder.first("unlock PTE lock", from: clear))
        #expect(unlock < flush)
        test.expectNothingLeft()
    }

    /// S0-03: a single table waits for readers as a batch does.
    @Test(arguments: [false, true]) func aReaderInsideKeepsTheTable(_ single: Bool) throws {
        let test = try TestMachine {
            $0.mode = .parallel
            $0.cpus = 2
        }
        let start = try test.map(span)
        test.task.touchWrite(start, page)
        let reader = test.machine.cpu(1)
        test.memory.rcu.enter(reader)
        let table = test.tables.position(test.cpu, start).table
        if single { test.memory.fail(after: 0) }
        try test.discard(start, span)
        test.memory.fail(after: -1)
        for _ in 0..<4 { test.machine.afterCall(test.cpu) }
        #expect(test.status.tables[0] == 0)
        #expect(test.memory.kind(reader, table) == .table, "what the reader sees is still a table")
        #expect(test.space.isEmpty(reader, table))
        test.memory.rcu.exit(reader)
        for _ in 0..<4 { test.machine.afterCall(test.cpu) }
        #expect(test.memory.kind(reader, table) == .free)
        test.expectNothingLeft()
    }

    /// S0-09: for a table, the address at which its PMD entry begins is flushed, which drops whatever a CPU has cached on
    /// the way to it (Linux 6.18: pte_free_tlb, by the tracepoint tlb:tlb_flush); for entries, from the first to the last.
    @Test(arguments: Layout.allCases) func theFlushBeginsWithTheSpanOfTheTable(_ layout: Layout) throws {
        let test = try TestMachine {
            layout.apply(&$0)
            $0.tlb = true
        }
        let start = try test.map(2 * span)
        test.task.touchWrite(start + 20 * page, page)
        test.task.touchWrite(start + span, page)
        let before = test.counter(.tlbFlushedPages)
        try test.discard(start, span)
        #expect(test.counter(.tlbFlushedPages) - before == 21)
        #expect(test.counter(.tlbFlushes) >= 1)
        // The neighbour's translation stays.
        let hits = test.counter(.tlbHits)
        #expect(test.byte(start + span) != nil)
        #expect(test.counter(.tlbHits) == hits + 1)
        test.expectNothingLeft()
    }
}

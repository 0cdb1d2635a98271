// Threads on real ones: what a file comes to does not depend on it, and its blocks really run at the same time.

import QuireWorkload
import Testing

@Suite struct ThreadedReplayTests {
    private func run(_ text: String, threads: Bool) throws -> RunRecord {
        let record = RunRecord()
        var options = ReplayOptions()
        options.usesThreads = threads
        options.settings = [("machine.memory", "256M")]
        #expect(try Replay(options).run(WorkloadReader(text: text), to: MemorySink(), record: record) == .same)
        return record
    }

    private let twoThreads = """
        a = mmap(0x100000000000, 16M, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
        t = thread()
        touch_write(a, 4M)
        [t] touch_write(a+8M, 4M)
        touch_write(a+4M, 2M)
        [t] store(a+12M, 8K, 7)
        madvise(a, 4M, MADV_DONTNEED)
        [t] touch_read(a, 1M)
        touch_write(a+6M, 2M)
        r = load(a+12M, 1)
        expect r == 7

        """

    @Test func linesOfSeveralThreadsEndAsInTheirOrder() throws {
        let one = try run(twoThreads, threads: false)
        let two = try run(twoThreads, threads: true)
        #expect(one.final.map(\.smaps) == two.final.map(\.smaps))
        #expect(one.final.map(\.stat.minflt) == two.final.map(\.stat.minflt))
        #expect(one.calls.map(\.outcome) == two.calls.map(\.outcome))
    }

    @Test func aBlocksSequencesRunAndBindTheirNames() throws {
        let text = """
            a = mmap(0x100000000000, 4M, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
            t = thread()
            u = thread()
            parallel
            [t] touch_write(a, 2M)
            [t] store(a, 1, 3)
            [t] r1 = load(a, 1)
            [u] touch_write(a+2M, 2M)
            [u] r2 = load(a+2M, 1)
            madvise(a+1M, 4K, MADV_COLD)
            end
            expect r1 == 3
            never r2 == 3

            """
        let record = try run(text, threads: true)
        #expect(record.calls.filter { $0.call == "load" }.count == 2)
        #expect(record.calls.map(\.line) == record.calls.map(\.line).sorted())
        #expect(record.final.first?.stat.minflt == 1024)
    }

    @Test func moreThreadsThanCPUsAreRefused() {
        var options = ReplayOptions()
        options.usesThreads = true
        options.settings = [("machine.memory", "256M"), ("machine.cpus", "1")]
        let text = "t = thread()\nparallel\nmunmap(0x100000000000, 4K)\n[t] munmap(0x100000000000, 4K)\nend\n"
        #expect(throws: ReplayError.self) { try Replay(options).run(WorkloadReader(text: text), to: MemorySink()) }
    }
}

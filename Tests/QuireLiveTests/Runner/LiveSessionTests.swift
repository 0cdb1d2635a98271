// Many workloads in one session of the live kernel: each begins with nothing of the one before, and random ones end as on
// the two models.

import QuireConform
import QuireWorkload
import Testing

@testable import QuireLive

private let obstacle: String? = {
    do {
        let record = try LiveSession().run(WorkloadReader(text: "munmap(0x100000000000, 4K)"))
        if let reason = record.skipped { throw LiveRunError.skipped(reason) }
        if !kernelName().release.hasPrefix("6.18") { throw LiveRunError.skipped("the kernel is not Linux 6.18") }
        return nil
    } catch {
        print("live session tests skipped: \(error)")
        return "\(error)"
    }
}()

// Part of that suite, so that one run at a time is on the kernel, whose settings runs turn.
extension LiveReplayTests {
    @Suite(.serialized, .enabled(if: obstacle == nil, "this host cannot run workloads live"))
    struct Sessions {
        @Test func eachRunBeginsAnew() throws {
            let session = try LiveSession()
            defer { session.end() }
            let text = """
                fd = openat(AT_FDCWD, "f", O_RDWR|O_CREAT|O_EXCL, 0600)
                mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED_NOREPLACE, -1, 0)
                touch_write(0x100000000000, 64K)
                brk(0x180000001000)
                mlockall(MCL_FUTURE)
                c = fork()
                """
            for _ in 1...3 {
                let record = try session.run(WorkloadReader(text: text))
                #expect(record.calls.map(\.outcome.isFailure) == [false, false, false, false, false, false])
                #expect(record.calls.first?.outcome == .result(3))
                #expect(record.base.first?.smaps == [])
                #expect(record.final.map(\.pid) == [1, 2])
                #expect(record.final.first?.stat.minflt == 16)
            }
        }

        @Test func threadsMayStartWorkersAtOnce() async throws {
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 1...8 {
                    group.addTask {
                        for _ in 1...20 {
                            let (channel, pid) = try WorkerChannel.startWorker(cpu: 0, directory: "/")
                            LiveProcess(number: 0, parent: 0, pid: pid, channel: channel).end()
                        }
                        return true
                    }
                }
                for try await ended in group { #expect(ended) }
            }
        }

        @Test func whatAWorkloadLocksOfItsOwnProcessIsNotItsOwn() throws {
            let session = try LiveSession()
            defer { session.end() }
            let text = """
                mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
                mlockall(MCL_CURRENT)
                """
            let live = try session.run(WorkloadReader(text: text))
            let model = RunRecord()
            _ = try Replay(ReplayOptions()).run(WorkloadReader(text: text), to: MemorySink(), record: model)
            #expect(RunComparison(model: model, live: live).differences.map(\.description) == [])
        }

        @Test(arguments: [Weights.standard, .edges]) func randomWorkloadsEndAsOnTheModels(_ weights: Weights) throws {
            let session = try LiveSession()
            defer { session.end() }
            var hunt = Hunt()
            hunt.weights = weights
            hunt.operations = 150
            hunt.live = { text throws(LivePlayError) in
                do throws(LiveRunError) {
                    return try session.run(WorkloadReader(text: text))
                } catch {
                    throw .failed(error.description)
                }
            }
            for seed in 1...8 {
                let found = try hunt.run(hunt.workload(seed: seed), name: "seed-\(seed)")
                #expect(found == nil, "seed \(seed): \(found?.text ?? "")")
            }
            #expect(hunt.liveCount == 8)
        }
    }
}

extension CallReport.Outcome {
    fileprivate var isFailure: Bool {
        switch self {
        case .result, .address, .none: false
        case .error, .signal, .unsupported, .lost: true
        }
    }
}

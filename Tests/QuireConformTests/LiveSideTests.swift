// The third side without a kernel: a function that plays a workload on another model and plants a bug in what it records.

import QuireWorkload
import Testing

@testable import QuireConform

@Suite struct LiveSideTests {
    /// A live side that is the model itself, with its record changed.
    private func side(_ change: @escaping (RunRecord) -> Void) -> LivePlay {
        { text throws(LivePlayError) in
            let record = RunRecord()
            do throws(ReplayError) {
                _ = try Replay(ReplayOptions()).run(WorkloadReader(text: text), to: MemorySink(), record: record)
            } catch {
                throw .failed(error.description)
            }
            change(record)
            return record
        }
    }

    private func hunt(_ live: @escaping LivePlay) throws -> (found: Difference?, hunt: Hunt) {
        var hunt = Hunt()
        hunt.operations = 100
        hunt.live = live
        for seed in 1...20 {
            if let found = try hunt.run(hunt.workload(seed: seed), name: "seed-\(seed)") { return (found, hunt) }
        }
        return (nil, hunt)
    }

    @Test func aSideThatIsTheSameAgrees() throws {
        let (found, hunt) = try hunt(side { _ in })
        #expect(found == nil)
        #expect(hunt.liveCount == 20)
        #expect(hunt.abstentions.keys.allSatisfy { $0.contains("where Linux puts") })
    }

    @Test func anotherErrnoIsFoundAndShrunk() throws {
        let (found, hunt) = try hunt(
            side { record in
                for index in record.calls.indices where record.calls[index].outcome == .error("ENOMEM") {
                    if record.calls[index].call == "mprotect" { record.calls[index].outcome = .error("EINVAL") }
                }
            })
        let first = try #require(found)
        #expect(first.kind == Difference.Kind(other: .live, call: "mprotect", field: "errno"))
        let small = hunt.shrink(first)
        #expect(small.kind == first.kind)
        #expect(small.operations.count <= 2)
        #expect(hunt.arbiter(small) == "reference agrees with the model")
    }

    @Test func anotherCounterIsFoundAndShrunk() throws {
        let (found, hunt) = try hunt(
            side { record in
                func change(_ process: inout ProcessReport) {
                    guard let areas = process.smaps, areas.contains(where: { $0.vmFlags.contains("wf") }) else {
                        return
                    }
                    process.status.vmPTE = (process.status.vmPTE ?? 0) + 4
                }
                for index in record.final.indices { change(&record.final[index]) }
                for index in record.snapshots.indices {
                    for place in record.snapshots[index].processes.indices {
                        change(&record.snapshots[index].processes[place])
                    }
                }
            })
        let first = try #require(found)
        #expect(first.kind == Difference.Kind(other: .live, call: nil, field: "VmPTE since the start"))
        let small = hunt.shrink(first)
        #expect(small.operations.count <= 3)
        #expect(small.operations.last?.call == .madvise)
    }

    @Test func anotherAnswerToAFileIsShrunkToLines() throws {
        let text = """
            # a file with a line that is no operation
            a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
            read_sys("/proc/sys/vm/overcommit_memory")
            touch_write(a, 64K)
            snapshot("x")
            munmap(a+4K, 4K)
            load(a, 1)
            """
        var hunt = FileHunt(
            live: side { record in
                for index in record.calls.indices where record.calls[index].call == "load" {
                    record.calls[index].data = [9]
                }
            })
        let found = try #require(try hunt.run(text))
        #expect(found.kind == Difference.Kind(other: .live, call: "load", field: "data"))
        #expect(hunt.asOperations(found) == nil)
        let small = hunt.shrink(found)
        #expect(small.lines.count == 2)
        #expect(small.lines.last == "load(a, 1)")
    }

    @Test func aLiveSideThatFailsEndsTheHunt() {
        #expect(throws: HuntError.self) { try self.hunt { _ throws(LivePlayError) in throw .interrupted } }
    }
}

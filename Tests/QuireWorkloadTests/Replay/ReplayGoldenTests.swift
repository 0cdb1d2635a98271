// The suite of Tests/Workloads on the model: what it answers is what a Linux 6.18 kernel answered.

import Quire
import Testing
import WorkloadSuite

@testable import QuireWorkload

@Suite struct ReplayGoldenTests {
    @Test func suiteIsThere() { #expect(WorkloadFile.all.count > 120) }

    @Test(arguments: WorkloadFile.all) func modelAnswersAsTheKernel(_ file: WorkloadFile) throws {
        var options = ReplayOptions()
        options.settings = [("machine.memory", "64M")]
        let record = RunRecord(workload: file.name)
        _ = try Replay(options).run(WorkloadReader(text: file.text()), to: MemorySink(), record: record)
        let wanted = try file.golden()
        let got = record.goldenLines
        #expect(record.skipped == nil)
        #expect(got.count == wanted.count)
        for (line, expected) in zip(got, wanted) where line != expected {
            Issue.record("the kernel: \(expected)\n  the model: \(line)")
            return
        }
    }

    @Test(arguments: WorkloadFile.all) func everyFrameComesBack(_ file: WorkloadFile) throws {
        let stage = try Stage(file.text())
        #expect(stage.play(checking: true) == [])
        #expect(stage.framesLeft() == 0)
        #expect(stage.machine.committedPages == 0)
    }

    /// With TLBs, and folios of the sizes that they are for, no translation outlives what it stood for (INV-TLB-ONE,
    /// INV-TLB-SIZE), after any line, and the hardware walker accepts what is left.
    @Test(arguments: WorkloadFile.all, [Architecture.x86_64, .arm64]) func noTranslationIsStale(
        _ file: WorkloadFile, _ architecture: Architecture
    ) throws {
        let stage = try Stage(file.text()) {
            $0.architecture = architecture
            $0.cpus = 2
            $0.tlb = true
            // Small, so that much is evicted and comes back.
            $0.tlbGeometry = TLBGeometry("l1:8x4,l2:32x4")
        }
        for size in [64, 2048] {
            try stage.machine.set("/sys/kernel/mm/transparent_hugepage/hugepages-\(size)kB/enabled", "always")
        }
        _ = stage.play(checking: true)
        #expect(stage.framesLeft() == 0)
    }

    @Test func sameFileGivesTheSameBytes() throws {
        let text = try WorkloadFile.named("random/seed-7").text()
        #expect(Replayed(text).text == Replayed(text).text)
    }
}

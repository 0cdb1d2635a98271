// The suite of Tests/Workloads on the model: what it answers is what a Linux 6.18 kernel answered.

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

    @Test func sameFileGivesTheSameBytes() throws {
        let text = try WorkloadFile.named("random/seed-7").text()
        #expect(Replayed(text).text == Replayed(text).text)
    }
}

// Workloads on the live kernel: each shipped one must end as on the model. Where the host cannot run them, the reason is
// printed and the suite is skipped. Serial: one run at a time is all a machine takes.

import Foundation
import QuireWorkload
import Testing
import WorkloadSuite

@testable import QuireLive

private let obstacle: String? = {
    var reason = LiveReplay.obstacle
    if reason == nil {
        do { reason = try LiveReplay().run(WorkloadReader(text: "munmap(0x100000000000, 4K)")).skipped } catch {
            reason = "\(error)"
        }
    }
    // The goldens are what this series of kernels does.
    if reason == nil, !kernelName().release.hasPrefix("6.18") { reason = "the kernel is not Linux 6.18" }
    if let reason { print("live replay tests skipped: \(reason)") }
    return reason
}()

@Suite(.serialized, .enabled(if: obstacle == nil, "this host cannot run workloads live"))
struct LiveReplayTests {
    @Test(arguments: WorkloadFile.all) func kernelAnswersAsTheModelAndAsBefore(_ file: WorkloadFile) throws {
        let text = try file.text()
        let model = RunRecord(workload: file.name)
        var options = ReplayOptions()
        options.settings = [("machine.memory", "64M")]
        _ = try Replay(options).run(WorkloadReader(text: text), to: MemorySink(), record: model)
        let live = try LiveReplay().run(WorkloadReader(text: text))
        if let reason = live.skipped { return print("\(file.name) skipped: \(reason)") }
        // Marks of use may wait in the kernel's batches.
        let mayWait = ["random", "huge-pages", "pins"].contains { file.name.contains($0) }
        let comparison = RunComparison(model: model, live: live, withReferenced: !mayWait)
        #expect(comparison.calls > 0)
        #expect(comparison.differences.prefix(5).map(\.description) == [])
        #expect(try live.goldenLines == file.golden())
    }

    @Test func processThatTheKernelEndsIsLost() throws {
        // The worker's own block lies behind the window.
        let text = "c = fork()\n[c] munmap(0x210000000000, 256K)\nmunmap(0x100000000000, 4K)\n"
        let live = try LiveReplay().run(WorkloadReader(text: text))
        #expect(live.calls.map(\.outcome) == [.result(2), .lost("killed"), .result(0)])
        #expect(live.final.map(\.pid) == [1])
    }

    @Test func settingsAreUndone() throws {
        let path = "/proc/sys/vm/max_map_count"
        let before = try readText(path)
        let text = "write_sys(\"\(path)\", \"\((Int(before) ?? 0) + 7)\")\nread_sys(\"\(path)\")\n"
        let live = try LiveReplay().run(WorkloadReader(text: text))
        if live.calls.first?.outcome == .result(0) { #expect(live.calls.last?.value != before) }
        #expect(try readText(path) == before)
    }

    @Test func recordingIsSkippedWithTheLine() throws {
        let live = try LiveReplay().run(WorkloadReader(text: "12 munmap(0x100000000000, 4096) = 0\n"))
        #expect(live.skipped?.contains("line 1") == true)
    }

    @Test func brokenLineNamesItsPlace() {
        #expect(throws: LiveRunError.self) { try LiveReplay().run(WorkloadReader(text: "munmap(1)\n")) }
    }
}

@Suite struct RunComparisonTests {
    private static func record(_ change: (inout ProcessReport.Area, inout CallReport) -> Void = { _, _ in })
        -> RunRecord
    {
        var area = ProcessReport.Area(start: 0x1000_0000_0000, end: 0x1000_0001_0000, perms: "rw-p")
        area.rss = 4
        area.vmFlags = ["rd", "wr", "sd"]
        var call = CallReport(line: 1, pid: 1, call: "mmap", outcome: .address(0x1000_0000_0000))
        change(&area, &call)
        let record = RunRecord()
        var process = ProcessReport(pid: 1)
        process.status.vmPTE = 12
        process.smaps = [area]
        record.calls = [call]
        record.final = [process]
        return record
    }

    private func differences(_ change: (inout ProcessReport.Area, inout CallReport) -> Void) -> [String] {
        RunComparison(model: Self.record(), live: Self.record(change)).differences.map(\.description)
    }

    @Test func sameRunsHaveNone() { #expect(differences { _, _ in } == []) }

    @Test func counterAndFlagsAreNamed() {
        let place = "final pid 1 100000000000-100000010000"
        #expect(differences { area, _ in area.rss = 8 } == ["\(place): Rss: 4 | 8"])
        #expect(differences { area, _ in area.vmFlags = ["rd", "ac"] } == ["\(place): VmFlags: wr | ac"])
        #expect(differences { area, _ in area.referenced = 8 } == [])
    }

    @Test func outcomeIsComparedByItsMembers() {
        #expect(
            differences { _, call in call.outcome = .error("ENOMEM") } == [
                "line 1 mmap: result: 17592186044416 | none", "line 1 mmap: errno: none | ENOMEM",
            ])
        #expect(differences { _, call in call.outcome = .unsupported } == [])
    }

    @Test func tablesAreCountedFromTheStart() {
        let live = Self.record()
        var start = ProcessReport(pid: 1)
        start.status.vmPTE = 8
        live.base = [start]
        #expect(
            RunComparison(model: Self.record(), live: live).differences.map(\.description)
                == ["final pid 1: VmPTE since the start: 12 | 4"])
    }
}

// The report as bytes: order, separators, escapes, null for what is not observed; spools that go to a file; and the
// tables for people.

import Foundation
import Testing

@testable import QuireWorkload

@Suite struct ReportTests {
    static func process(_ pid: Int, pte: UInt64? = 12) -> ProcessReport {
        var process = ProcessReport(pid: pid)
        process.status.vmSize = 128
        process.status.vmPTE = pte
        process.stat.minflt = 3
        var area = ProcessReport.Area(start: 0x1000_0000_0000, end: 0x1000_0002_0000, perms: "rw-p")
        area.size = 128
        area.vmFlags = ["rd", "wr"]
        process.smaps = [area]
        var tables = ProcessReport.PageTables()
        tables.pte = 25
        process.pagetables = tables
        return process
    }

    static func write(to sink: any ByteSink, calls: Int = 4, snapshots: Int = 2, writesCalls: Bool = true) throws {
        var report = ReportWriter(
            to: sink, workload: "a \"b\".q", machine: [("arch", .text("x86_64")), ("cpus", .number(1)), ("x", .null)],
            base: [process(1)], writesCalls: writesCalls)
        let outcomes: [CallReport.Outcome] = [
            .address(.max), .error("ENOMEM"), .signal("SIGSEGV", code: "SEGV_MAPERR", address: 4096), .result(-1),
        ]
        for index in 0..<calls {
            var call = CallReport(line: index + 1, pid: 1, call: "mmap", outcome: outcomes[index % 4])
            if index % 4 == 3 {
                call.data = [0, 0x41, 0xFF]
                call.fnv1a64 = 0x1F
                call.regions = [.init(start: 1, end: 2, categories: ["PAGE_IS_WRITTEN"])]
            }
            report.call(call)
            report.divergence(Divergence(line: index, call: "mmap", expected: "0", got: "ENOMEM"))
        }
        for index in 0..<snapshots { report.snapshot("s\(index)\n\u{1}", [process(1), process(2, pte: nil)]) }
        report.exited(process(3))
        report.exited(process(4))
        try report.finish(
            final: [process(1)], ignored: [("zoo", 2), ("ant", 1)], counters: [("tables_made", 7), ("n", nil)])
    }

    @Test func reportIsJSONOfTheContract() throws {
        let sink = MemorySink()
        try Self.write(to: sink)
        let report = try #require(try JSONSerialization.jsonObject(with: Data(sink.bytes)) as? [String: Any])
        #expect(
            Set(report.keys) == [
                "workload", "machine", "base", "calls", "divergences", "ignored", "snapshots", "final", "exited",
                "counters",
            ])
        #expect(report["workload"] as? String == "a \"b\".q")
        let calls = try #require(report["calls"] as? [[String: Any]])
        #expect(calls[0]["result"] as? UInt64 == .max)
        #expect(calls[1]["errno"] as? String == "ENOMEM")
        #expect(calls[2]["code"] as? String == "SEGV_MAPERR")
        #expect(calls[3]["data"] as? String == "0041ff")
        #expect(calls[3]["fnv1a64"] as? String == "000000000000001f")
        #expect((report["snapshots"] as? [String: Any])?.keys.sorted() == ["s0\n\u{1}", "s1\n\u{1}"])
        let exited = try #require(report["exited"] as? [[String: Any]])
        #expect(exited.map { $0["pid"] as? Int } == [3, 4])
        #expect(exited.allSatisfy { $0["smaps"] == nil })
        #expect((report["divergences"] as? [String: Any])?["count"] as? Int == 4)
        let final = try #require(report["final"] as? [[String: Any]])
        let status = try #require(final[0]["status"] as? [String: Any])
        #expect(status.count == 12 && status["VmRSS"] is NSNull && status["VmPTE"] as? Int == 12)
        #expect((final[0]["pagetables"] as? [String: Any])?["peak_pte_kB"] as? Int == 0)
    }

    @Test func sameRunGivesSameBytes() throws {
        let (first, second) = (MemorySink(), MemorySink())
        try Self.write(to: first)
        try Self.write(to: second)
        #expect(first.bytes == second.bytes)
        #expect(first.text.hasSuffix("\"counters\": {\"tables_made\": 7, \"n\": null}\n}\n"))
        #expect(first.text.contains("\"ignored\": {\"ant\": 1, \"zoo\": 2}"))
    }

    @Test func longReportGoesThroughFilesAndStaysWhole() throws {
        let sink = MemorySink()
        try Self.write(to: sink, calls: 5000, snapshots: 2000)
        let report = try #require(try JSONSerialization.jsonObject(with: Data(sink.bytes)) as? [String: Any])
        #expect((report["calls"] as? [Any])?.count == 5000)
        #expect((report["snapshots"] as? [String: Any])?.count == 2000)
        let divergences = try #require(report["divergences"] as? [String: Any])
        #expect(divergences["count"] as? Int == 5000)
        #expect((divergences["first"] as? [Any])?.count == 1000)
    }

    @Test func emptyReportAndLeftOutCalls() throws {
        let sink = MemorySink()
        var report = ReportWriter(to: sink, workload: "", machine: [], base: [], writesCalls: false)
        report.call(CallReport(line: 1, pid: 1, call: "x", outcome: .none))
        try report.finish(final: [], ignored: [], counters: [])
        #expect(
            sink.text == """
                {
                  "workload": "",
                  "machine": {},
                  "base": [],
                  "divergences": {"count": 0, "first": []},
                  "ignored": {},
                  "snapshots": {},
                  "final": [],
                  "exited": [],
                  "counters": {}
                }

                """)
    }

    @Test func comparisonHoldsAReportPerColumn() throws {
        let comparison = ComparisonWriter(key: "pt_reclaim", values: ["off", "sync"])
        for column in 0..<2 { try Self.write(to: comparison.sink(column)) }
        let sink = MemorySink()
        try comparison.finish(to: sink)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(sink.bytes)) as? [String: Any])
        #expect(object["key"] as? String == "pt_reclaim")
        #expect((object["columns"] as? [String: Any])?.keys.sorted() == ["off", "sync"])
    }

    @Test func skippedReportSaysWhy() throws {
        let sink = MemorySink()
        try ReportWriter.skipped(to: sink, workload: "w.q", machine: [], reason: "needs swap")
        let object = try #require(try JSONSerialization.jsonObject(with: Data(sink.bytes)) as? [String: Any])
        #expect(object["skipped"] as? String == "needs swap")
    }

    @Test func failingSinkIsReported() {
        final class Full: ByteSink {
            func write(_ bytes: ContiguousArray<UInt8>) throws(InputError) { throw InputError("full") }
        }
        #expect(throws: InputError("full")) { try Self.write(to: Full()) }
    }

    // MARK: Tables

    @Test func tableAlignsNumbersRight() {
        var table = TextTable([("name", .left), ("kB", .right)])
        table.add(["a", "1"])
        table.add(["longer", TextTable.cell(12345)])
        table.add(["none", TextTable.cell(nil)])
        #expect(table.render() == "name       kB\na           1\nlonger  12345\nnone        –\n")
    }

    @Test func summaryShowsSnapshotsCountersAndDivergences() {
        var summary = ReportSummary()
        summary.add("final", [Self.process(1)])
        summary.counters = [("tables_made", 7)]
        summary.ignored = [("futex", 3)]
        summary.add(Divergence(line: 4, call: "mmap", expected: "0", got: "ENOMEM"))
        #expect(
            summary.render() == """
                snapshot  pid  VmSize  RssAnon  RssFile  RssShmem  VmPTE  VmSwap  PTE tables  empty  minflt  majflt
                final       1     128        –        –         –     12       –          25      0       3       –

                counter      value
                tables_made      7

                1 line ended differently from the recording
                line  call  recorded  model
                   4  mmap  0         ENOMEM

                ignored: futex (3)

                """)
    }

    @Test func comparisonTableHasAColumnPerValue() {
        let columns = [("off", UInt64(64)), ("sync", 12)].map { value, pte in
            var summary = ReportSummary()
            summary.add("end", [Self.process(1, pte: pte)])
            summary.counters = [("tables_freed", pte)]
            return (value: value, summary: summary)
        }
        #expect(
            ReportSummary.compare(key: "pt_reclaim", columns) == """
                snapshot  pid  pt_reclaim    off  sync
                end         1  VmSize        128   128
                end         1  VmPTE          64    12
                end         1  PTE tables     25    25
                end         1  empty           0     0
                end         1  minflt          3     3
                               tables_freed   64    12

                """)
    }
}

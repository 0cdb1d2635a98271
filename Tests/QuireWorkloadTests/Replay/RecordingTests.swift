// The recordings that ship with Quire, replayed against the truth that /proc told when they were made: no divergence,
// and at every snapshot VmSize, RssAnon, VmPTE, each area's anonymous pages and its flags exactly; file pages within
// 100 kB or 2 %, since which of them lie in large folios is not in a recording.

import Foundation
import Quire
import Testing

@testable import QuireWorkload

@Suite struct RecordingTests {
    static let names = ["gcc", "java", "jemalloc", "node", "redis"]

    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Examples")

    private func replay(
        _ name: String, _ settings: [(key: String, value: String)] = [], ended: ((Machine) -> Void)? = nil
    ) throws -> (verdict: ReplayVerdict, text: Data) {
        var options = ReplayOptions()
        options.writesJSON = true
        options.writesCalls = false
        options.settings = settings
        let sink = MemorySink()
        let path = Self.folder.appending(path: "\(name).q.xz").path(percentEncoded: false)
        let verdict = try Replay(options, notes: ReplayNotes(ended: ended)).run(
            try WorkloadReader(path: path), to: sink)
        return (verdict, Data(sink.bytes))
    }

    @Test(arguments: names) func equalsTheTruthAtEverySnapshot(_ name: String) throws {
        let replayed = try replay(name)
        #expect(replayed.verdict == .same)
        let model = try JSONDecoder().decode(Report.self, from: replayed.text)
        let truth = try JSONDecoder().decode(
            Report.self, from: Data(contentsOf: Self.folder.appending(path: "\(name).truth.json")))
        #expect(model.divergences?.count == 0)
        #expect(Set(model.snapshots.keys) == Set(truth.snapshots.keys))
        for (label, processes) in truth.snapshots {
            for process in processes {
                let found = model.snapshots[label]?.first { $0.pid == process.pid }
                compare(try #require(found, "\(label): no process \(process.pid)"), with: process, "\(name) \(label)")
            }
            #expect(model.snapshots[label]?.count == processes.count)
        }
    }

    private func compare(_ model: Process, with truth: Process, _ place: String) {
        for key in ["VmSize", "RssAnon", "VmPTE"] {
            #expect(model.status[key] == truth.status[key], "\(place) pid \(truth.pid): \(key)")
        }
        func filePages(_ process: Process) -> Double {
            Double((process.status["RssFile"] ?? 0) + (process.status["RssShmem"] ?? 0))
        }
        #expect(abs(filePages(model) - filePages(truth)) <= max(100, filePages(truth) * 0.02), "\(place): RssFile")
        // The vsyscall page is the kernel's: it lies outside of every address space.
        let expected = truth.smaps.filter { $0.path != "[vsyscall]" }
        #expect(model.smaps.map(\.range) == expected.map(\.range), "\(place): areas")
        for (ours, theirs) in zip(model.smaps, expected) {
            #expect(ours.Anonymous == theirs.Anonymous, "\(place) \(theirs.range): Anonymous")
            if theirs.path.hasPrefix("[v") { continue }
            #expect(ours.VmFlags == theirs.VmFlags.filter { $0 != "sd" }, "\(place) \(theirs.range): VmFlags")
        }
    }

    @Test(arguments: names) func leavesNoFrameBehind(_ name: String) throws {
        var left: UInt64?
        _ = try replay(name) { machine in
            machine.shutDown()
            left = machine.frames.total - machine.frames.free
        }
        // Frame 0, which is never handed out, and the zero page.
        #expect(left == 2)
    }

    @Test func printsTheSameBytesTwice() throws {
        #expect(try replay("redis").text == replay("redis").text)
    }

    @Test func reclaimOffLeavesTheTablesAndChangesNothingElse() throws {
        let off = try JSONDecoder().decode(Report.self, from: replay("jemalloc", [("pt_reclaim", "off")]).text)
        let sync = try JSONDecoder().decode(Report.self, from: replay("jemalloc").text)
        for (label, processes) in sync.snapshots {
            for (with, without) in zip(processes, off.snapshots[label] ?? []) {
                #expect(with.smaps == without.smaps)
                #expect(with.status["VmPTE"]! <= without.status["VmPTE"]!)
            }
        }
        #expect(off.snapshots["wave1_freed"]?.first?.status["VmPTE"] == 260)
        #expect(sync.snapshots["wave1_freed"]?.first?.status["VmPTE"] == 144)
    }

    // MARK: What is read of a report

    private struct Report: Decodable {
        var snapshots: [String: [Process]]
        var divergences: Count?
    }

    private struct Count: Decodable { var count: Int }

    private struct Process: Decodable {
        var pid: Int
        var status: [String: UInt64]
        var smaps: [Area]
    }

    private struct Area: Decodable, Equatable {
        var start: UInt64
        var end: UInt64
        var path: String
        var Anonymous: UInt64
        var VmFlags: [String]

        var range: String { String(start, radix: 16) + "-" + String(end, radix: 16) }
    }
}

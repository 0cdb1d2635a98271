// A real recording of a shell that stops itself: only where strace, perf and the rights are, else skipped with the reason.

import Foundation
import Testing

@testable import QuireRecord

@Suite(.serialized) struct EndToEndTests {
    /// Why this machine cannot record with tracepoints; nil if it can.
    static var obstacle: String? {
        for tool in ["/usr/bin/strace", "/usr/bin/perf"] where !FileManager.default.isExecutableFile(atPath: tool) {
            return "\(tool) is not installed"
        }
        return Preflight.isRoot ? nil : "not root: no tracepoints"
    }

    @Test(.enabled(if: obstacle == nil, "\(obstacle ?? "")"))
    func aShellThatStopsItselfIsRecordedWithItsTruth() async throws {
        let folder = NSTemporaryDirectory() + "quire-record-test-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let script = "echo rest >> $QUIRE_RECORD_LABELS; kill -STOP $$; /bin/true"
        let recorder = Recorder(RecordOptions(command: ["sh", "-c", script], output: folder + "/sh.q")) { _ in }
        let summary: RecordSummary
        do { summary = try await recorder.record() } catch let error as RecordError {
            // A container may hide what the check above cannot see.
            print("skipped: \(error)")
            return
        }
        #expect(summary.failure == nil)
        #expect(summary.snapshots == ["rest"])
        let text = try String(contentsOfFile: folder + "/sh.q", encoding: .utf8)
        let lines = text.split(separator: "\n")
        #expect(lines.filter { $0.hasPrefix("# recorded-on: ") }.count >= 6)
        #expect(lines.contains { $0.hasSuffix("# image [stack]") })
        #expect(lines.contains { $0.contains(" snapshot(\"rest\")") })
        #expect(lines.contains { $0.contains("execve(\"/bin/true\"") })
        #expect(lines.filter { $0.contains(" touch_") }.count > 50)

        let data = try Data(contentsOf: URL(fileURLWithPath: folder + "/sh.truth.json"))
        let truth = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
        let snapshots = try #require(truth["snapshots"] as? [String: [[String: Any]]])
        let process = try #require(snapshots["rest"]?.first)
        let status = try #require(process["status"] as? [String: Int])
        let areas = try #require(process["smaps"] as? [[String: Any]])
        let total = areas.reduce(0) { $0 + (($1["Size"] as? Int) ?? 0) }
        // [vsyscall] is not the process's own.
        let vsyscall = areas.contains { $0["path"] as? String == "[vsyscall]" } ? 4 : 0
        #expect(status["VmSize"] == total - vsyscall)
    }

    @Test(.enabled(if: obstacle == nil, "\(obstacle ?? "")"))
    func aCommandThatDoesNotExistIsAUsageError() async throws {
        let path = NSTemporaryDirectory() + "quire-record-none-\(UUID().uuidString).q"
        let recorder = Recorder(RecordOptions(command: ["/no/such/program"], output: path)) { _ in }
        do {
            _ = try await recorder.record()
            Issue.record("recorded a program that does not exist")
        } catch let error as RecordError {
            #expect(error.exitStatus == 2 || error.exitStatus == 77)
        }
        #expect(!FileManager.default.fileExists(atPath: path))
    }
}

// `quire race FILE --live N`: the same litmus test on real threads of this machine's kernel. Whatever the kernel shows must be
// among what the explorer lists with store buffers on; what is not is a finding, of the explorer's or of the kernel's.

import ArgumentParser
import QuireExplore
import QuireLive
import QuireWorkload

/// A litmus file on the model and on the kernel.
struct RaceLive {
    let path: String
    let count: Int
    let command: RaceCommand

    func run() throws {
        InterruptFlag.install()
        let file: LitmusFile
        do { file = try LitmusFile(path: path) } catch { throw RaceCommand.fail(error.description) }
        var explorer = try command.explorer(.dpor)
        explorer.hasStoreBuffers = true
        let report = try command.report(on: try command.subjectOfFile(path), explorer)
        let seen: [String: Int]
        do { seen = try runLive(file) } catch LiveRunError.skipped(let reason) {
            throw RaceCommand.fail("live: \(reason)", .skipped)
        }
        let unexplored = seen.keys.filter { report.exploration.outcomes[$0] == nil }.sorted()
        command.json ? try writeJSON(report, seen, unexplored) : printText(report, seen, unexplored)
        if !unexplored.isEmpty { throw ExitCode(report.exploration.isExhausted ? 1 : 3) }
        if report.status != 0 { throw ExitCode(report.status) }
    }

    /// Runs it on the kernel. Throws `LiveRunError.skipped` where the kernel cannot be asked.
    func runLive(_ file: LitmusFile, _ title: String = "live") throws -> [String: Int] {
        let bar = ProgressBar(title)
        defer { bar.finish() }
        do throws(LiveRunError) {
            return try LiveLitmus(file: file).run(count: count, seed: command.seed) { bar.show($0, of: count) }
        } catch {
            if case .skipped = error { throw error }
            throw RaceCommand.fail("live: \(error)")
        }
    }

    private func printText(_ report: RaceReport, _ seen: [String: Int], _ unexplored: [String]) {
        print("\(report.subject.name)\(report.subject.title.isEmpty ? "" : ": \(report.subject.title)")")
        print(
            "\(report.exploration.executions) executions with x86 store buffers, "
                + "\(report.exploration.isExhausted ? "exhausted" : "not exhausted"); \(count) runs on the kernel\n")
        var table = TextTable([("outcome", .left), ("explored", .right), ("live", .right)])
        for text in Set(report.exploration.outcomes.keys).union(seen.keys).sorted() {
            table.add([
                text, report.exploration.outcomes[text].map { String($0.count) } ?? "NO", String(seen[text] ?? 0),
            ])
        }
        print(table.render())
        for (text, verdict) in report.verdicts { print("\(text): \(RaceReport.text(verdict))") }
        for text in unexplored { print("the kernel shows what the explorer does not list: \(text)") }
    }

    private func writeJSON(_ report: RaceReport, _ seen: [String: Int], _ unexplored: [String]) throws {
        var writer = JSONWriter(to: DescriptorSink(descriptor: 1))
        writer.beginObject(lines: true)
        writer.key("model")
        report.write(to: &writer)
        writer.key("live")
        writer.beginObject()
        for (text, count) in seen.sorted(by: { $0.key < $1.key }) {
            writer.key(text)
            writer.value(UInt64(count))
        }
        writer.endObject()
        writer.key("not_explored")
        writer.beginArray()
        for text in unexplored { writer.value(text) }
        writer.endArray()
        writer.endObject()
        try writer.flush()
        print("")
    }
}

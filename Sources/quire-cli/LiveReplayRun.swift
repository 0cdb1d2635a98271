// `quire replay --live`: the model and then the host's own kernel, over one workload; and what differs.

import ArgumentParser
import Foundation
import QuireLive
import QuireWorkload

/// A workload on both sides.
struct LiveReplayRun {
    let file: String
    let options: ReplayOptions

    func run() throws {
        let sink = DescriptorSink(descriptor: 1)
        do {
            // Each side reads the whole file; standard input cannot be read twice.
            let input = file == "-" ? FileHandle.standardInput.readDataToEndOfFile() : nil
            let text = input.map { String(decoding: $0, as: UTF8.self) }
            func reader() throws(ParseError) -> WorkloadReader {
                if let text { return WorkloadReader(text: text, file: file) }
                return try WorkloadReader(path: file)
            }
            let model = RunRecord(workload: file)
            let modelReport = Spool()
            let warn = ReplayNotes(warn: ReplayCommand.print)
            let verdict = try Replay(options, notes: warn).run(try reader(), to: modelReport, record: model)
            let unsettled = RunRecord(workload: file)
            unsettled.skipped = "the model cannot"
            var live = unsettled
            if let reason = model.skipped {
                ReplayCommand.print("skipped: the model: \(reason)")
            } else {
                InterruptFlag.install()
                live = try LiveReplay(settings: options.settings, keepsGoing: options.keepsGoing).run(try reader())
                if let reason = live.skipped { ReplayCommand.print("skipped: the live kernel: \(reason)") }
            }
            let isSkipped = live.skipped != nil
            // There is nothing to compare then.
            let comparison = RunComparison(model: isSkipped ? unsettled : model, live: live)
            let writer = LiveComparisonWriter(model: model, live: live, comparison: comparison)
            if options.writesJSON {
                try writer.writeJSON(modelReport: modelReport, writesCalls: options.writesCalls, to: sink)
            } else if !isSkipped {
                try sink.write(ContiguousArray(writer.text.utf8))
            }
            if isSkipped { throw ExitCode(ReplayVerdict.skipped.rawValue) }
            if verdict != .same || !comparison.differences.isEmpty {
                throw ExitCode(ReplayVerdict.different.rawValue)
            }
        } catch let error as ExitCode {
            throw error
        } catch LiveRunError.interrupted {
            ReplayCommand.print("interrupted")
            throw ExitCode(130)
        } catch {
            ReplayCommand.print("\(error)")
            throw ExitCode(ReplayVerdict.badInput.rawValue)
        }
    }
}

// `quire conform FILES`: workload files on the model and on the live kernel, until one shows a difference.

import ArgumentParser
import Foundation
import QuireConform

/// Plays files on two sides.
struct ConformFiles {
    let files: [String]
    let live: LiveSide
    let folder: String?
    let json: Bool

    func run() throws {
        guard let play = live.play else {
            if live.absence == "--no-live" { throw ConformCommand.fail("files are compared with the live kernel") }
            throw ExitCode(77)
        }
        let report = ConformReport(live: live, folder: folder, json: json)
        var hunt = FileHunt(live: play)
        var result = ConformReport.Result(sides: ["model", "live"], skipped: [:])
        let bar = ProgressBar("conform")
        let start = ContinuousClock.now
        for (index, file) in files.enumerated() where result.difference == nil {
            bar.show(index, of: files.count)
            guard let data = FileManager.default.contents(atPath: file) else {
                throw ConformCommand.fail("cannot read \(file)")
            }
            do throws(HuntError) {
                let found = try hunt.run(String(decoding: data, as: UTF8.self))
                if let reason = hunt.skipped { result.skipped?[file] = reason }
                guard let found else { continue }
                bar.finish()
                let name = URL(filePath: file).deletingPathExtension().lastPathComponent
                result.difference = shown(report, hunt, found, name, play)
            } catch {
                bar.finish()
                throw ConformCommand.end(error, file)
            }
        }
        bar.finish()
        result.workloads = hunt.fileCount
        result.operations = hunt.callCount
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        result.liveWorkloadsPerSecond = (Double(hunt.fileCount) / max(seconds, 1e-3) * 10).rounded() / 10
        for (file, reason) in (result.skipped ?? [:]).sorted(by: { $0.key < $1.key }) {
            ConformCommand.print("skipped: \(file): \(reason)")
        }
        try report.show(result)
        if hunt.fileCount == 0 { throw ExitCode(77) }
    }

    private func shown(
        _ report: ConformReport, _ hunt: FileHunt, _ found: FileDifference, _ name: String, _ play: @escaping LivePlay
    ) -> ConformReport.Shown {
        var operations = Hunt()
        operations.live = play
        if let difference = hunt.asOperations(found), let shown = try? report.keep(operations, (name, difference)) {
            return shown
        }
        let small = hunt.shrink(found)
        let path = report.path(name) + ".q"
        let text = "# quire conform: \(name)\n# \(small.text)\n" + small.lines.joined(separator: "\n") + "\n"
        try? Data(text.utf8).write(to: URL(filePath: path))
        return ConformReport.Shown(
            between: ["model", "live"], text: small.text, lines: small.lines.filter { !$0.isEmpty }, workload: path)
    }
}

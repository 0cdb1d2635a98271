// `quire race --replay FILE`: a saved schedule once more: it must fit, and end as it did.

import ArgumentParser
import Foundation
import Quire
import QuireExplore

/// Replays a saved schedule.
struct RaceReplay {
    let path: String
    let command: RaceCommand

    func run() throws {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw RaceCommand.fail("\(path) cannot be read")
        }
        let file: ScheduleFile
        do { file = try ScheduleFile(text: text) } catch {
            throw RaceCommand.fail("\(path):\(error.line):\(error.column): \(error)")
        }
        let subject = try subject(file)
        var explorer = Explorer()
        explorer.hasStoreBuffers = file.hasStoreBuffers
        var locks: Set<SyncName> = []
        for name in SyncName.allCases where file.ablated.contains(name.label) { locks.insert(name) }
        let replay = try RaceCommand.saying {
            let replay = explorer.replay(try subject.makeScene(Omissions(locks: locks)), file.schedule)
            if let failure = replay.failure { throw failure }
            return replay
        }
        guard replay.fits else {
            throw RaceCommand.fail("\(path): the schedule does not fit: it is of other code, or of another subject")
        }
        if let perfetto = command.perfetto {
            let trace = PerfettoTrace(replay.drawing, cpus: subject.cpus, title: subject.name)
            try command.write(trace.json, to: perfetto)
        }
        print(Diagram(replay.drawing, cpus: subject.cpus))
        guard replay.outcome == file.outcome else {
            throw RaceCommand.fail(
                "\(path): expected the outcome '\(file.outcome)', found '\(replay.outcome)'", .different)
        }
    }

    private func subject(_ file: ScheduleFile) throws -> RaceSubject {
        guard let scenario = Scenario.named(file.subject) else { return try command.subjectOfFile(file.subject) }
        let variant = file.variant.flatMap(Scenario.Variant.init(rawValue:)) ?? .after
        return try RaceSubject(scenario: scenario, variant, threads: command.threads)
    }
}

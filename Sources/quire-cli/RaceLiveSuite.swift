// `quire race --live N DIR|FILE...`: many litmus tests, each so often on this machine's kernel, and for each whether the explorer
// lists every outcome that the kernel has shown. RaceLive.swift is the same for one file, with verdicts and counts.

import ArgumentParser
import Foundation
import QuireExplore
import QuireLive
import QuireWorkload

/// Litmus files on the kernel and on the model, in one table.
struct RaceLiveSuite {
    let paths: [String]
    let count: Int
    let command: RaceCommand

    /// How long a file is explored unless its search ends before, in seconds. `--budget` says otherwise.
    static let usualSeconds = 20.0

    private struct Row {
        var file: String
        var title: String
        /// Why the kernel was not asked.
        var skipped: String?
        var live: [String: Int] = [:]
        var liveSeconds = 0.0
        var exploration = Exploration()
        var broken: [String] = []
        var unlisted: [String] { live.keys.filter { exploration.outcomes[$0] == nil }.sorted() }
    }

    /// The files that arguments name: of a folder, every workload in it.
    static func files(of arguments: [String]) throws -> [String] {
        try arguments.flatMap { argument in
            guard FileManager.default.fileExists(atPath: argument) else {
                throw RaceCommand.fail("expected a file or a folder, found '\(argument)'")
            }
            guard isFolder(argument) else { return [argument] }
            let names = try FileManager.default.contentsOfDirectory(atPath: argument).filter { $0.hasSuffix(".q") }
            guard !names.isEmpty else { throw RaceCommand.fail("expected workload files (*.q) in '\(argument)'") }
            return names.sorted().map { (argument.hasSuffix("/") ? argument : argument + "/") + $0 }
        }
    }

    static func isFolder(_ path: String) -> Bool {
        let target = URL(fileURLWithPath: path).resolvingSymlinksInPath().path()
        let kind = try? FileManager.default.attributesOfItem(atPath: target)[.type] as? FileAttributeType
        return kind == .typeDirectory
    }

    func run() throws {
        InterruptFlag.install()
        let subjects = try paths.map { ($0, try command.subjectOfFile($0)) }
        var rows: [Row] = []
        for (place, (path, subject)) in subjects.enumerated() {
            rows.append(try row(path, subject, "\(place + 1) of \(subjects.count)"))
        }
        command.json ? try writeJSON(rows) : printTable(rows)
        if let status = Self.status(rows) { throw ExitCode(status) }
    }

    /// 1: an outcome is not listed though the search ended, or a condition is broken; 3: it may be that the search did not get so
    /// far; 77: the kernel could not be asked.
    private static func status(_ rows: [Row]) -> Int32? {
        if rows.contains(where: { !$0.broken.isEmpty || !$0.unlisted.isEmpty && $0.exploration.isExhausted }) {
            return 1
        }
        if rows.contains(where: { !$0.unlisted.isEmpty }) { return 3 }
        return rows.contains { $0.skipped != nil } ? ReplayVerdict.skipped.rawValue : nil
    }

    // MARK: One file

    private func row(_ path: String, _ subject: RaceSubject, _ place: String) throws -> Row {
        var row = Row(file: subject.name, title: subject.title)
        let name = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
        let clock = ContinuousClock()
        let begin = clock.now
        do {
            row.live = try RaceLive(path: path, count: count, command: command).runLive(
                try LitmusFile(path: path), "\(place), live, \(name)")
        } catch LiveRunError.skipped(let reason) {
            row.skipped = reason
        }
        row.liveSeconds = (clock.now - begin) / .seconds(1)
        row.exploration = try explore(subject, row.live, "\(place), model, \(name)")
        row.broken = row.exploration.outcomes.filter { subject.isBroken($0.key, $0.value) }.keys.sorted()
        return row
    }

    /// Explores for the time that there is. What the kernel has shown and is not listed by then is looked for at random as long
    /// again: where a search ends early, it is in one corner.
    private func explore(_ subject: RaceSubject, _ seen: [String: Int], _ title: String) throws -> Exploration {
        var explorer = try command.explorer(.dpor)
        explorer.hasStoreBuffers = true
        explorer.seconds = explorer.seconds ?? Self.usualSeconds
        var whole = try command.explore(subject, explorer, title)
        guard !whole.isExhausted, seen.keys.contains(where: { whole.outcomes[$0] == nil }) else { return whole }
        explorer.strategy = .random(seed: command.seed)
        whole.add(try command.explore(subject, explorer, title))
        return whole
    }

    // MARK: Showing

    private func printTable(_ rows: [Row]) {
        var table = TextTable([
            ("file", .left), ("live runs", .right), ("outcomes", .right), ("s", .right), ("explored", .right),
            ("executions", .right), ("exhausted", .left), ("s", .right), ("not listed", .right), ("broken", .right),
        ])
        for row in rows {
            let exploration = row.exploration
            table.add([
                row.file, row.skipped == nil ? String(count) : "skipped", String(row.live.count),
                LoopColumn.decimal(row.liveSeconds), String(exploration.outcomes.count),
                String(exploration.executions), exploration.isExhausted ? "yes" : "no",
                LoopColumn.decimal(exploration.seconds), String(row.unlisted.count), String(row.broken.count),
            ])
        }
        print(table.render(), terminator: "")
        for row in rows {
            if let reason = row.skipped { print("\(row.file): live: \(reason)") }
            for text in row.unlisted { print("\(row.file): the kernel shows what the explorer does not list: \(text)") }
            for text in row.broken { print("\(row.file): breaks a condition: \(text)") }
        }
    }

    private func writeJSON(_ rows: [Row]) throws {
        var writer = JSONWriter(to: DescriptorSink(descriptor: 1))
        writer.beginArray(lines: true)
        for row in rows {
            writer.beginObject()
            writer.key("file")
            writer.value(row.file)
            writer.key("title")
            writer.value(row.title)
            writer.key("skipped")
            writer.value(row.skipped)
            writer.key("live_runs")
            writer.value(UInt64(row.skipped == nil ? count : 0))
            writer.key("live_seconds")
            writer.value(decimal: row.liveSeconds)
            writer.key("live")
            writer.beginObject()
            for (text, times) in row.live.sorted(by: { $0.key < $1.key }) {
                writer.key(text)
                writer.value(UInt64(times))
            }
            writer.endObject()
            writer.key("executions")
            writer.value(UInt64(row.exploration.executions))
            writer.key("exhausted")
            writer.value(row.exploration.isExhausted)
            writer.key("seconds")
            writer.value(decimal: row.exploration.seconds)
            for (key, texts) in [
                ("explored", row.exploration.outcomes.keys.sorted()), ("not_listed", row.unlisted),
                ("broken", row.broken),
            ] {
                writer.key(key)
                writer.beginArray()
                for text in texts { writer.value(text) }
                writer.endArray()
            }
            writer.endObject()
        }
        writer.endArray()
        try writer.flush()
        print("")
    }
}

// What a hunt found, for people and as JSON: who took part, how fast, how two sides differ; and the files that show it.

import ArgumentParser
import Foundation
import QuireConform

/// Writes down how a hunt ended.
struct ConformReport {
    typealias Found = (name: String, difference: Difference)

    let live: LiveSide
    /// Where what was found is written; nil is the current folder.
    let folder: String?
    let json: Bool
    /// Whether what is found is made small.
    var shrinks = true

    private let began = ContinuousClock.now

    init(live: LiveSide, folder: String?, json: Bool) {
        self.live = live
        self.folder = folder
        self.json = json
    }

    /// Since this value was made: with the hunt.
    var seconds: Double { (((ContinuousClock.now - began) / .seconds(1)) * 10).rounded() / 10 }

    private var sides: [String] { ["model", "reference"] + (live.absence == nil ? ["live"] : []) }

    /// Ends a hunt: shrinks, writes, prints. Throws exit status 1 where there was a difference.
    func finish(_ hunt: Hunt, _ found: Found?) throws {
        var result = Result(sides: sides, liveAbsence: live.absence)
        result.workloads = hunt.seedCount
        result.operations = hunt.operationCount
        result.operationsPerSecond = Int(hunt.operationsPerSecond)
        if live.absence == nil { result.liveWorkloadsPerSecond = (hunt.livePerSecond * 10).rounded() / 10 }
        result.abstentions = hunt.abstentions
        result.strayCounters = hunt.strayCounters == 0 ? nil : hunt.strayCounters
        result.seconds = seconds
        if let found { result.difference = try keep(hunt, found) }
        try show(result)
    }

    /// Shrinks a difference and writes it down.
    func keep(_ hunt: Hunt, _ found: Found) throws -> Shown {
        if shrinks { ConformCommand.print("\(found.name): \(found.difference.text); making it small") }
        let small = shrinks ? hunt.shrink(found.difference) : found.difference
        return try write(found.name, found.difference, small, arbiter: hunt.arbiter(small))
    }

    /// Writes what was shrunk as a workload and as a C program.
    func write(_ name: String, _ found: Difference, _ small: Difference, arbiter: String?) throws -> Shown {
        let comment = "quire conform: \(name), shrunk from \(found.operations.count) operations\n\(small.text)"
        let path = path(name)
        try Data(workloadText(small.operations, comment: comment).utf8).write(to: URL(filePath: path + ".q"))
        try Data(Reproducer.program(small.operations, comment: comment).utf8).write(to: URL(filePath: path + ".c"))
        return Shown(
            between: ["model", small.kind.other.rawValue], text: small.text, arbiter: arbiter,
            lines: small.operations.map(\.line), workload: path + ".q", reproducer: path + ".c", seconds: seconds)
    }

    func path(_ name: String) -> String { (folder.map { $0 + "/" } ?? "") + "conform-\(name)" }

    /// Prints the result. Throws exit status 1 where there was a difference.
    func show(_ result: Result) throws {
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            print(String(decoding: try encoder.encode(result), as: UTF8.self))
        } else {
            print(text(result))
        }
        if result.difference != nil { throw ExitCode(1) }
    }

    private func text(_ result: Result) -> String {
        var lines = [
            "\(result.workloads) workloads, \(result.operations) operations on \(result.sides.joined(separator: ", "))"
        ]
        if let rate = result.operationsPerSecond { lines.append("\(rate) model operations/s with invariants") }
        if let rate = result.liveWorkloadsPerSecond { lines.append("\(rate) live workloads/s") }
        for (reason, count) in result.abstentions.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }) {
            lines.append("the reference had no answer \(count) times: \(reason)")
        }
        if let count = result.strayCounters {
            lines.append("a counter of the machine differed \(count) times, and not when played again")
        }
        guard let shown = result.difference else { return (lines + ["no difference"]).joined(separator: "\n") }
        lines.append("difference between \(shown.between.joined(separator: " and ")): \(shown.text)")
        if let arbiter = shown.arbiter { lines.append(arbiter) }
        let files = [shown.workload, shown.reproducer].compactMap { $0 }.joined(separator: ", ")
        lines.append("\(shown.lines.count) lines: \(files)\n")
        return (lines + shown.lines).joined(separator: "\n")
    }
}

extension ConformReport {
    /// The result as JSON.
    struct Result: Encodable {
        var sides: [String]
        var liveAbsence: String?
        var workloads = 0
        var operations = 0
        var operationsPerSecond: Int?
        var liveWorkloadsPerSecond: Double?
        var abstentions: [String: Int] = [:]
        var skipped: [String: String]?
        var strayCounters: Int?
        /// How long the hunt took, without shrinking.
        var seconds: Double?
        var difference: Shown?
    }

    /// A difference as JSON.
    struct Shown: Encodable {
        var between: [String]
        var text: String
        var arbiter: String?
        var lines: [String]
        var workload: String
        var reproducer: String?
        /// From the start of the hunt to the shrunk workload.
        var seconds: Double?
    }
}

// What the replay tests share: a text in, a verdict and the parsed report out; a player on a machine that the test keeps
// and can look at.

import Foundation
import Quire
import QuireHost
import Testing

@testable import QuireWorkload

/// What one replay came to.
struct Replayed {
    var verdict: ReplayVerdict?
    var error: String?
    var warnings: [String] = []
    var text = ""
    var report: [String: Any] = [:]

    /// Replays a text with JSON as the report.
    init(_ text: String, _ change: (inout ReplayOptions) -> Void = { _ in }) {
        var options = ReplayOptions()
        options.writesJSON = true
        options.settings = [("machine.memory", "64M")]
        change(&options)
        var heard: [String] = []
        let sink = MemorySink()
        do {
            let replay = Replay(
                options, notes: ReplayNotes(warn: { heard.append($0) }, ended: { expectHardwareAccepts($0) }))
            verdict = try replay.run(WorkloadReader(text: text, file: "t.q"), to: sink)
        } catch {
            self.error = "\(error)"
        }
        warnings = heard
        self.text = sink.text
        if options.writesJSON, error == nil {
            report = (try? JSONSerialization.jsonObject(with: Data(sink.bytes))) as? [String: Any] ?? [:]
        }
    }

    /// Calls as `line pid call outcome`.
    var calls: [String] { ReportText.calls(report) }

    /// Divergences as `line call expected got`.
    var divergences: [String] {
        let list = (report["divergences"] as? [String: Any])?["first"] as? [[String: Any]] ?? []
        return list.map { item in
            ["line", "call", "expected", "got"].map { "\(item[$0] ?? "")" }.joined(separator: " ")
        }
    }

    /// The pids of a snapshot, of `final` or of `exited`.
    func pids(_ label: String) -> [Int] { processes(label).compactMap { $0["pid"] as? Int } }

    /// A number of a process's status.
    func status(_ label: String, _ pid: Int, _ key: String) -> Int? {
        let process = processes(label).first { $0["pid"] as? Int == pid }
        return (process?["status"] as? [String: Any])?[key] as? Int
    }

    /// Faults that a process has taken.
    func minorFaults(_ label: String, _ pid: Int) -> Int? {
        let process = processes(label).first { $0["pid"] as? Int == pid }
        return (process?["stat"] as? [String: Any])?["minflt"] as? Int
    }

    private func processes(_ label: String) -> [[String: Any]] {
        let found = report[label] ?? (report["snapshots"] as? [String: Any])?[label]
        return found as? [[String: Any]] ?? []
    }
}

/// Calls of a report as text.
enum ReportText {
    static func calls(_ report: [String: Any]) -> [String] {
        (report["calls"] as? [[String: Any]] ?? []).map { call in
            var text = "\(call["line"] ?? "") \(call["pid"] ?? "") \(call["call"] ?? "")"
            if let name = call["errno"] {
                text += " \(name)"
            } else if let signal = call["signal"] {
                let address = (call["addr"] as? NSNumber).map { String($0.uint64Value, radix: 16) } ?? "?"
                text += " \(signal) \(call["code"] ?? "") \(address)"
            } else if let result = call["result"] {
                text += " = \(result)"
            }
            for key in ["data", "fnv1a64", "value"] where call[key] != nil { text += " \(key) \(call[key] ?? "")" }
            if call["unsupported"] != nil { text += " unsupported" }
            return text
        }
    }
}

/// A player on a machine that outlives the run.
struct Stage {
    let machine: Machine
    let player: Player

    init(
        _ text: String, memory: UInt64 = 64 << 20, firstPID: Int? = nil,
        _ change: (inout MachineConfiguration) -> Void = { _ in }
    ) throws {
        var configuration = MachineConfiguration()
        configuration.memory = memory
        change(&configuration)
        machine = try Machine(configuration, host: .linux)
        let feed = LineFeed(WorkloadReader(source: MemorySource(text), file: "t.q", capacity: text.utf8.count + 4096))
        player = try Player(
            machine: machine, feed: feed, firstPID: firstPID, writesCalls: false, report: RunReport())
    }

    /// Plays everything; lines that cannot be played are passed over and returned.
    func play(checking: Bool = false) -> [String] {
        var errors: [String] = []
        var statement = Statement()
        while true {
            do throws(ParseError) {
                guard try player.feed.next(into: &statement, names: &player.names) else {
                    expectHardwareAccepts(machine)
                    return errors
                }
                try player.step(statement)
            } catch {
                errors.append(error.description)
                if !error.isRecoverable { return errors }
            }
            if checking { for process in machine.processes { process.checkInvariants() } }
        }
    }

    /// Ends every process and forgets every file. Returns the frames that are still held.
    func framesLeft() -> UInt64 {
        for number in player.residents.keys.sorted() {
            if let resident = player.residents[number] { player.end(resident) }
        }
        machine.shutDown()
        // Frame 0 and the zero page are never free.
        return machine.frames.total - machine.frames.free - 2
    }
}

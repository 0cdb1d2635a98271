// A snapshot: the truth of every process of the program at one moment at which none of them runs.
//
// If the program rests by itself (a server waiting for requests), it is only watched, because a stop interrupts calls.
// Otherwise all its processes are stopped by SIGSTOP, read, and continued. A program that stopped itself is continued.

import Foundation
import Glibc

/// The truth at one snapshot.
struct Snapshot: Sendable {
    var label: String
    /// CLOCK_REALTIME, in nanoseconds.
    var time: Int64
    var processes: [ProcessTruth]
    /// `at rest (try 1)`, `SIGSTOP`, or what went wrong.
    var how: String
}

/// Takes the snapshots of one recording, one after another.
struct SnapshotTaker {
    /// strace's process.
    let tracer: Int
    /// The file whose last line names the next snapshot.
    let labels: String
    /// What the mapped files' pages lie in, over all snapshots.
    private(set) var folios = LargeFolios()
    private var used: Set<String> = []
    private var labelLines = 0
    private var number = 0

    init(tracer: Int, labels: String) {
        self.tracer = tracer
        self.labels = labels
    }

    /// Reads the truth now. `stopped` is the process that stopped itself and is continued at the end.
    mutating func take(stopped: Int? = nil) async -> Snapshot {
        let label = nextLabel()
        if let stopped { await wait(2) { $0.stopped(process: stopped) } }
        var snapshot: Snapshot?
        for attempt in 1...3 where snapshot == nil {
            snapshot = await readAtRest(label, how: "at rest (try \(attempt))")
        }
        var halted: Set<Int> = []
        if snapshot == nil {
            for _ in 0..<20 {
                let tracees = Tracees.of(tracer: tracer)
                // A process that is stopped already (by itself, by job control) is not ours to continue.
                for pid in tracees.processes where !tracees.stopped(process: pid) && !halted.contains(pid) {
                    Tracees.send(SIGSTOP, to: pid)
                    halted.insert(pid)
                }
                await wait(2) { $0.stopped }
                snapshot = await readAtRest(label, how: "SIGSTOP")
                if snapshot != nil { break }
            }
        }
        let taken =
            snapshot
            ?? Snapshot(
                label: label, time: Clock.realtime(), processes: Self.read(Tracees.of(tracer: tracer).processes),
                how: "not at rest: the program could not be stopped")
        for process in taken.processes { folios.add(process) }
        for pid in halted.union(stopped.map { [$0] } ?? []) { Tracees.send(SIGCONT, to: pid) }
        return taken
    }

    /// The truth if nothing ran between a look before and a look behind it.
    private func readAtRest(_ label: String, how: String) async -> Snapshot? {
        let before = Tracees.of(tracer: tracer)
        guard before.sleeping, !before.processes.isEmpty else {
            try? await Task.sleep(for: .milliseconds(20))
            return nil
        }
        try? await Task.sleep(for: .milliseconds(20))
        guard Tracees.of(tracer: tracer) == before else { return nil }
        let time = Clock.realtime()
        let processes = Self.read(before.processes)
        guard Tracees.of(tracer: tracer) == before else { return nil }
        return Snapshot(label: label, time: time, processes: processes, how: how)
    }

    private static func read(_ pids: [Int]) -> [ProcessTruth] { pids.compactMap { ProcessTruth(pid: $0) } }

    private func wait(_ seconds: Int, until condition: (Tracees) -> Bool) async {
        for _ in 0..<(seconds * 100) where !condition(Tracees.of(tracer: tracer)) {
            try? await Task.sleep(for: .milliseconds(10))
        }
    }

    /// The last line of the label file if the program has written one since, else `snap1`, `snap2`, …; never one twice.
    private mutating func nextLabel() -> String {
        number += 1
        let lines = (ProcFile.text(labels) ?? "").split(separator: "\n")
        var label = "snap\(number)"
        if lines.count > labelLines, let last = lines.last {
            label = String(last.trimmingCharacters(in: .whitespaces).prefix(64))
        }
        labelLines = lines.count
        var unique = label
        var suffix = 2
        while !used.insert(unique).inserted {
            unique = "\(label)-\(suffix)"
            suffix += 1
        }
        return unique
    }
}

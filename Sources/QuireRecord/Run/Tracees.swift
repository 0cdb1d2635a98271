// The recorded program's processes, as /proc shows them: who they are, whether they rest, stopping and continuing them.
//
// A process belongs to the program if our strace traces it, whoever its parent is by now. At rest means: every task
// sleeps or is stopped, and none has been switched in between two looks.

import Foundation
import Glibc

/// A look at the tasks of the program.
struct Tracees: Equatable {
    /// Task → state letter and context switches.
    var tasks: [Int: TaskState] = [:]
    /// Processes in ascending order.
    var processes: [Int] = []

    struct TaskState: Equatable {
        var process: Int
        var state: Character
        var switches: UInt64
    }

    /// Everything that `tracer` traces now.
    static func of(tracer: Int) -> Tracees {
        var result = Tracees()
        for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
            guard let pid = Int(name), let status = ProcFile.text("/proc/\(pid)/status"),
                field("TracerPid:\t", status).flatMap({ Int($0) }) == tracer
            else { continue }
            result.processes.append(pid)
            for task in (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")) ?? [] {
                guard let tid = Int(task), let text = ProcFile.text("/proc/\(pid)/task/\(tid)/status"),
                    let state = field("State:\t", text)?.first
                else { continue }
                let voluntary = field("\nvoluntary_ctxt_switches:\t", text).flatMap { UInt64($0) } ?? 0
                let forced = field("nonvoluntary_ctxt_switches:\t", text).flatMap { UInt64($0) } ?? 0
                result.tasks[tid] = TaskState(process: pid, state: state, switches: voluntary &+ forced)
            }
        }
        result.processes.sort()
        return result
    }

    /// No task runs, waits for a disk, or may be about to (zombies are past it).
    var sleeping: Bool { tasks.values.allSatisfy { "STtZXI".contains($0.state) } }

    /// Every task is stopped.
    var stopped: Bool { tasks.values.allSatisfy { "TtZX".contains($0.state) } }

    /// Whether every task of one process is stopped.
    func stopped(process: Int) -> Bool {
        tasks.values.allSatisfy { $0.process != process || "TtZX".contains($0.state) }
    }

    static func send(_ signal: Int32, to pid: Int) { _ = kill(pid_t(pid), signal) }

    private static func field(_ name: String, _ status: String) -> Substring? {
        guard let range = status.firstRange(of: name) else { return nil }
        return status[range.upperBound...].prefix { $0 != "\n" }
    }
}

// What a recording needs of the machine, asked before the program is started: strace, perf, the right to trace, tracefs.
//
// tracefs (the exceptions' tracepoints) is often not mounted, above all in containers. perf mounts it without a word
// when root runs it; `Preflight` does so openly and unmounts it afterwards, so that the machine is left as it was found.

import Foundation
import Subprocess

/// The tools that were found and how the exceptions can be seen.
struct Preflight: Sendable {
    /// How perf sees the program's faults.
    enum Source: Sendable, Equatable {
        /// The exceptions' tracepoints: address and direction, and string arguments of the calls listed.
        case tracepoints(strings: [String])
        /// The software event: addresses only.
        case software
    }

    var source: Source
    /// Whether tracefs was mounted for this recording and is to be unmounted.
    var mountedTracefs: Bool

    static let tracefs = "/sys/kernel/tracing"
    private static let places = [tracefs, "/sys/kernel/debug/tracing"]

    /// Calls that strace stops for and whose string it reads out of the program first.
    static let stringCalls = ["openat", "open", "openat2", "creat", "execve", "execveat", "memfd_create", "prctl"]

    /// Checks the machine, mounting tracefs if root may; throws what is missing.
    static func run(warn: (String) -> Void) async throws -> Preflight {
        var missing: [String] = []
        for (tool, package) in [("strace", "strace"), ("perf", "linux-perf")] {
            do { _ = try await Executable.name(tool).resolveExecutablePath(in: .inherit) } catch {
                missing.append(package)
            }
        }
        guard missing.isEmpty else {
            throw RecordError.cannot(
                "\(missing.joined(separator: " and ")) not found: apt-get install \(missing.joined(separator: " "))")
        }
        let root = isRoot
        let paranoid = ProcFile.line("/proc/sys/kernel/perf_event_paranoid").flatMap { Int($0) } ?? 3
        guard root || paranoid <= 2 else {
            throw RecordError.cannot(
                "perf may not record here: run as root, or sysctl kernel.perf_event_paranoid=-1 (it is \(paranoid))")
        }
        if let scope = ProcFile.line("/proc/sys/kernel/yama/ptrace_scope"), scope == "3" {
            throw RecordError.cannot("strace may not trace here: kernel.yama.ptrace_scope is 3 (set before boot only)")
        }
        var mounted = false
        if root, directory() == nil {
            let mount = try? await Subprocess.run(
                .name("mount"), arguments: ["-t", "tracefs", "nodev", tracefs], output: .discarded)
            mounted = mount?.terminationStatus.isSuccess ?? false
            if mounted { warn("mounted tracefs on \(tracefs) for this recording") }
        }
        guard root || paranoid < 0, let directory = directory() else {
            warn(
                "no tracepoints (\(root ? "no tracefs in this kernel" : "they need root")): the direction of faults is"
                    + " unknown, each in a writable area is written as touch_write")
            return Preflight(source: .software, mountedTracefs: false)
        }
        let strings = stringCalls.filter {
            FileManager.default.fileExists(atPath: "\(directory)/events/syscalls/sys_enter_\($0)/id")
        }
        return Preflight(source: .tracepoints(strings: strings), mountedTracefs: mounted)
    }

    static var isRoot: Bool { ProcFile.text("/proc/self/status")?.contains("\nUid:\t0\t0") ?? false }

    /// Undoes the mount.
    func restore() async {
        guard mountedTracefs else { return }
        _ = try? await Subprocess.run(.name("umount"), arguments: [Self.tracefs], output: .discarded)
    }

    /// Where the exceptions' tracepoints are, if they can be read.
    private static func directory() -> String? {
        places.first {
            FileManager.default.fileExists(atPath: "\($0)/events/exceptions/page_fault_user/id")
        }
    }
}

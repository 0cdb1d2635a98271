// A limit on what a workload may take of the host's memory: a file in memory grows by a single call, belongs to no process
// in the eyes of the kernel's killer, and would take every other program with it. The workload's processes are put into a
// memory cgroup of their own; what goes beyond ends the workload's process, which the report then calls lost. Where the
// host has no such cgroup (or this is not root) there is no limit. Part of the unsafe floor.
// Linux: cgroup v1 memory.limit_in_bytes, cgroup v2 memory.max.

import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A memory cgroup for the processes of a session; removed with it.
final class MemoryGuard {
    private let folder: String

    /// Puts a process, and all that it forks from now on, under a limit of half of what is available; nil where the host
    /// cannot.
    init?(pid: Int32) {
        guard let available = Self.available else { return nil }
        for (root, limit) in [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")] {
            guard unsafe access(root + "/" + "cgroup.procs", F_OK) == 0 else { continue }
            let folder = root + "/quire-live-\(getpid())-\(pid)"
            guard unsafe mkdir(folder, 0o755) == 0 else { continue }
            do throws(Errno) {
                try writeText(folder + "/" + limit, String(available / 2))
                try writeText(folder + "/cgroup.procs", String(pid))
                self.folder = folder
                return
            } catch {
                unsafe rmdir(folder)
            }
        }
        return nil
    }

    /// Bytes that a new program could have (MemAvailable).
    private static var available: UInt64? {
        guard let text = try? readText("/proc/meminfo"), let start = text.firstRange(of: "MemAvailable:") else {
            return nil
        }
        let digits = text[start.upperBound...].drop { $0 == " " }.prefix { $0.isNumber }
        return UInt64(digits).map { $0 << 10 }
    }

    /// Removes the cgroup, whose processes have ended.
    func end() { unsafe rmdir(folder) }
}

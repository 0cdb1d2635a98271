// Were events lost without perf saying so? The kernel counts a process's faults (minflt + majflt); the difference to
// the exceptions that were recorded is constant from snapshot to snapshot, unless events were lost, or pages came in
// without an exception (MAP_POPULATE, mlock): then nothing can be said.

/// Compares the kernel's counts with the recording's.
enum LostEvents {
    /// By how much the kernel's counts ran ahead of the exceptions between a process's first and last snapshot.
    static func unexplained(
        snapshots: [Snapshot], exceptionsAt: [String: [Int: Int]], calls: [String: Int]
    ) -> Int {
        guard !["mlock", "mlock2", "mlockall"].contains(where: { calls[$0] != nil }) else { return 0 }
        var first: [Int: Int] = [:]
        var ahead: [Int: Int] = [:]
        for snapshot in snapshots {
            guard let exceptions = exceptionsAt[snapshot.label] else { continue }
            for process in snapshot.processes {
                let faults = Int(clamping: process.minorFaults &+ process.majorFaults)
                let difference = faults - (exceptions[process.pid] ?? 0)
                let start = first[process.pid, default: difference]
                first[process.pid] = start
                ahead[process.pid] = difference - start
            }
        }
        return ahead.values.reduce(0) { $0 + max(0, $1) }
    }
}

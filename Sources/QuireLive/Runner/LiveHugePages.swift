// Huge pages of the live kernel for the time of a run: the sizes that a file requires, khugepaged asleep but when the file
// lets it run, and the counters that count from the machine's start. khugepaged looks at a process as soon as it is the
// first one with huge pages, and would race with the workload; so this process becomes one before.

import CQuireLive
import SystemPackage

/// What the runner knows of the files under `transparent_hugepage`.
enum LiveHugePages {
    static let folder = "/sys/kernel/mm/transparent_hugepage/"
    static let daemon = folder + "khugepaged/"
    /// A sleep of khugepaged that no workload outlasts, in milliseconds.
    static let neverWake = "4000000000"
    /// How long the daemon may take for one pass or to fall asleep, in milliseconds.
    static let patience = 10_000

    /// The sizes as a kernel has them when it starts: a run that was killed leaves others.
    static let defaultSizes = [16, 32, 64, 128, 256, 512, 1024, 2048].map { size in
        (folder + "hugepages-\(size)kB/enabled", size == 2048 ? "inherit" : "never")
    }

    /// The files that a word of `# requires:` sets; those of `others` only where the kernel has them.
    static func settings(of word: String) -> (needed: [(String, String)], others: [(String, String)])? {
        guard word == "thp" || word == "mthp-64k" else { return nil }
        let needed = [
            ("enabled", "madvise"), ("defrag", "madvise"), ("use_zero_page", "1"),
            ("hugepages-2048kB/enabled", word == "thp" ? "inherit" : "never"),
            ("hugepages-64kB/enabled", word == "thp" ? "never" : "madvise"),
        ]
        let others = [16, 32, 128, 256, 512, 1024].map { ("hugepages-\($0)kB/enabled", "never") }
        func paths(_ list: [(String, String)]) -> [(String, String)] { list.map { (folder + $0.0, $0.1) } }
        return (paths(needed), paths(others + [("shrink_underused", "0")]))
    }

    /// Whether a file counts events since the machine's start.
    static func isCounter(_ path: String) -> Bool {
        path.hasPrefix(folder) && (path.contains("/stats/") || path == daemon + "pages_collapsed")
    }

    /// The number in a file.
    static func number(_ path: String) -> UInt64? { (try? readText(path)).flatMap { UInt64($0) } }

    /// The process id of khugepaged; nil where no process may have pages of 2 MiB, for then there is no such thread.
    static var pid: Int? {
        LiveProcesses.all().first { number in
            guard let stat = try? ProcessStat(pid: number) else { return false }
            return stat.isKernelThread && stat.name == "khugepaged"
        }
    }

    /// Waits until khugepaged is between two rounds: only then does it sleep.
    static func awaitSleep(_ pid: Int) {
        var seen = 0
        for _ in 0..<patience where seen < 5 {
            seen = (try? ProcessStat(pid: pid))?.state == "S" ? seen + 1 : 0
            LiveProcesses.pause(microseconds: 1_000)
        }
    }
}

extension LiveSettings {
    /// Sets the machine up for a word of `# requires:`. Returns why it cannot, if so; nil for a word that is another's.
    mutating func requireHugePages(_ word: String) -> String? {
        guard let settings = LiveHugePages.settings(of: word) else { return nil }
        for (path, value) in settings.others { try? set(path, value) }
        for (path, value) in settings.needed {
            do throws(Errno) { try set(path, value) } catch { return "\(path) cannot be set to \(value): \(error)" }
        }
        usesHugePages = true
        return nil
    }

    /// Puts khugepaged to sleep and remembers where counters stand: the last thing before the workload.
    mutating func prepareHugePages() {
        guard usesHugePages else { return }
        if LiveHugePages.pid != nil { putKhugepagedToSleep() }
        // What a batch of some CPU still holds of the run before would be missed later.
        quire_drain_folio_batches()
        rememberCounters()
    }

    private mutating func putKhugepagedToSleep() {
        try? set(LiveHugePages.daemon + "pages_to_scan", "1")
        try? set(LiveHugePages.daemon + "alloc_sleep_millisecs", "0")
        // The advice alone does not bring a process to khugepaged, the first fault does.
        if let decoy = try? LiveMapping(length: 4 << 20) {
            try? decoy.advise(0..<decoy.length, .hugePage)
            decoy.touch(0..<decoy.length)
        }
        try? set(LiveHugePages.daemon + "scan_sleep_millisecs", LiveHugePages.neverWake)
        LiveProcesses.pause(microseconds: 2_000)
        if let pid = LiveHugePages.pid { LiveHugePages.awaitSleep(pid) }
    }

    /// Lets khugepaged do at least `passes` whole passes over all processes, and waits until it sleeps again.
    mutating func runKhugepaged(passes: UInt64) throws(Errno) {
        let folder = LiveHugePages.daemon
        guard let pid = LiveHugePages.pid else { return }
        quire_drain_folio_batches()
        try set(folder + "pages_to_scan", "100000000")
        for _ in 0..<passes {
            LiveHugePages.awaitSleep(pid)
            let before = LiveHugePages.number(folder + "full_scans") ?? 0
            // Each write wakes it.
            try set(folder + "scan_sleep_millisecs", LiveHugePages.neverWake)
            var waited = 0
            while (LiveHugePages.number(folder + "full_scans") ?? 0) <= before {
                guard waited < LiveHugePages.patience else { throw .timedOut }
                LiveProcesses.pause(microseconds: 1_000)
                waited += 1
            }
        }
        LiveHugePages.awaitSleep(pid)
        try set(folder + "pages_to_scan", "1")
    }

    /// Remembers where a counter stands, so that the run reads what it has counted itself.
    private mutating func rememberCounters() {
        for size in [8, 16, 32, 64, 128, 256, 512, 1024, 2048] {
            let stats = LiveHugePages.folder + "hugepages-\(size)kB/stats/"
            for name in Self.statistics { counters[stats + name] = LiveHugePages.number(stats + name) }
        }
        let collapsed = LiveHugePages.daemon + "pages_collapsed"
        counters[collapsed] = LiveHugePages.number(collapsed)
    }

    private static let statistics = [
        "anon_fault_alloc", "anon_fault_fallback", "anon_fault_fallback_charge", "split", "split_failed",
        "split_deferred", "nr_anon", "nr_anon_partially_mapped",
    ]

    /// A kernel file as the workload sees it: a counter begins at 0.
    func read(_ path: String) throws(Errno) -> String {
        let text = try readText(path)
        guard let start = counters[path], let now = Int64(text) else { return text }
        return String(now - Int64(start))
    }
}

// What a workload asks of the machine: kernel files that are set for the time of a run and set back at its end, in the
// opposite order. The words of `# requires:` and the keys of `# machine:` are those of the workload format.

import QuireWorkload
import SystemPackage

/// Kernel files that a run has changed.
struct LiveSettings: ~Copyable {
    /// What every workload takes for granted, where the machine lets it be set.
    private static let defaults =
        [
            ("/sys/kernel/mm/transparent_hugepage/enabled", "madvise"), ("/proc/sys/vm/overcommit_memory", "0"),
        ] + LiveHugePages.defaultSizes

    private var remembered: [(path: String, value: String)] = []
    /// How much is read ahead of files in the scratch folder, kB; nil once that is set.
    private var readahead: String? = "128"
    /// Whether the file requires huge pages.
    var usesHugePages = false
    /// Where counters of the kernel stood when the run began.
    var counters: [String: UInt64] = [:]

    /// Settings with the defaults made.
    init() {
        for (path, value) in Self.defaults {
            guard let now = Self.current(path), now != value else { continue }
            try? set(path, value)
        }
    }

    /// Sets everything back.
    mutating func undo() {
        for (path, value) in remembered.reversed() {
            do throws(Errno) { try writeText(path, value) } catch {
                writeToStandardError("quire: \(path) cannot be set back to \(value): \(error)\n")
            }
        }
        remembered = []
    }

    /// The value of a file; of one that lists choices, the chosen one: `always [madvise] never`.
    private static func current(_ path: String) -> String? {
        guard let text = try? readText(path) else { return nil }
        guard let open = text.firstIndex(of: "["), let close = text[open...].firstIndex(of: "]") else { return text }
        return String(text[text.index(after: open)..<close])
    }

    /// Sets a file. What it held before is remembered, if it can be set again.
    mutating func set(_ path: String, _ value: String) throws(Errno) {
        let before = Self.current(path)
        try writeText(path, value)
        guard Self.isSetting(path), let before, !before.isEmpty, !remembered.contains(where: { $0.path == path })
        else { return }
        remembered.append((path, before))
    }

    /// Has the disk of the scratch folder read ahead as much as the model does. Only what opens files there calls this:
    /// others on the machine would feel it.
    mutating func settleReadahead(of folder: String) {
        guard let value = readahead, let disk = diskNumber(of: folder) else { return }
        readahead = nil
        // A partition has what its disk has.
        for place in ["bdi", "../bdi"] {
            let path = "/sys/dev/block/\(disk)/\(place)/read_ahead_kb"
            guard let now = Self.current(path) else { continue }
            if now != value { try? set(path, value) }
            return
        }
    }

    /// Whether a file is the machine's and not a process's.
    private static func isSetting(_ path: String) -> Bool {
        path.hasPrefix("/sys/") || path.hasPrefix("/proc/sys/")
    }

    // MARK: What a file requires

    /// Does what a word of `# requires:` says. Returns why it cannot, if so.
    mutating func require(_ word: String) -> String? {
        switch word {
        case "root": LiveProcesses.isRoot ? nil : "needs root"
        case "thp", "mthp-64k": requireHugePages(word)
        default: "the live runner does not set up \(word) yet"
        }
    }

    /// Takes a key of `# machine:`: a path is set, other keys describe a machine that this one is or is not.
    mutating func take(_ key: String, _ value: String) -> String? {
        if key.hasPrefix("/") {
            do throws(Errno) {
                try set(key, value)
                return nil
            } catch {
                return "\(key) cannot be set to \(value): \(error)"
            }
        }
        if key == "machine.read_ahead_kb" {
            readahead = value
            return nil
        }
        let fits =
            switch key {
            case "machine.arch": value == Self.architecture
            case "machine.page_size": value == "4096" || value == "4K"
            case "machine.cpus": value == "1"
            default: false
            }
        return fits ? nil : "this machine has not \(key)=\(value)"
    }

    /// The architecture as a workload file names it.
    static var architecture: String {
        let machine = kernelName().machine
        return machine == "aarch64" ? "arm64" : machine
    }

    /// The facts of the machine for the report.
    static var facts: [(key: String, value: ReportValue)] {
        [
            ("kernel", .text(kernelName().release)), ("arch", .text(architecture)), ("page_size", .number(4096)),
            ("cpus", .number(1)),
        ]
    }
}

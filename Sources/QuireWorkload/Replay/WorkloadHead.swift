// What a file says before its first call, and the machine that follows from it: the recording machine's settings, what
// the file requires, knobs; then the user's own settings, which win.

import Quire

/// The head of a workload file.
struct WorkloadHead {
    /// `recorded-on` and `machine` settings in the file's order, and the words of `requires`.
    private(set) var recordedOn: [(key: String, value: String)] = []
    private(set) var machine: [(key: String, value: String)] = []
    private(set) var required: [String] = []
    /// Lines that could not be read.
    var malformed = 0
    /// Whether there is a line that does something.
    var hasLines = false
    /// The pid of the first such line; nil where it has none.
    private(set) var firstPID: Int?

    /// Takes a line of the head; false for the first line behind it.
    mutating func take(_ s: Statement) -> Bool {
        switch s.kind {
        case .blank, .comment: return true
        case .recordedOn: recordedOn += WorkloadHead.settings(s)
        case .machine: machine += WorkloadHead.settings(s)
        case .requires: required += s.words
        case .call, .exited, .killed, .signal:
            if case .pid(let pid) = s.prefix { firstPID = Int(pid) }
            return false
        }
        return true
    }

    private static func settings(_ s: Statement) -> [(key: String, value: String)] {
        s.words.prefix(256).map { word in
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (String(parts[0]), parts.count > 1 ? String(parts[1]) : "")
        }
    }
}

/// The machine that a file and the user ask for.
struct MachinePlan {
    private var configuration = MachineConfiguration()
    /// Knobs to set once the machine runs; those of the recording machine are not worth failing for.
    private var running: [(key: String, value: String, isAdopted: Bool)] = []
    private let notes: ReplayNotes
    /// Why the machine cannot do what the file requires.
    private(set) var skipped: String?

    /// Puts the settings together; `value` is the column's of a comparison. Throws for a setting of the user's that is
    /// none.
    init(_ head: WorkloadHead, _ options: ReplayOptions, value: String?, notes: ReplayNotes) throws(ReplayError) {
        self.notes = notes
        for (key, value) in head.recordedOn { adopt(key, value) }
        for word in head.required where word != "root" && skipped == nil {
            if let knobs = MachinePlan.knobs(of: word) {
                running += knobs.map { ($0.key, $0.value, false) }
                continue
            }
            skipped = "the model has no \(word.split(separator: "=").first.map(String.init) ?? word) yet"
        }
        for (key, value) in head.machine where skipped == nil {
            do throws(MachineError) { try set(key, value) } catch {
                skipped = "machine: \(MachinePlan.describe(error))"
            }
        }
        do throws(MachineError) {
            for (key, value) in options.settings { try set(key, value) }
            if let comparison = options.comparison, let value { try set(comparison.key, value) }
        } catch {
            throw .setting(MachinePlan.describe(error))
        }
    }

    /// The settings that a word of `# requires:` stands for; nil for what is no setting.
    private static func knobs(of word: String) -> [(key: String, value: String)]? {
        let folder = "/sys/kernel/mm/transparent_hugepage/"
        guard word == "thp" || word == "mthp-64k" else { return nil }
        let sizes = [16, 32, 64, 128, 256, 512, 1024, 2048].map { size in
            let policy = word == "thp" ? (size == 2048 ? "inherit" : "never") : (size == 64 ? "madvise" : "never")
            return (key: folder + "hugepages-\(size)kB/enabled", value: policy)
        }
        return [
            (folder + "enabled", "madvise"), (folder + "defrag", "madvise"), (folder + "use_zero_page", "1"),
            (folder + "shrink_underused", "0"),
        ] + sizes
    }

    private mutating func set(_ key: String, _ value: String, isAdopted: Bool = false) throws(MachineError) {
        if try !configuration.set(key, value) { running.append((key, value, isAdopted)) }
    }

    /// A setting of the recording machine: taken over where the model has the knob.
    private mutating func adopt(_ key: String, _ value: String) {
        let knob: (key: String, value: String)
        switch key {
        case "kernel":
            if !value.hasPrefix("6.18") {
                notes.warn("recorded on Linux \(value); the model behaves as 6.18 does")
            }
            return
        case "cpus": return
        case "arch": knob = ("machine.arch", value == "aarch64" ? "arm64" : value)
        case "levels": knob = ("machine.levels", value)
        case "memory": knob = ("machine.memory", value)
        case "thp": knob = ("/sys/kernel/mm/transparent_hugepage/enabled", value)
        case "fault_around_bytes": knob = ("/sys/kernel/debug/fault_around_bytes", value)
        case "overcommit": knob = ("/proc/sys/vm/overcommit_memory", value)
        default: knob = (key, value)
        }
        do throws(MachineError) { try set(knob.key, knob.value, isAdopted: true) } catch { warn(key, value) }
    }

    private func warn(_ key: String, _ value: String) {
        notes.warn("recorded-on: \(key)=\(value): the model has no such setting; left as it is")
    }

    /// Makes the machine and sets its knobs.
    func makeMachine(host: Host) throws(ReplayError) -> Machine {
        do throws(MachineError) {
            let machine = try Machine(configuration, host: host)
            for (key, value, isAdopted) in running {
                do throws(MachineError) { try machine.set(key, value) } catch {
                    guard isAdopted else { throw error }
                    warn(key, value)
                }
            }
            return machine
        } catch {
            throw .setting(MachinePlan.describe(error))
        }
    }

    // MARK: In words

    /// The machine's facts that are known before it exists.
    var description: [(key: String, value: ReportValue)] {
        [
            ("arch", .text(configuration.architecture.rawValue)), ("page_size", .number(4096)),
            ("cpus", .number(UInt64(configuration.cpus))), ("levels", .number(UInt64(configuration.levels))),
            ("memory_kB", .number(configuration.memory >> 10)), ("contents", .text(configuration.contents.rawValue)),
            ("mmap_base", .number(configuration.mmapBase)),
        ]
    }

    /// The facts of the machine and its knobs.
    func describe(_ machine: Machine) -> [(key: String, value: ReportValue)] {
        var all = description
        for (key, expected) in MachineConfiguration.keys where expected != "1, 2 or 3" {
            if let value = try? machine.get(key) { all.append((key, .text(value))) }
        }
        return all
    }

    static func describe(_ error: MachineError) -> String {
        switch error {
        case .noHostMemory: "this host has no address space left for the machine"
        case .badValue(let key, let expected): "\(key) takes \(expected)"
        case .unknownKey(let key, let near): "no setting \(key); near: \(near.joined(separator: ", "))"
        case .readOnly(let key): "\(key) can only be read"
        case .fixedAtStart(let key): "\(key) can only be set before the machine runs"
        }
    }
}

extension ProcessReport {
    /// A process that has nothing yet.
    static func empty(pid: Int) -> ProcessReport {
        var report = ProcessReport(pid: pid)
        report.status.vmPeak = 0
        report.status.vmSize = 0
        report.status.vmLck = 0
        report.status.vmPin = 0
        report.status.vmHWM = 0
        report.status.vmRSS = 0
        report.status.rssAnon = 0
        report.status.rssFile = 0
        report.status.rssShmem = 0
        report.status.vmData = 0
        report.status.vmPTE = 0
        report.status.vmSwap = 0
        report.stat = Stat(minflt: 0, majflt: 0)
        report.smaps = []
        report.pagetables = PageTables()
        report.pagetables?.pgd = 1
        return report
    }
}

// The files of /proc that a workload may read from the model, in the kernel's format.

import Quire

/// A file of /proc/self, or /proc/meminfo.
enum ProcText {
    case status, statm, maps, smaps, rollup, meminfo

    /// The file that a path names, nil for any other path.
    init?(path: String) {
        switch path {
        case "/proc/self/status": self = .status
        case "/proc/self/statm": self = .statm
        case "/proc/self/maps": self = .maps
        case "/proc/self/smaps_rollup": self = .rollup
        case "/proc/self/smaps": self = .smaps
        case "/proc/meminfo": self = .meminfo
        default: return nil
        }
    }

    /// Its text for a process, without the last line feed.
    func text(of process: Process) -> String {
        switch self {
        case .status:
            let report = ProcessReport(process, pid: process.pid, areas: false)
            let status = process.status()
            var entries = report.status.entries
            // A program's own text is not known here: all mapped code counts as a library's.
            let place = entries.firstIndex { $0.key == "VmPTE" } ?? entries.count
            entries.insert(
                contentsOf: [("VmStk", status.stack), ("VmExe", 0), ("VmLib", status.code)], at: place)
            let lines = entries.map { key, value in "\(key):\t\(ProcText.pad(String(value ?? 0), to: 8)) kB" }
            return (["Pid:\t\(process.pid)"] + lines).joined(separator: "\n")
        case .statm:
            let status = process.status()
            let pages = [
                status.size, status.resident, status.file + status.shared, 0, 0, status.data + status.stack, 0,
            ]
            return pages.enumerated().map { String([3, 4, 6].contains($0) ? $1 : $1 >> 2) }.joined(separator: " ")
        case .maps:
            return process.areaReports().map { ProcText.heading(ProcessReport.Area($0)) }.joined(separator: "\n")
        case .smaps:
            return process.areaReports().map { ProcText.block(ProcessReport.Area($0)) }.joined(separator: "\n")
        case .rollup: return ProcText.rollup(process.areaReports().map { ProcessReport.Area($0) })
        case .meminfo: return ProcText.meminfo(process.machine)
        }
    }

    /// The sums over all areas (smaps_rollup).
    private static func rollup(_ areas: [ProcessReport.Area]) -> String {
        guard let first = areas.first, let last = areas.last else { return "" }
        var whole = ProcessReport.Area(start: first.start, end: last.end, perms: "---p")
        whole.path = "[rollup]"
        let skipped: Set<String> = ["Size", "KernelPageSize", "THPeligible"]
        var lines = [heading(whole)]
        for (place, entry) in first.entries.enumerated() where !skipped.contains(entry.key) {
            let sum = areas.reduce(UInt64(0)) { $0 + ($1.entries[place].value ?? 0) }
            let name = entry.key + ":"
            lines.append(name + pad(String(sum), to: 24 - name.count) + " kB")
        }
        return lines.joined(separator: "\n")
    }

    /// What of /proc/meminfo the model knows.
    private static func meminfo(_ machine: Machine) -> String {
        let pages = [
            ("MemTotal:", machine.frames.total), ("MemFree:", machine.frames.free),
            ("CommitLimit:", machine.commitLimitPages), ("Committed_AS:", machine.committedPages),
        ]
        return pages.map { name, count in
            name + String(repeating: " ", count: 16 - name.count) + pad(String(count << 2), to: 8) + " kB"
        }.joined(separator: "\n")
    }

    private static func heading(_ area: ProcessReport.Area) -> String {
        func hex(_ value: UInt64, _ digits: Int) -> String {
            let text = String(value, radix: 16)
            return String(repeating: "0", count: max(0, digits - text.count)) + text
        }
        let place = "\(hex(area.start, 8))-\(hex(area.end, 8)) \(area.perms) \(hex(area.offset, 8)) 00:00 \(area.inode)"
        guard !area.path.isEmpty else { return place + " " }
        return place + String(repeating: " ", count: max(1, 73 - place.count)) + area.path
    }

    private static func block(_ area: ProcessReport.Area) -> String {
        var lines = [heading(area)]
        for (key, value) in area.entries {
            let name = key + ":"
            let number = pad(String(value ?? 0), to: 24 - name.count)
            lines.append(name + number + (key == "THPeligible" ? "" : " kB"))
        }
        lines.append("VmFlags: " + area.vmFlags.joined(separator: " ") + " ")
        return lines.joined(separator: "\n")
    }

    private static func pad(_ text: String, to width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}

// The files of /proc that a workload may read from the model, in the kernel's format.

import Quire

/// A file of /proc/self, or /proc/meminfo.
enum ProcText {
    case status, maps, smaps, meminfo

    /// The file that a path names, nil for any other path.
    init?(path: String) {
        switch path {
        case "/proc/self/status": self = .status
        case "/proc/self/maps": self = .maps
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
            let lines = report.status.entries.map { key, value in
                "\(key):\t\(ProcText.pad(String(value ?? 0), to: 8)) kB"
            }
            return (["Pid:\t\(process.pid)"] + lines).joined(separator: "\n")
        case .maps:
            return process.areaReports().map { ProcText.heading(ProcessReport.Area($0)) }.joined(separator: "\n")
        case .smaps:
            return process.areaReports().map { ProcText.block(ProcessReport.Area($0)) }.joined(separator: "\n")
        case .meminfo: return ProcText.meminfo(process.machine)
        }
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

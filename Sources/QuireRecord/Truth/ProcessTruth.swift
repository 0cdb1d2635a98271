// What the kernel says of one process at rest: /proc/PID/status, stat and smaps, in the shape of the replay report.
//
// Keys are the kernel's own, sizes are kB, addresses decimal; `ProcessTruth` is the `process` of the workload-format
// contract, with what this kernel prints beyond it.

import Foundation

/// One process's status, stat and smaps.
struct ProcessTruth: Equatable, Sendable {
    /// One area of smaps.
    struct Area: Equatable, Sendable {
        var start: UInt64
        var end: UInt64
        var permissions: String
        var offset: UInt64
        var inode: UInt64
        var path: String
        /// In the kernel's order.
        var sizes: [(key: String, value: UInt64)]
        var flags: [String]

        static func == (left: Area, right: Area) -> Bool {
            left.start == right.start && left.end == right.end && left.permissions == right.permissions
                && left.offset == right.offset && left.inode == right.inode && left.path == right.path
                && left.flags == right.flags && left.sizes.elementsEqual(right.sizes, by: ==)
        }
    }

    var pid: Int
    var name: String
    var status: [String: UInt64]
    var minorFaults: UInt64
    var majorFaults: UInt64
    var areas: [Area]

    /// Reads the three files of a process at rest; nil if it is gone, or a zombie without an address space.
    init?(pid: Int) {
        guard let status = ProcFile.text("/proc/\(pid)/status"), let stat = ProcFile.text("/proc/\(pid)/stat"),
            let smaps = ProcFile.text("/proc/\(pid)/smaps"), !smaps.isEmpty
        else { return nil }
        self.init(pid: pid, status: status, stat: stat, smaps: smaps)
    }

    /// The same from the files' text.
    init(pid: Int, status: String, stat: String, smaps: String) {
        self.pid = pid
        name = ""
        self.status = [:]
        for line in status.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            let value = parts[1].drop { $0 == " " || $0 == "\t" }
            if parts[0] == "Name" { name = String(value) }
            guard Self.statusKeys.contains(String(parts[0])), let size = UInt64(value.prefix { $0.isNumber }) else {
                continue
            }
            self.status[String(parts[0])] = size
        }
        // The command's name may hold spaces and parentheses: count from the last one.
        let fields = stat.split(separator: ")").last.map { $0.split(separator: " ") } ?? []
        minorFaults = fields.count > 7 ? UInt64(fields[7]) ?? 0 : 0
        majorFaults = fields.count > 9 ? UInt64(fields[9]) ?? 0 : 0
        areas = Self.areas(smaps)
    }

    /// The sizes of /proc/PID/status that stand in the report, in its order.
    static let statusKeys = [
        "VmPeak", "VmSize", "VmLck", "VmPin", "VmHWM", "VmRSS", "RssAnon", "RssFile", "RssShmem", "VmData", "VmStk",
        "VmExe", "VmLib", "VmPTE", "VmSwap", "HugetlbPages",
    ]

    private static func areas(_ smaps: String) -> [Area] {
        var areas: [Area] = []
        for line in smaps.split(separator: "\n") {
            if let area = header(line) {
                areas.append(area)
                continue
            }
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2, let last = areas.indices.last else { continue }
            let value = parts[1].drop { $0 == " " }
            if parts[0] == "VmFlags" {
                areas[last].flags = value.split(separator: " ").map(String.init)
            } else if let size = UInt64(value.prefix { $0.isNumber }) {
                areas[last].sizes.append((String(parts[0]), size))
            }
        }
        return areas
    }

    /// `00400000-0041f000 r--p 00000000 fe:00 254587   /usr/bin/python3.11`.
    private static func header(_ line: Substring) -> Area? {
        var cursor = TextCursor(line)
        guard let start = cursor.hexadecimal(), cursor.consume("-"), let end = cursor.hexadecimal(),
            cursor.consume(" "), let permissions = cursor.take(until: " "), let offset = cursor.hexadecimal(),
            cursor.consume(" "), cursor.take(until: " ") != nil, let inode = cursor.decimal()
        else { return nil }
        cursor.skipSpaces()
        return Area(
            start: start, end: end, permissions: String(permissions), offset: offset, inode: inode,
            path: String(cursor.rest), sizes: [], flags: [])
    }
}

/// Files of /proc and /sys, which have no size.
enum ProcFile {
    /// The whole file as text; nil if it is not there or may not be read.
    static func text(_ path: String) -> String? {
        guard let handle = FileHandle(forReadingAtPath: path), let data = try? handle.readToEnd() else { return nil }
        return String(decoding: data, as: UTF8.self)
    }

    /// The first line, without the spaces around it.
    static func line(_ path: String) -> String? {
        text(path)?.split(separator: "\n", omittingEmptySubsequences: false).first
            .map { $0.trimmingCharacters(in: .whitespaces) }
    }
}

// The settings of the recording machine: the `# recorded-on:` lines of the recording and `machine` of its truth.

import Foundation
import Subprocess

/// What of the machine decides how the memory manager behaves; nil where the host does not say.
struct MachineFacts: Equatable {
    var kernel: String
    var architecture: String
    var cpus: Int
    var memoryKB: UInt64
    /// Page-table levels.
    var levels: Int
    /// The choices line, `always [madvise] never`.
    var thp: String?
    var faultAroundBytes: UInt64
    /// Whether the kernel showed the window's size, or the usual one is assumed (debugfs is not mounted).
    var faultAroundKnown: Bool
    var overcommit: String?
    /// CONFIG_PT_RECLAIM.
    var tableReclaim: Bool?

    /// Asks this host.
    static func current() async -> MachineFacts {
        let release = ProcFile.line("/proc/sys/kernel/osrelease") ?? "unknown"
        let cpuinfo = ProcFile.text("/proc/cpuinfo") ?? ""
        let flags = cpuinfo.split(separator: "\n").first { $0.hasPrefix("flags") } ?? ""
        let memory = (ProcFile.line("/proc/meminfo") ?? "").split(separator: " ")
        let around = ProcFile.line("/sys/kernel/debug/fault_around_bytes").flatMap { UInt64($0) }
        return MachineFacts(
            // Without the distribution's or the builder's suffix: the version decides the behaviour.
            kernel: String(release.prefix { $0.isNumber || $0 == "." }),
            architecture: ProcFile.line("/proc/sys/kernel/arch") ?? machine(),
            cpus: ProcessInfo.processInfo.processorCount,
            memoryKB: memory.count > 1 ? UInt64(memory[1]) ?? 0 : 0,
            levels: flags.split(separator: " ").contains("la57") ? 5 : 4,
            thp: ProcFile.line("/sys/kernel/mm/transparent_hugepage/enabled"),
            faultAroundBytes: around ?? 65536, faultAroundKnown: around != nil,
            overcommit: ProcFile.line("/proc/sys/vm/overcommit_memory"), tableReclaim: await configured(release))
    }

    private static func machine() -> String {
        #if arch(x86_64)
            "x86_64"
        #elseif arch(arm64)
            "aarch64"
        #else
            "unknown"
        #endif
    }

    /// The kernel's own configuration: where the distribution installs it, or in /proc.
    private static func configured(_ release: String) async -> Bool? {
        var config = ProcFile.text("/boot/config-\(release)") ?? ProcFile.text("/lib/modules/\(release)/config")
        if config == nil, FileManager.default.fileExists(atPath: "/proc/config.gz") {
            config = try? await run(
                .name("gzip"), arguments: ["-dc", "/proc/config.gz"], output: .string(limit: 1 << 20)
            ).standardOutput
        }
        guard let config, config.contains("CONFIG_") else { return nil }
        return config.contains("\nCONFIG_PT_RECLAIM=y")
    }

    /// The lines at the head of a recording.
    var lines: [String] {
        var lines = ["kernel=\(kernel)", "arch=\(architecture)", "cpus=\(cpus)", "memory=\(memoryKB)K"]
        lines.append("levels=\(levels)")
        if let thp { lines.append("thp=\(Self.chosen(thp))") }
        lines.append("fault_around_bytes=\(faultAroundBytes)")
        if let overcommit { lines.append("overcommit=\(overcommit)") }
        if let tableReclaim { lines.append("pt_reclaim=\(tableReclaim ? "sync" : "off")") }
        return lines.map { "# recorded-on: " + $0 }
    }

    /// The word in brackets.
    static func chosen(_ choices: String) -> String {
        choices.split(separator: " ").first { $0.hasPrefix("[") }.map { String($0.dropFirst().dropLast()) } ?? choices
    }

    var json: Json {
        var members: [(String, Json)] = [
            ("kernel", .string(kernel)), ("arch", .string(architecture)), ("cpus", .integer(cpus)),
        ]
        if let thp { members.append(("thp", .string(thp))) }
        members += [("memory_kB", .number(memoryKB)), ("levels", .integer(levels))]
        if let tableReclaim { members.append(("CONFIG_PT_RECLAIM", .bool(tableReclaim))) }
        members.append(("fault_around_bytes", .number(faultAroundBytes)))
        if let overcommit { members.append(("overcommit_memory", .string(overcommit))) }
        return .object(members)
    }
}

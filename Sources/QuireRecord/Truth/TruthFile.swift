// The truth beside a recording: what /proc said at each snapshot, the files it mapped, the machine, how it was made.

import Foundation

/// Puts `app.truth.json` together.
struct TruthFile {
    var workload: String
    var command: [String]
    var machine: MachineFacts
    var merger: Merger
    var run: RunResult
    var source: Preflight.Source
    /// Faults that neither an exception nor the rule of `unexplainedFaults` accounts for.
    var unexplained: Int

    /// The whole file. Redaction uses the merge's names, so that both files agree.
    func text() -> String {
        var names = merger.redactor
        let snapshots = run.snapshots.map { snapshot in
            let borrowers = merger.borrowersAt[snapshot.label] ?? []
            let processes = snapshot.processes.filter { !borrowers.contains($0.pid) }
            return (snapshot.label, Json.array(processes.map { Self.process($0, &names) }))
        }
        let members: [(String, Json)] = [
            ("workload", .string(workload)),
            ("cmd", .array(command.map { .string(names.name($0)) })),
            ("machine", machine.json),
            ("recording", recording()),
            ("files", files(&names)),
            ("snapshots", .object(snapshots)),
        ]
        return Json.object(members).text(depth: 3) + "\n"
    }

    private func recording() -> Json {
        let counts = merger.counts
        let calls = counts.calls.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        return .object([
            ("lines", .integer(counts.lines)),
            ("calls", .object(calls.map { ($0.key, .integer($0.value)) })),
            ("faults", .object(counts.faults.sorted { $0.key < $1.key }.map { ($0.key, .integer($0.value)) })),
            ("direction", .string(source == .software ? "unknown" : "error code")),
            ("lost_events", .number(counts.lost)),
            ("unexplained_faults", .integer(unexplained)),
            ("clock_offset_drift_ns", .integer(Int(run.clockDrift))),
            ("snapshot_how", .object(run.snapshots.map { ($0.label, .string($0.how)) })),
            ("root_pid", .integer(merger.root ?? 0)),
        ])
    }

    /// Sizes and inodes of the files that were opened or mapped and that still exist.
    private func files(_ names: inout Redactor) -> Json {
        var members: [(String, Json)] = []
        for (name, path) in merger.files.sorted(by: { $0.key < $1.key }) {
            guard !path.hasPrefix("/proc/"), !path.hasPrefix("/sys/"), !path.hasPrefix("/dev/"),
                let attributes = try? FileManager.default.attributesOfItem(
                    atPath: URL(fileURLWithPath: path).resolvingSymlinksInPath().path),
                let size = attributes[.size] as? NSNumber, let inode = attributes[.systemFileNumber] as? NSNumber,
                attributes[.type] as? FileAttributeType == .typeRegular
            else { continue }
            var file: [(String, Json)] = [
                ("size", .number(size.uint64Value)), ("inode", .number(inode.uint64Value)),
            ]
            if let folios = run.folios.byInode[inode.uint64Value] {
                let list = folios.sorted { $0.key < $1.key }.map { Json.array([.number($0.key), .number($0.value)]) }
                file.append(("large_folios", .array(list)))
            }
            members.append((name, .object(file)))
        }
        return .object(members)
    }

    private static func process(_ process: ProcessTruth, _ names: inout Redactor) -> Json {
        let status = ProcessTruth.statusKeys.compactMap { key in
            process.status[key].map { (key, Json.number($0)) }
        }
        var areas: [Json] = []
        for area in process.areas {
            var members: [(String, Json)] = [
                ("start", .number(area.start)), ("end", .number(area.end)), ("perms", .string(area.permissions)),
                ("offset", .number(area.offset)), ("inode", .number(area.inode)),
                ("path", .string(names.area(area.path))),
            ]
            members += area.sizes.map { ($0.key, .number($0.value)) }
            members.append(("VmFlags", .array(area.flags.map { .string($0) })))
            areas.append(.object(members))
        }
        return .object([
            ("pid", .integer(process.pid)), ("comm", .string(names.name(process.name))),
            ("status", .object(status)),
            ("stat", .object([("minflt", .number(process.minorFaults)), ("majflt", .number(process.majorFaults))])),
            ("smaps", .array(areas)),
        ])
    }
}

// A run as a few lines of text: what a test keeps of a live kernel's answers, so that it can ask them where no such
// kernel is, and a human can read what changed. The fields are those of `RunComparison`, the counters only where they
// are not 0. Neighbours: RunRecord (the whole run), Tests/Workloads (the files).

extension RunRecord {
    /// The calls, then the processes at each snapshot and at the end; one line each, and one for each area.
    ///
    ///     3 mprotect = 0
    ///     5 store SIGSEGV SEGV_ACCERR at 100000000000
    ///     final 1 VmSize 64 RssAnon 4 VmData 64 VmPTE 12 minflt 1
    ///     final 1 100000000000-100000010000 rw-p Rss 4 Pss 4 Private_Dirty 4 Anonymous 4 · rd wr mr mw me ac
    public var goldenLines: [String] {
        var lines = calls.map(\.goldenLine)
        for snapshot in snapshots { lines += goldenLines(snapshot.label, snapshot.processes) }
        return lines + goldenLines("final", final)
    }

    private func goldenLines(_ label: String, _ processes: [ProcessReport]) -> [String] {
        processes.flatMap { process in
            var text = "\(label) \(process.pid)"
            let areas = (process.smaps ?? []).map { "\(text) \($0.goldenText)" }
            for (name, field) in RunComparison.sinceStart where !(locksAll && name == "VmLck") {
                let growth = RunComparison.growth(process, base, field)
                if growth != 0 { text += " \(name) \(growth)" }
            }
            for (name, count) in [("minflt", process.stat.minflt), ("majflt", process.stat.majflt)] {
                if let count, count != 0 { text += " \(name) \(count)" }
            }
            return [text] + areas
        }
    }
}

extension CallReport {
    /// `LINE NAME OUTCOME`, with the process where it is not the first.
    fileprivate var goldenLine: String {
        var text = pid == 1 ? "\(line) \(call)" : "\(line) [\(pid)] \(call)"
        switch outcome {
        case .result(let number): if !RunComparison.withoutResult.contains(call) { text += " = \(number)" }
        case .address(let address): text += " = " + address.hexadecimal
        case .error(let name): text += " \(name)"
        case .signal(let name, let code, let address): text += " \(name) \(code) at \(address.hexadecimal)"
        case .unsupported: text += " unsupported"
        case .lost(let reason): text += " lost: \(reason)"
        case .none: break
        }
        if let data { text += " data " + data.map { ($0 < 16 ? "0" : "") + UInt64($0).hexadecimal }.joined() }
        if let fnv1a64 { text += " fnv1a64 \(fnv1a64.hexadecimal)" }
        // The text of a process's own files holds what a live process has besides.
        if let path, let value, RunComparison.isMachineFile(path) { text += " value \(value)" }
        return text
    }
}

extension ProcessReport.Area {
    fileprivate var goldenText: String {
        var text = "\(start.hexadecimal)-\(end.hexadecimal) \(perms)"
        if inode != 0 { text += " offset \(offset.hexadecimal)" }
        for (name, value) in entries where name != "Size" && RunComparison.counters.contains(name) {
            if let value, value != 0, name != "KernelPageSize" || value != 4 { text += " \(name) \(value)" }
        }
        return text + " · " + vmFlags.filter { RunComparison.flags.contains($0) }.joined(separator: " ")
    }
}

extension UInt64 {
    fileprivate var hexadecimal: String { String(self, radix: 16) }
}

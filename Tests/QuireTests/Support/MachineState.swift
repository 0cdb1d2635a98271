// The state of a machine as lines of text, in what programs can see and no more: two runs can be compared, and a
// difference can be read. Where one area ends and a like one begins is left out: a call that failed may have split one.

@testable import Quire

extension TestMachine {
    /// Processes with their numbers and runs of like pages, and what is promised.
    func state() -> [String] {
        var lines = ["committed \(machine.committedPages)"]
        for process in machine.processes { lines += state(of: process) }
        return lines
    }

    private func state(of process: Process) -> [String] {
        let status = process.status()
        var lines = [
            "process \(process.pid): size \(status.size) locked \(status.locked) data \(status.data) "
                + "anonymous \(status.anonymous) shared \(status.shared) file \(status.file)"
        ]
        let space = process.space
        var cursor = space.areas.first
        var run: (start: UInt64, end: UInt64, label: String)?
        while !cursor.isNone {
            let area = core.areas[space.areas.area(at: cursor)]
            for page in stride(from: area.start, to: area.end, by: Int(page)) {
                let label = label(of: page, area, space)
                if let last = run, last.end == page, last.label == label {
                    run!.end = page + 4096
                } else {
                    if let run { lines.append(text(run)) }
                    run = (page, page + 4096, label)
                }
            }
            cursor = space.areas.next(cursor)
        }
        if let run { lines.append(text(run)) }
        return lines
    }

    private func text(_ run: (start: UInt64, end: UInt64, label: String)) -> String {
        "  \(VirtualAddress(run.start)) + \((run.end - run.start) >> 12): \(run.label)"
    }

    private func label(of address: UInt64, _ area: Area, _ space: AddressSpace) -> String {
        let extras = core.extras(area.extras)
        var text = area.flags.letters.joined(separator: " ")
        if extras.name != 0 { text += " \"\(machine.strings[Int(extras.name)])\"" }
        if extras.policy != .none { text += " policy \(extras.policy.mode)" }
        if !extras.userfault.isNone { text += " served" }
        if !area.file.isNone { text += " \(machine.strings[Int(core.files[area.file].path)])" }
        let tables = space.tables
        let table = tables.table(cpu, address, level: 0)
        let entry = table.isNone ? .none : tables.load(cpu, table, tables.format.index(address, level: 0))
        if entry.isNone { return text }
        guard tables.format.isPresent(entry) else { return text + ", guard" }
        let frame = tables.format.frame(entry)
        if frame == core.zeroFrame { return text + ", zero page" }
        return text + ", \(memory.kind(cpu, frame)) \(memory.byte(cpu, frame, offset: 0))"
    }
}

/// The first line in which two states differ; nil where there is none.
func difference(_ one: [String], _ other: [String]) -> String? {
    for (mine, theirs) in zip(one, other) where mine != theirs { return "\(mine) | \(theirs)" }
    return one.count == other.count ? nil : "\(one.last ?? "") | \(other.last ?? "")"
}

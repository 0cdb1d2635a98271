// Steps as JSON: an array, one element a line of the workload.

public import QuireWorkload

/// Writes steps as a JSON array.
public struct ExplainJSON {
    private static let levels = ["pte", "pmd", "pud", "p4d"]
    private var json: JSONWriter

    /// An array on a sink, begun.
    public init(to sink: any ByteSink) {
        json = JSONWriter(to: sink)
        json.beginArray(lines: true)
    }

    /// Ends the array.
    public mutating func finish() throws(InputError) {
        json.endArray()
        try json.flush()
    }

    /// Adds a step.
    public mutating func add(_ step: Step) {
        json.beginObject()
        json.key("line")
        json.value(UInt64(step.line))
        json.key("text")
        json.value(step.text)
        json.key("outcome")
        if let call = step.calls.first { json.value(call) } else { json.null() }
        json.key("words")
        json.beginArray()
        for sentence in step.words { json.value(sentence) }
        json.endArray()
        json.key("processes")
        json.beginArray()
        for process in step.processes {
            json.beginObject()
            json.key("pid")
            json.value(UInt64(process.pid))
            json.key("before")
            add(process.before, process.areas.marksBefore)
            json.key("after")
            add(process.after, process.areas.marksAfter)
            json.endObject()
        }
        json.endArray()
        json.endObject()
    }

    private mutating func add(_ process: ProcessScene?, _ marks: [Mark]) {
        guard let process else { return json.null() }
        json.beginObject()
        json.key("areas")
        json.beginArray()
        for (area, mark) in zip(process.areas, marks) { add(area, mark) }
        json.endArray()
        json.key("tables")
        json.beginObject()
        for (level, count) in process.tables.enumerated() {
            json.key(level == process.tables.count - 1 ? "pgd" : Self.levels[Swift.min(level, Self.levels.count - 1)])
            json.value(signed: Int64(count))
        }
        json.key("empty_pte")
        json.value(signed: Int64(process.emptyTables))
        json.key("VmPTE")
        json.value(process.tableSize)
        json.endObject()
        json.endObject()
    }

    private mutating func add(_ area: AreaScene, _ mark: Mark) {
        let report = area.report
        json.beginObject()
        json.key("mark")
        json.value(mark.rawValue)
        for (name, number) in [("start", report.start), ("end", report.end)] {
            json.key(name)
            json.value(number)
        }
        json.key("perms")
        json.value(report.permissions)
        json.key("anon_vma")
        json.value(area.anonVMA)
        json.key("path")
        json.value(report.path)
        for (name, number) in [
            ("offset", report.offset), ("inode", report.inode), ("pgoff", report.pageOffset), ("Rss", report.rss),
            ("Shared", report.sharedDirty), ("Anonymous", report.anonymous),
            ("LazyFree", report.lazyFree),
        ] {
            json.key(name)
            json.value(number)
        }
        json.key("VmFlags")
        json.beginArray()
        for letters in report.flags.letters { json.value(letters) }
        json.endArray()
        json.endObject()
    }
}

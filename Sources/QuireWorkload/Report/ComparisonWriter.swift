// The report of `--compare KEY=A,B,C`: one column per value. Machines run in step, so their reports grow at the same
// time; each goes into a spool of its own, and they are put one behind the other at the end.

/// Writes {"key", "columns": {VALUE: report}}.
public struct ComparisonWriter {
    private let key: String
    private let columns: [(value: String, spool: Spool)]

    /// A comparison of the values of one key.
    public init(key: String, values: [String]) {
        self.key = key
        columns = values.map { ($0, Spool()) }
    }

    /// Where the report of a column goes: give it to that column's `ReportWriter`.
    public func sink(_ column: Int) -> any ByteSink { columns[column].spool }

    /// Puts the finished reports together.
    public func finish(to sink: any ByteSink) throws(InputError) {
        var json = JSONWriter(to: sink)
        json.beginObject(lines: true)
        json.key("key")
        json.value(key)
        json.key("columns")
        json.beginObject(lines: true)
        for (value, spool) in columns {
            json.key(value)
            json.splice(spool)
        }
        json.endObject()
        json.endObject()
        json.endLine()
        try json.flush()
    }
}

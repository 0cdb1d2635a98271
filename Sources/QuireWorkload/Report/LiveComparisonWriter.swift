// The report of `--live`: the model's run and the live kernel's, and every field in which they differ; as JSON or, for
// people, as columns side by side and a list.

/// Puts the reports of two runs together.
public struct LiveComparisonWriter {
    /// How many differences the text lists; all are counted, and the JSON has all.
    public static let listedDifferences = 100

    private let model: RunRecord
    private let live: RunRecord
    private let comparison: RunComparison

    /// The runs, and what was found to differ.
    public init(model: RunRecord, live: RunRecord, comparison: RunComparison) {
        self.model = model
        self.live = live
        self.comparison = comparison
    }

    /// Writes {"model", "live", "differences"}. `modelReport` is the model's report as its run has written it.
    public func writeJSON(modelReport: Spool, writesCalls: Bool, to sink: any ByteSink) throws(InputError) {
        let liveReport = Spool()
        try live.write(to: liveReport, writesCalls: writesCalls)
        var json = JSONWriter(to: sink)
        json.beginObject(lines: true)
        json.key("model")
        json.splice(modelReport)
        json.key("live")
        json.splice(liveReport)
        json.key("differences")
        json.beginArray(lines: true)
        for difference in comparison.differences {
            json.beginObject()
            json.key("place")
            json.value(difference.place)
            json.key("field")
            json.value(difference.field)
            json.key("model")
            json.value(difference.model)
            json.key("live")
            json.value(difference.live)
            json.endObject()
        }
        json.endArray()
        json.endObject()
        json.endLine()
        try json.flush()
    }

    /// The columns and the list. Sizes are counted from the first process's start: a live one has memory of its own.
    public var text: String {
        var text = ReportSummary.compare(
            key: "since the start", [(value: "model", summary: model.summary), (value: "live", summary: live.summary)])
        let count = comparison.differences.count
        let not = comparison.unsupported == 0 ? "" : ", \(comparison.unsupported) calls unsupported"
        let compared = "\(comparison.calls) calls, \(comparison.areas) areas\(not)"
        if count == 0 { return text + "\nsame: \(compared)\n" }
        var table = TextTable([("where", .left), ("field", .left), ("model", .left), ("live", .left)])
        for difference in comparison.differences.prefix(Self.listedDifferences) {
            table.add([difference.place, difference.field, difference.model, difference.live])
        }
        text += "\n\(count) \(count == 1 ? "difference" : "differences") in \(compared)\n" + table.render()
        if count > Self.listedDifferences { text += "… \(count - Self.listedDifferences) further differences\n" }
        return text
    }
}

// A run as a trace that the Perfetto UI and chrome://tracing open: a track for each CPU, a slice for each call and each step, a
// microsecond a step. The format: Trace Event Format, JSON object form.

/// A run as a trace file.
public struct PerfettoTrace: Sendable {
    private let steps: [DrawnStep]
    private let cpus: Int
    private let title: String

    public init(_ steps: [DrawnStep], cpus: Int, title: String) {
        self.steps = steps
        self.cpus = max(cpus, 1)
        self.title = title
    }

    /// The file's text.
    public var json: String {
        var events = [#"{"ph":"M","pid":1,"name":"process_name","args":{"name":\#(quoted(title))}}"#]
        for cpu in 0..<cpus {
            events.append(#"{"ph":"M","pid":1,"tid":\#(cpu),"name":"thread_name","args":{"name":"CPU \#(cpu)"}}"#)
        }
        var open: [Int: Bool] = [:]
        for step in steps {
            let track = step.cpu % cpus
            let place = #""pid":1,"tid":\#(track),"ts":\#(step.number)"#
            switch step.kind {
            case .call:
                if open[track] == true { events.append(#"{"ph":"E",\#(place)}"#) }
                open[track] = true
                events.append(#"{"ph":"B","name":\#(quoted(step.text)),\#(place)}"#)
            case .step:
                events.append(#"{"ph":"X","dur":1,"name":\#(quoted(step.text)),\#(place)}"#)
            case .end:
                events.append(#"{"ph":"i","s":"g","name":\#(quoted(step.text)),\#(place)}"#)
            }
        }
        let last = (steps.last?.number ?? 0) + 1
        for (track, isOpen) in open.sorted(by: { $0.key < $1.key }) where isOpen {
            events.append(#"{"ph":"E","pid":1,"tid":\#(track),"ts":\#(last)}"#)
        }
        return "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n" + events.joined(separator: ",\n") + "\n]}\n"
    }

    private func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case _ where scalar.value < 32: result += " "
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

// One line of `strace -f --absolute-timestamps=format:unix,precision:ns -o FILE`: whose it is, when, and which of the
// few kinds the merge treats differently. The text itself goes into the recording unchanged.

/// A line of strace's log with what the merge must know of it.
struct StraceLine: Equatable {
    /// What stands on the line.
    enum Kind: Equatable {
        /// `name(...) = result`, all on one line; stamped at entry.
        case call(String)
        /// `name(... <unfinished ...>`: another task's line came before the call was over.
        case unfinished(String)
        /// `<... name resumed>...`; stamped at exit.
        case resumed(String)
        /// `--- SIGSTOP {...} ---`, with the signal's name and its sender where the line says one.
        case signal(String, sender: Int?)
        /// `+++ exited with 0 +++`, `+++ killed by SIGKILL +++`, `+++ superseded by execve in pid 7 +++`.
        case ended
        /// Anything else.
        case other
    }

    var tid: Int
    /// CLOCK_REALTIME, in nanoseconds.
    var time: Int64
    var kind: Kind
    /// The whole line.
    let text: String
    /// The line without id and stamp.
    let body: Substring

    init?(_ text: String) {
        var cursor = TextCursor(text)
        cursor.skipSpaces()
        guard let tid = cursor.signed() else { return nil }
        cursor.skipSpaces()
        guard let time = cursor.nanoseconds() else { return nil }
        cursor.skipSpaces()
        (self.tid, self.time, self.text, body) = (tid, time, text, cursor.rest)
        kind = Self.kind(cursor)
    }

    private static func kind(_ start: TextCursor) -> Kind {
        var cursor = start
        if cursor.consume("<... ") {
            return cursor.take(until: " ").map { .resumed(String($0)) } ?? .other
        }
        if cursor.consume("--- ") {
            guard let name = cursor.take(until: " "), name.hasPrefix("SIG") else { return .other }
            var sender: Int?
            if let range = cursor.rest.firstRange(of: "si_pid=") {
                var tail = TextCursor(cursor.rest[range.upperBound...])
                sender = tail.signed()
            }
            return .signal(String(name), sender: sender)
        }
        if cursor.consume("+++ ") { return .ended }
        guard let name = cursor.take(until: "("), !name.isEmpty else { return .other }
        return start.rest.hasSuffix("<unfinished ...>") ? .unfinished(String(name)) : .call(String(name))
    }

    /// Whether the call is over and did not fail: `= 0`, `= 0x7f…`, `= 3`, with or without a comment behind it.
    var succeeded: Bool { result.map { !$0.hasPrefix("-1 ") && !$0.hasPrefix("?") } ?? false }

    /// What stands behind the last ` = `.
    var result: Substring? {
        guard let range = body.ranges(of: " = ").last else { return nil }
        return body[range.upperBound...]
    }
}

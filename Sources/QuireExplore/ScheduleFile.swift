// A schedule as a file that people can read and the tool replays: what was explored, what it led to, and the choices.
//
//     # quire schedule 1
//     subject: R-06
//     variant: before
//     outcome: violation: RssAnon is off
//     store-buffers: no
//     choices: 0 0 1 1 0

/// A saved schedule.
public struct ScheduleFile: Sendable, Hashable {
    /// A scenario's name or a litmus file's path.
    public var subject: String
    /// Of a scenario: which variant.
    public var variant: String?
    public var outcome: String
    public var hasStoreBuffers: Bool
    /// Classes of locks that were turned off.
    public var ablated: [String]
    public var schedule: Schedule

    public init(
        subject: String, variant: String?, outcome: String, hasStoreBuffers: Bool, ablated: [String], schedule: Schedule
    ) {
        self.subject = subject
        self.variant = variant
        self.outcome = outcome
        self.hasStoreBuffers = hasStoreBuffers
        self.ablated = ablated
        self.schedule = schedule
    }

    private static let magic = "# quire schedule 1"

    /// The file's text.
    public var text: String {
        var lines = [Self.magic, "subject: \(subject)"]
        if let variant { lines.append("variant: \(variant)") }
        lines.append("outcome: \(outcome)")
        lines.append("store-buffers: \(hasStoreBuffers ? "yes" : "no")")
        if !ablated.isEmpty { lines.append("ablated: \(ablated.joined(separator: " "))") }
        lines.append("choices: \(schedule.choices.map { String($0) }.joined(separator: " "))")
        return lines.joined(separator: "\n") + "\n"
    }

    /// What is wrong with a schedule's text.
    public struct Malformed: Error, CustomStringConvertible {
        public var line: Int
        public var column: Int
        public var description: String
    }

    /// Reads a text. Throws what is wrong with it, and where.
    public init(text: String) throws(Malformed) {
        var fields: [String: (line: Int, value: Substring)] = [:]
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.first.map(String.init) == Self.magic else {
            throw Malformed(line: 1, column: 1, description: "expected '\(Self.magic)'")
        }
        for (index, line) in lines.enumerated().dropFirst() where !line.isEmpty {
            guard let colon = line.firstIndex(of: ":") else {
                throw Malformed(line: index + 1, column: 1, description: "expected 'KEY: VALUE'")
            }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            fields[String(line[..<colon])] = (index + 1, value)
        }
        guard let subject = fields["subject"], let choices = fields["choices"] else {
            throw Malformed(line: lines.count, column: 1, description: "expected lines 'subject:' and 'choices:'")
        }
        var numbers: [UInt8] = []
        for word in choices.value.split(separator: " ") {
            guard let number = UInt8(word), number < 64 else {
                let column =
                    "choices: ".count + choices.value.distance(from: choices.value.startIndex, to: word.startIndex)
                throw Malformed(
                    line: choices.line, column: column + 1,
                    description: "expected the number of a strand, found '\(word)'")
            }
            numbers.append(number)
        }
        self.init(
            subject: String(subject.value), variant: fields["variant"].map { String($0.value) },
            outcome: fields["outcome"].map { String($0.value) } ?? "",
            hasStoreBuffers: fields["store-buffers"]?.value == "yes",
            ablated: fields["ablated"].map { $0.value.split(separator: " ").map(String.init) } ?? [],
            schedule: Schedule(choices: numbers))
    }
}

// Operations as lines of a workload file, and back. Addresses and lengths are hexadecimal, flags have their names: a
// person is going to read what a hunt found.

extension Operation {
    /// The line, without a line feed.
    public var line: String {
        let who = process == 0 ? "" : "[c\(process)] "
        let form = CallForm.of(call)
        if call.makesProcess { return who + "c\(argument(0)) = " + Self.beginning(call) }
        if call == .knob { return Self.knob + (HugeKnobs.setting(argument(0), argument(1)) ?? "") }
        let name = call == .gup ? "h\(argument(3)) = " : ""
        var words: [String] = []
        var next = 0
        for piece in form.pieces {
            switch piece {
            case .fixed(let text): words.append(text)
            case .anyText: words.append("\"conform\"")
            case .filledText: words.append("\"" + filledText + "\"")
            case .vector:
                words.append("[{iov_base=\(hex(argument(next))), iov_len=\(hex(argument(next + 1)))}]")
                next += 2
            case .argument(let kind):
                if next < arguments.count { words.append(text(of: argument(next), kind)) }
                next += 1
            }
        }
        return who + name + form.name + "(" + words.joined(separator: ", ") + ")"
    }

    private func text(of value: UInt64, _ kind: ArgumentKind) -> String {
        switch kind {
        case .rights: return ArgumentNames.bits(value, kind.names, none: "PROT_NONE")
        case .advice: return kind.names.first { $0.value == value }?.name ?? String(value)
        case .mapFlags where value & 15 == 3: return "MAP_SHARED_VALIDATE|" + text(of: value & ~15, kind)
        case .mapFlags, .remapFlags, .lockFlags, .lockAllFlags, .syncFlags, .memfdFlags, .fallocateMode, .seals,
            .pinFlags:
            return ArgumentNames.bits(value, kind.names, none: "0")
        case .descriptor where call == .mmap && argument(3) & MapBits.anonymous != 0: return "-1"
        case .descriptor, .byte, .count, .number: return value == .max ? "-1" : String(value)
        case .child: return "c\(value)"
        case .handle: return "h\(value)"
        case .statistic:
            return value < UInt64(HugeKnobs.statistics.count) ? "\"\(HugeKnobs.statistics[Int(value)])\"" : "\"\""
        case .address, .target, .length, .offset, .size: return hex(value)
        }
    }

    /// The bytes of `writeText`: one letter, as often as the count says.
    var filledText: String {
        let letter = UInt8(ascii: "a") + UInt8(argument(3) % 26)
        return String(repeating: String(UnicodeScalar(letter)), count: Int(min(argument(1), Self.longestText)))
    }

    /// How a line of the head begins that sets something.
    static let knob = "# machine: "

    /// The call that makes a process, without the name of the child.
    private static func beginning(_ call: OperationCall) -> String {
        let words = CallForm.of(call).pieces.map { if case .fixed(let text) = $0 { text } else { "" } }
        return "\(call.rawValue)(\(words.joined(separator: ", ")))"
    }

    /// The longest text that is written.
    static let longestText: UInt64 = 256

    /// Reads a line that `line` printed, or another one of the same form with numbers for names; nil for any other.
    public init?(line: String) {
        var rest = line[...]
        process = 0
        if rest.hasPrefix(Self.knob) {
            guard let arguments = HugeKnobs.read(rest.dropFirst(Self.knob.count)) else { return nil }
            call = .knob
            self.arguments = arguments
            return
        }
        if rest.hasPrefix("[c"), let close = rest.firstIndex(of: "]") {
            guard let number = Int(rest[..<close].dropFirst(2)) else { return nil }
            process = number
            rest = rest[rest.index(after: close)...].drop { $0 == " " }
        }
        for call in [OperationCall.fork, .vfork, .clone] where rest.hasSuffix(" = " + Self.beginning(call)) {
            guard rest.hasPrefix("c"), let child = UInt64(rest.dropFirst().prefix { $0 != " " }) else { return nil }
            self.call = call
            arguments = [child]
            return
        }
        var handle: UInt64?
        if rest.hasPrefix("h"), let equals = rest.firstIndex(of: "=") {
            handle = UInt64(rest[..<equals].dropFirst().filter { $0 != " " })
            rest = rest[rest.index(after: equals)...].drop { $0 == " " }
        }
        guard let open = rest.firstIndex(of: "("), let close = rest.lastIndex(of: ")") else { return nil }
        let words = Self.words(rest[rest.index(after: open)..<close])
        for call in CallForm.calls[String(rest[..<open])] ?? [] where !call.makesProcess {
            guard let arguments = Self.arguments(words, CallForm.of(call)) else { continue }
            self.call = call
            self.arguments = arguments
            if call == .gup { self.arguments.append(handle ?? 0) }
            return
        }
        return nil
    }

    /// What stands between the commas, but for those in brackets. Texts hold none.
    private static func words(_ text: Substring) -> [Substring] {
        var isInside = false
        return text.split { character in
            if character == "[" || character == "]" { isInside = character == "[" }
            return character == "," && !isInside
        }.map { $0.drop { $0 == " " } }
    }

    private static func arguments(_ words: [Substring], _ form: CallForm) -> [UInt64]? {
        guard words.count <= form.pieces.count, words.count >= form.pieces.count - form.optional else { return nil }
        var found: [UInt64] = []
        var byte: UInt64?
        for (word, piece) in zip(words, form.pieces) {
            switch piece {
            case .fixed(let text): guard ArgumentNames.isSame(word, text) else { return nil }
            case .anyText: guard word.hasPrefix("\"") else { return nil }
            case .filledText:
                guard word.hasPrefix("\""), let letter = word.dropFirst().first?.asciiValue else { return nil }
                byte = letter == UInt8(ascii: "\"") ? 0 : UInt64(letter &- UInt8(ascii: "a"))
            case .vector:
                let numbers = word.split { !"0123456789abcdefx".contains($0) }.filter { $0.hasPrefix("0x") }
                guard numbers.count == 2 else { return nil }
                found += numbers.compactMap { ArgumentNames.value($0) }
            case .argument(.child):
                guard let number = UInt64(word.dropFirst()), word.hasPrefix("c") else { return nil }
                found.append(number)
            case .argument(.handle):
                guard let number = UInt64(word.dropFirst()), word.hasPrefix("h") else { return nil }
                found.append(number)
            case .argument(.statistic):
                let path = word.filter { $0 != "\"" }
                guard let place = HugeKnobs.statistics.firstIndex(of: path) else { return nil }
                found.append(UInt64(place))
            case .argument:
                guard let value = ArgumentNames.value(word) else { return nil }
                found.append(value)
            }
        }
        if let byte { found.append(byte) }
        return found
    }
}

/// Operations as a workload file with a comment at its head.
public func workloadText(_ operations: [Operation], comment: String = "") -> String {
    WorkloadText(operations, comment: comment).text
}

/// The operations of a workload file that this module wrote; nil where there is another line in it.
public func readOperations(_ text: String) -> [Operation]? {
    var operations: [Operation] = []
    let lines = text.split(separator: "\n")
    let hasKnobs = lines.contains(WorkloadText.hugePages[...])
    for line in lines where !line.hasPrefix("snapshot(") {
        if line.hasPrefix("#"), !hasKnobs || !line.hasPrefix(Operation.knob) { continue }
        guard let operation = Operation(line: String(line)) else { return nil }
        operations.append(operation)
    }
    return operations
}

/// A workload's text, and which line each operation stands on.
struct WorkloadText {
    /// With this all sides map small pages, whatever the advice: the reference model knows no others.
    static let smallPages = "# machine: /sys/kernel/mm/transparent_hugepage/enabled=never"
    /// With this khugepaged sleeps but when it is asked for, and counters begin at 0.
    static let hugePages = "# requires: thp"

    private(set) var text: String
    let operations: [Operation]
    /// The number of operations before each line's end, by line from 1 on.
    private(set) var done: [Int] = [0]
    private var interval: Int

    /// The text, with a snapshot after every `interval` operations; 0 for none.
    init(_ operations: [Operation], comment: String = "", snapshotEvery interval: Int = 0) {
        self.operations = runnable(operations)
        self.interval = interval
        text = ""
        for line in comment.split(separator: "\n") { add("# \(line)", 0) }
        add(hasHugePages ? Self.hugePages : Self.smallPages, 0)
        for (index, operation) in self.operations.enumerated() {
            add(operation.line, index + 1)
            if hasSnapshot(after: index) { add("snapshot(\"\(index + 1)\")", index + 1) }
        }
    }

    private mutating func add(_ line: String, _ count: Int) {
        text += line + "\n"
        done.append(count)
    }

    /// Whether a snapshot follows an operation.
    func hasSnapshot(after index: Int) -> Bool {
        interval > 0 && (index + 1) % interval == 0 && operations[index].call != .knob
    }

    /// Whether its machine has huge pages.
    var hasHugePages: Bool { operations.contains { $0.call.needsHugePages } }

    /// The operations up to a line, all for nil.
    func operations(to line: Int?) -> [Operation] {
        guard let line, line < done.count else { return operations }
        return Array(operations.prefix(done[line]))
    }
}

// One line of a workload file, parsed. A `Statement` is filled again and again by the parser: its arguments lie inline,
// its two arrays keep their storage, so that the lines that make up a recording cost no allocation. It owns all that it
// refers to, so that a copy may be kept (a look ahead, a call that is resumed later).

/// A line of a workload file.
///
/// Strings, comments and structures are ranges into the statement itself: read them with `bytes(of:)`, `string(of:)`
/// and `field(_:of:)`.
public struct Statement: Sendable {
    /// What kind of line this is.
    public enum Kind: UInt8, Sendable {
        /// Nothing but blanks, or a line by which the tracer talks about itself.
        case blank
        /// A comment without a meaning; its text is `comment`.
        case comment
        /// `# requires: WORD, …`, `# machine: KEY=VALUE …`, `# recorded-on: KEY=VALUE …`; the words are `comment`.
        case requires, machine, recordedOn
        /// A call; also `parallel`, `end`, `expect` and `never`.
        case call
        /// `+++ exited with N +++`: `status` is N.
        case exited
        /// `+++ killed by SIG +++`: `status` is the signal's number.
        case killed
        /// `--- SIG {…} ---`: `status` is the signal's number, 0 for other notes between dashes.
        case signal
    }

    /// Whose line it is.
    public enum Prefix: Hashable, Sendable {
        /// No prefix: the first process.
        case none
        /// A recorded pid: `1234 ` or `[pid 1234] `.
        case pid(Int32)
        /// A process or thread by the name bound to it: `[c] `.
        case name(NameID)
    }

    /// The result that stands behind the call.
    public enum Result: Hashable, Sendable {
        /// There is none.
        case none
        /// `= 3`, `= 0x7f…`.
        case value(UInt64)
        /// `= -1 ENOMEM (…)`; `Names.outcomeNumber(of:)` gives the number.
        case error(NameID)
        /// `= ?`, also with a restart code behind it.
        case unknown
    }

    /// A range of `text`.
    public struct Text: Hashable, Sendable {
        var start: Int32 = 0
        var count: Int32 = 0
        /// Whether the tracer cut the string short (`"…"...`).
        public var isTruncated = false
        /// Whether there are no bytes.
        public var isEmpty: Bool { count == 0 }
    }

    /// Which of a statement's fields belong to a structure.
    public struct Fields: Hashable, Sendable {
        var start: Int32
        var count: Int32
    }

    /// A member of a structure; members of nested structures stand beside it.
    public struct Field: Hashable, Sendable {
        /// The member's name.
        public var name: NameID
        /// Its value; nil where it is not a number (`set_tid=[7]`).
        public var value: UInt64?
    }

    /// One argument.
    public struct Argument: Hashable, Sendable {
        /// What was given.
        public enum Value: Hashable, Sendable {
            /// A number, as the evaluated expression.
            case integer(UInt64)
            /// A string, unescaped.
            case string(Text)
            /// A structure, or an array of structures with their members one after the other.
            case structure(Fields)
            /// A plain word: the daemon of `run`.
            case word(NameID)
            /// Something that carries no meaning here: an array, a status, an unknown request of another driver.
            case omitted
        }

        /// What was given.
        public var value: Value
        /// The byte of the line at which it begins, from 1.
        public var column: Int32
        /// The name in `name=value`, as clone's arguments are printed.
        public var name: NameID?
    }

    static let mostArguments = 8
    static let noArgument = Argument(value: .omitted, column: 0, name: nil)

    /// The line's number, from 1.
    public internal(set) var line = 0
    /// What kind of line it is.
    public internal(set) var kind = Kind.blank
    /// Whose line it is.
    public internal(set) var prefix = Prefix.none
    /// The name that the result is bound to.
    public internal(set) var binding: NameID?
    /// What is called.
    public internal(set) var call = CallName.end
    /// The byte at which the call's name begins, from 1.
    public internal(set) var callColumn: Int32 = 0
    /// How many arguments there are.
    public internal(set) var argumentCount = 0
    /// The recorded result.
    public internal(set) var result = Result.none
    /// The call did not return on this line (`<unfinished ...>`).
    public internal(set) var isUnfinished = false
    /// The call began on an earlier line (`<... mmap resumed>`); the arguments behind it are not read.
    public internal(set) var isResumed = false
    /// The line is part of an execve's image (`# image`).
    public internal(set) var isImage = false
    /// Whether an argument depended on a name that the file bound: if not, several machines may share the statement.
    public internal(set) var usesBoundNames = false
    /// Exit status or signal number of a line that is no call.
    public internal(set) var status: UInt64 = 0
    /// The comment's text, without `#` and the blanks around; for `expect` and `never` see `condition`.
    public internal(set) var comment = Text()
    /// The condition of `expect` and `never`, as text for `Condition`.
    public internal(set) var condition = Text()

    var storage: InlineArray<8, Argument> = .init(repeating: Statement.noArgument)
    var text: ContiguousArray<UInt8> = []
    var fields: ContiguousArray<Field> = []

    /// An empty statement, to be filled by a reader.
    public init() {}
}

extension Statement {
    /// The argument at a position; `.omitted` beyond the last.
    @inline(__always)
    public subscript(_ index: Int) -> Argument {
        index >= 0 && index < argumentCount ? storage[index] : Statement.noArgument
    }

    /// The number at a position, nil if there is none or it is something else.
    @inline(__always)
    public func integer(_ index: Int) -> UInt64? {
        if case .integer(let value) = self[index].value { value } else { nil }
    }

    /// The number given as `name=value`.
    public func integer(named name: NameID) -> UInt64? {
        for index in 0..<argumentCount where storage[index].name == name { return integer(index) }
        return nil
    }

    /// The bytes of a string or comment.
    public func bytes(of text: Text) -> ArraySlice<UInt8> {
        let all = self.text
        let start = min(max(Int(text.start), 0), all.count)
        return ArraySlice(all[start..<min(start + max(Int(text.count), 0), all.count)])
    }

    /// A string or comment, with anything that is not UTF-8 replaced.
    public func string(of text: Text) -> String {
        String(decoding: bytes(of: text), as: UTF8.self)
    }

    /// The string at a position, nil if there is none or it is something else.
    public func string(_ index: Int) -> String? {
        if case .string(let text) = self[index].value { string(of: text) } else { nil }
    }

    /// The members of a structure in the order of the file.
    public func fields(of range: Fields) -> ArraySlice<Field> {
        let start = min(max(Int(range.start), 0), fields.count)
        return ArraySlice(fields[start..<min(start + max(Int(range.count), 0), fields.count)])
    }

    /// A member of a structure by name, nil if it is missing or no number.
    public func field(_ name: NameID, of range: Fields) -> UInt64? {
        fields(of: range).first { $0.name == name }?.value
    }

    /// The words of a `requires`, `machine` or `recordedOn` line: separated by blanks and commas.
    public var words: [String] {
        string(of: comment).split { $0 == " " || $0 == "\t" || $0 == "," }.map(String.init)
    }

    /// Empties the statement for the next line; storage is kept.
    @inline(__always)
    mutating func reset(line number: Int) {
        line = number
        kind = .blank
        prefix = .none
        binding = nil
        call = .end
        callColumn = 0
        argumentCount = 0
        result = .none
        isUnfinished = false
        isResumed = false
        isImage = false
        usesBoundNames = false
        status = 0
        comment = Text()
        condition = Text()
        if !text.isEmpty { text.removeAll(keepingCapacity: text.count < 65536) }
        if !fields.isEmpty { fields.removeAll(keepingCapacity: fields.count < 4096) }
    }
}

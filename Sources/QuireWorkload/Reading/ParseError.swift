// Bad input as the tools report it. The parser itself throws `Malformed`, two words without a reference, so that the
// good path pays nothing for the text of a message; the reader turns it into a `ParseError` with file, line and column.

/// A place in a workload file that cannot be read, and what was expected there.
///
/// Prints as `file:line:column: expected …, found …`. Lines and columns count from 1, columns in bytes. A column of 0
/// means the line, a line of 0 the file as a whole.
public struct ParseError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file's name as it was given, `-` for standard input.
    public var file: String
    /// The line, from 1; 0 when the trouble is with the file itself.
    public var line: Int
    /// The byte within the line, from 1.
    public var column: Int
    /// What was expected and what was found.
    public var message: String

    /// An error at a place.
    public init(file: String, line: Int, column: Int, message: String) {
        self.file = file
        self.line = line
        self.column = column
        self.message = message
    }

    /// Whether reading can go on with the next line (`--keep-going`): not when the file itself failed.
    public var isRecoverable: Bool { line > 0 }

    public var description: String {
        let place = line == 0 ? file : column == 0 ? "\(file):\(line)" : "\(file):\(line):\(column)"
        return "\(place): \(message)"
    }
}

/// Why a line could not be parsed, and where, as an index into the parsed bytes.
struct Malformed: Error {
    var at: Int
    var reason: Reason

    init(_ reason: Reason, at: Int) {
        self.reason = reason
        self.at = at
    }

    /// Each thing that may be expected.
    enum Reason: UInt8 {
        case call, callAfterBinding, openParenthesis, closeParenthesis, argumentEnd, expression, expressionEnd
        case numberEnd, smallNumber, knownName, shortName, fewNames, stringEnd, hexEscape, fieldName, fieldEquals
        case structureEnd, fewArguments, shallowNesting, processName, processEnd, time, lineEnd, errorName, result
        case commentEnd, angleEnd, exitStatus, plusEnd, minusEnd, condition, comparison, resumedCall, daemon, bracketEnd
        case shortText
    }
}

extension Malformed.Reason {
    /// The text behind "expected".
    var expected: String {
        switch self {
        case .call: "a call"
        case .callAfterBinding: "a call after '='"
        case .openParenthesis: "'(' after the name of a call"
        case .closeParenthesis: "')' after an expression"
        case .argumentEnd: "',' or ')' after an argument"
        case .expression: "a number, a name or a flag"
        case .expressionEnd: "the end of the expression"
        case .numberEnd: "the end of a number"
        case .smallNumber: "a number below 2^64"
        case .knownName: "a known name"
        case .shortName: "a name of at most \(Names.longest) characters"
        case .fewNames: "at most \(Names.most) names"
        case .stringEnd: "'\"' at the end of a string"
        case .hexEscape: "two hexadecimal digits"
        case .fieldName: "a field name"
        case .fieldEquals: "'=' after a field name"
        case .structureEnd: "',' or '}' after a field"
        case .fewArguments: "at most \(Statement.mostArguments) arguments"
        case .shallowNesting: "at most \(StatementParser.deepest) levels of nesting"
        case .processName: "a pid or the name of a process"
        case .processEnd: "']' after the name of a process"
        case .time: "a time of day"
        case .lineEnd: "the end of the line"
        case .errorName: "the name of an error"
        case .result: "a result after '='"
        case .commentEnd: "'*/' at the end of a comment"
        case .angleEnd: "'>'"
        case .exitStatus: "'exited with' or 'killed by'"
        case .plusEnd: "'+++'"
        case .minusEnd: "'---'"
        case .condition: "a condition"
        case .comparison: "a comparison (== != < <= > >=)"
        case .resumedCall: "'resumed>'"
        case .daemon: "the name of a kernel thread"
        case .bracketEnd: "a matching closing bracket"
        case .shortText: "at most 1 MiB of text"
        }
    }
}

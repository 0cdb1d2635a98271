// Why a recording cannot be made, in one line that says what to install or set.

/// What `quire record` prints before it gives up, with its exit status: 77 where the machine cannot, 2 for bad input.
public struct RecordError: Error, Equatable, CustomStringConvertible {
    public var description: String
    public var exitStatus: Int32

    static func cannot(_ message: String) -> RecordError { RecordError(description: message, exitStatus: 77) }
    static func usage(_ message: String) -> RecordError { RecordError(description: message, exitStatus: 2) }
}

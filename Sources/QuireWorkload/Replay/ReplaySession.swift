// A replay that its caller drives line by line and looks into between two lines: what a hunter for differences and a
// picture of the address space need. The report is the caller's; `Replay` writes one.

public import Quire
public import QuireHost

/// One machine that plays one workload, a line at a time.
///
///     let session = try ReplaySession(WorkloadReader(text: lines))
///     while let calls = try session.step() { … }
public final class ReplaySession {
    private let feed: LineFeed
    private let player: Player
    /// The line that was played last.
    public private(set) var statement = Statement()
    private var isFirst = true
    private let isEmpty: Bool

    /// The comments before the first line that does something, with their lines.
    public private(set) var opening: [(line: Int, text: String)] = []
    /// The machine that the workload runs on.
    public let machine: Machine

    /// Reads the workload's head and makes the machine. Throws where it cannot be read, or asks for what the model
    /// cannot do.
    public init(
        _ reader: WorkloadReader, _ options: ReplayOptions = ReplayOptions(), host: Host = .linux
    ) throws(ReplayError) {
        feed = LineFeed(reader)
        var head = WorkloadHead()
        var names = Names()
        do throws(ParseError) {
            while try feed.next(into: &statement, names: &names) {
                if statement.kind == .comment {
                    opening.append((statement.line, "# " + statement.string(of: statement.comment)))
                }
                if head.take(statement) { continue }
                head.hasLines = true
                break
            }
        } catch {
            throw .input(error)
        }
        isEmpty = !head.hasLines
        let plan = try MachinePlan(head, options, value: nil, notes: ReplayNotes())
        if let reason = plan.skipped { throw .skipped(reason) }
        machine = try plan.makeMachine(host: host)
        do throws(Errno) {
            player = try Player(
                machine: machine, feed: feed, firstPID: head.firstPID, writesCalls: true, report: RunReport(keeping: ())
            )
        } catch {
            throw .setting("the first process cannot be made: \(error.name)")
        }
    }

    /// The text of that line, without its line feed.
    public var text: String { String(decoding: feed.currentLine.prefix { $0 != 0x0A && $0 != 0x0D }, as: UTF8.self) }

    /// The number of the line that `step` plays next, if there is one; nil in a workload without lines.
    public var nextLine: Int? { isEmpty ? nil : isFirst ? statement.line : statement.line + 1 }

    /// The number of the line that was played last.
    public var line: Int { statement.line }

    /// The state of every process, as a snapshot reports it.
    public func state() -> [ProcessReport] { player.processes() }

    /// Plays the next line; the calls that it reports, or nil at the end.
    public func step() throws(ReplayError) -> [CallReport]? {
        if isEmpty { return nil }
        do throws(ParseError) {
            if isFirst {
                // It was parsed with names of nobody.
                isFirst = false
                try feed.again(into: &statement, names: &player.names)
            } else {
                guard try feed.next(into: &statement, names: &player.names) else {
                    try player.checkEnd()
                    return nil
                }
            }
            try player.step(statement)
        } catch {
            throw .input(error)
        }
        return player.report.takeCalls()
    }
}

// One run on the live kernel: who acts, what a line comes to, what the report says of it. The calls themselves are in
// `LivePlayer+Memory`, `+Files` and `+Processes`.

import CQuireLive
import QuireWorkload
import SystemPackage

/// Plays statements to processes of the host.
final class LivePlayer {
    /// More processes than any workload needs; a file that forks for ever stops there.
    static let mostProcesses = 256

    let record: RunRecord
    let file: String
    let folder: String
    var names = Names()
    var settings = LiveSettings()
    /// The worker that the first process is forked from.
    let pristine: LiveProcess
    /// Processes by number, which is the place in the list plus one.
    var processes: [LiveProcess] = []
    /// Why processes of this run have no heap in the window, 0 if they have one.
    var heapError: Int32 { pristine.heapError }
    /// Whether reads of pagemap show frame numbers, which differ from run to run.
    var showsFrames = false
    /// What is pinned, by handle.
    var pins: [Int: LivePin] = [:]
    var nextPin = 0
    private var inodes: InodeNumbers
    private var ignored: [String: UInt64] = [:]
    private var malformed: UInt64 = 0

    init(_ record: RunRecord, folder: String, pristine: LiveProcess) {
        self.pristine = pristine
        self.record = record
        self.folder = folder
        file = record.workload
        inodes = InodeNumbers(folder: folder)
    }

    /// Ends every process and undoes every setting.
    func end() {
        // What a ring has pinned at its process's end is freed some time later, in the next run.
        for process in processes where process.isAlive && process.borrower == nil { try? dropPins(of: process) }
        for process in processes where process.isAlive { LiveProcesses.end(process.pid) }
        for process in processes { process.end() }
        settings.undo()
    }

    // MARK: The file

    /// Plays all of a workload.
    func play(
        _ reader: WorkloadReader, settings wanted: [(key: String, value: String)], keepsGoing: Bool
    ) throws(LiveRunError) {
        var reader = reader
        var statement = Statement()
        var isHead = true
        while true {
            do throws(ParseError) {
                guard try reader.next(into: &statement, names: &names) else { break }
            } catch {
                guard keepsGoing, error.isRecoverable else { throw .input(error) }
                malformed += 1
                continue
            }
            if InterruptFlag.wait(seconds: 0) { throw .interrupted }
            if isHead, try takeHead(statement) { continue }
            if isHead {
                isHead = false
                try begin(wanted)
            }
            do throws(LiveRunError) {
                try step(statement)
            } catch {
                guard case .input = error, keepsGoing else { throw error }
                malformed += 1
            }
        }
        if isHead { try begin(wanted) }
        record.final = try state()
        record.ignored = ignored.map { ($0.key, $0.value) }.sorted { $0.0 < $1.0 }
        if malformed > 0 { record.ignored.append(("(malformed line)", malformed)) }
    }

    /// Takes a line of the head; false for the first line behind it.
    private func takeHead(_ s: Statement) throws(LiveRunError) -> Bool {
        switch s.kind {
        case .blank, .comment, .recordedOn: return true
        case .requires:
            for word in s.words { if let reason = settings.require(word) { throw .skipped(reason) } }
            return true
        case .machine:
            for word in s.words {
                let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                guard parts.count == 2 else { continue }
                if let reason = settings.take(String(parts[0]), String(parts[1])) { throw .skipped(reason) }
            }
            return true
        case .call, .exited, .killed, .signal: return false
        }
    }

    private func begin(_ wanted: [(key: String, value: String)]) throws(LiveRunError) {
        for (path, value) in wanted {
            do throws(Errno) { try settings.set(path, value) } catch {
                throw .skipped("\(path) cannot be set to \(value): \(error)")
            }
        }
        settings.prepareHugePages()
        try startFirst()
        record.base = try state()
    }

    // MARK: A line

    private func step(_ s: Statement) throws(LiveRunError) {
        if case .pid = s.prefix {
            throw .skipped("line \(s.line) has a recorded pid: the live kernel replays hand-written files only")
        }
        guard s.kind == .call else { return }
        switch s.call {
        // The lines of a block run in the order of the file; conditions are the model's.
        case .parallel, .end, .expect, .never: return
        case .snapshot:
            let label = try text(s, 0)
            record.snapshots.append(RunSnapshot(line: s.line, label: label, processes: try state()))
        case .unknown: ignored[names.text(of: s.call), default: 0] += 1
        default: try call(s)
        }
    }

    private func call(_ s: Statement) throws(LiveRunError) {
        let process = try process(of: s)
        if process.borrower != nil { throw fail(s, "expected another process; this one waits for its vfork child") }
        let outcome = try execute(s, process)
        try resumeLender(of: process)
        if let name = s.binding { names.bind(name, to: outcome.binding) }
        compare(s, outcome)
        var report = CallReport(
            line: s.line, pid: process.number, call: names.text(of: s.call), outcome: outcome.reported)
        report.data = outcome.data
        report.fnv1a64 = outcome.hash
        report.path = outcome.path
        report.value = outcome.value
        record.calls.append(report)
    }

    private func process(of s: Statement) throws(LiveRunError) -> LiveProcess {
        var number = 1
        if case .name(let id) = s.prefix {
            guard case .value(let value) = names.binding(of: id), let found = Int(exactly: value) else {
                throw fail(s, "expected the name of a process, found '\(names[text: id])'", column: 2)
            }
            number = found
        }
        guard number >= 1, number <= processes.count, processes[number - 1].isAlive else {
            throw fail(s, "expected a process that runs; this one has exited or is none", column: 1)
        }
        return processes[number - 1]
    }

    /// What a line was recorded to come to: only whether it fails, and how, can be expected of another machine.
    private func compare(_ s: Statement, _ outcome: LiveOutcome) {
        let expected: String
        switch s.result {
        case .none, .unknown: return
        case .value: expected = "success"
        case .error(let name): expected = names[text: name]
        }
        let got: String
        switch outcome.ending {
        case .error(let number): got = ErrorNames.name(of: number)
        case .value, .address, .nothing: got = "success"
        case .signal(let signal, _, _): got = signal == 7 ? "SIGBUS" : "SIGSEGV"
        case .lost(let reason): got = reason
        case .unsupported: return
        }
        if expected == got { return }
        record.divergences.append(
            Divergence(line: s.line, call: names.text(of: s.call), expected: expected, got: got))
    }

    /// Every process that runs, with the counters settled.
    private func state() throws(LiveRunError) -> [ProcessReport] {
        // Pages just given to MADV_FREE wait in a batch of their CPU before they count as LazyFree.
        quire_drain_folio_batches()
        var reports: [ProcessReport] = []
        for process in processes where process.isAlive && process.lender == nil {
            reports.append(try report(process, areas: true))
        }
        return reports
    }

    /// A process as /proc shows it.
    func report(_ process: LiveProcess, areas: Bool) throws(LiveRunError) -> ProcessReport {
        try process.report(areas: areas, inodes: &inodes)
    }

    // MARK: Arguments

    /// An error at a byte of the line.
    func fail(_ s: Statement, _ message: String, column: Int32? = nil) -> LiveRunError {
        .input(ParseError(file: file, line: s.line, column: Int(column ?? s.callColumn), message: message))
    }

    /// The number that a call needs at a position.
    func number(_ s: Statement, _ index: Int) throws(LiveRunError) -> UInt64 {
        if let value = s.integer(index) { return value }
        throw missing(s, index, "a number")
    }

    /// The number at a position, if the line goes that far.
    func number(_ s: Statement, _ index: Int, otherwise: UInt64) throws(LiveRunError) -> UInt64 {
        index < s.argumentCount ? try number(s, index) : otherwise
    }

    /// The text that a call needs at a position.
    func text(_ s: Statement, _ index: Int) throws(LiveRunError) -> String {
        if let value = s.string(index) { return value }
        throw missing(s, index, "a string")
    }

    private func missing(_ s: Statement, _ index: Int, _ what: String) -> LiveRunError {
        let column = index < s.argumentCount ? s[index].column : nil
        return fail(s, "expected \(what) as argument \(index + 1) of \(names.text(of: s.call))", column: column)
    }
}

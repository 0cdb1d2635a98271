// A litmus test on real threads of the live kernel, many times: the worker plays the whole of it (CQuireLive/litmus.c), in
// requests of a third of a second each, so that the user sees how far it is and may end it.

import CQuireLive
import QuireWorkload

/// Runs a litmus test on this machine's kernel.
///
/// Interrupting it takes `InterruptFlag.install()` in the program.
public struct LiveLitmus {
    private let file: LitmusFile
    private let program: LitmusProgram
    /// How many seconds some runs may take: a call that does not return within is an error.
    var patience: UInt64 = 10

    /// Compiles the test. Throws `.skipped` with the place where it wants what live tests cannot do.
    public init(file: LitmusFile) throws(LiveRunError) {
        self.file = file
        program = try LitmusProgram(file)
    }

    /// How often each outcome was seen in `count` runs, by its text.
    ///
    /// Every run begins in an empty address space, its actors on CPUs of their own as far as there are as many. What it
    /// has made is gone and every setting undone when this returns or throws: `.input` with the line of a call that does
    /// not return, `.skipped` where the machine cannot do what the file requires.
    public func run(
        count: Int, seed: UInt64 = 1, progress: (_ made: Int) -> Void = { _ in }
    ) throws(LiveRunError) -> [String: Int] {
        var outcomes: [String: Int] = [:]
        for outcome in try play(count: count, seed: seed, progress: progress) {
            outcomes[outcome.text, default: 0] += outcome.count
        }
        return outcomes
    }

    /// The same with each outcome's judgements, most frequent ones first.
    public func play(
        count: Int, seed: UInt64 = 1, progress: (_ made: Int) -> Void = { _ in }
    ) throws(LiveRunError) -> [LiveLitmusOutcome] {
        let session = try LiveSession()
        defer { session.end() }
        let bytes = program.encoded(cpus: LiveProcesses.cpus)
        var found: [[Binding]: Int] = [:]
        var made = 0
        while made < count {
            made += try session.lend { (worker) throws(LiveRunError) in
                var settings = LiveSettings()
                defer { settings.undo() }
                try prepare(&settings)
                let wanted = [UInt64(count - made), seed &+ UInt64(made), Self.milliseconds, patience]
                switch try worker.ask(.access(QUIRE_LITMUS, wanted), bytes) {
                case .reply(let reply, let carried): return try take(reply, carried, into: &found)
                case .lost("blocked"):
                    throw .system(
                        .childFailed("a litmus test's process did not answer for \(WorkerChannel.patience) s"))
                case .lost: throw .system(.childFailed("a litmus test's process \(worker.howItEnded())"))
                }
            }
            progress(made)
            if InterruptFlag.wait(seconds: 0) { throw .interrupted }
        }
        var outcomes: [LiveLitmusOutcome] = []
        for (bindings, count) in found { outcomes.append(try outcome(bindings, count)) }
        return outcomes.sorted { ($1.count, $0.text) < ($0.count, $1.text) }
    }

    /// How long one request lasts.
    private static let milliseconds: UInt64 = 300

    private func prepare(_ settings: inout LiveSettings) throws(LiveRunError) {
        for line in file.head {
            let words = line.statement.words
            for word in words where line.statement.kind == .requires {
                if let reason = settings.require(word) { throw .skipped(reason) }
            }
            for word in words where line.statement.kind == .machine {
                let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
                guard parts.count == 2, parts[0] != "machine.cpus" else { continue }
                if let reason = settings.take(parts[0], parts[1]) { throw .skipped(reason) }
            }
        }
        settings.prepareHugePages()
    }

    /// Adds a reply's outcomes; the number of runs made.
    private func take(
        _ reply: quire_reply, _ bytes: ArraySlice<UInt8>, into found: inout [[Binding]: Int]
    ) throws(LiveRunError) -> Int {
        let line = Int(reply.result)
        switch reply.error {
        case 0: break
        case 110: throw error(line, "expected a call that returns within \(patience) s")  // ETIMEDOUT
        case 7: throw error(line, "expected fewer outcomes")  // E2BIG
        case 38: throw .skipped("this kernel gives no io_uring to pin memory with (/proc/sys/kernel/io_uring_disabled)")
        default: throw error(line, "expected a thread or process, found \(ErrorNames.name(of: reply.error))")
        }
        var words = bytes.words.makeIterator()
        for _ in 0..<(words.next() ?? 0) {
            let (times, endings) = (words.next() ?? 0, words.next() ?? 0)
            let bindings = program.observed.indices.map { index -> Binding in
                let value = words.next() ?? 0
                return switch endings >> (2 * UInt64(index)) & 3 {
                case UInt64(QUIRE_LITMUS_ERROR.rawValue): .error(Int32(truncatingIfNeeded: value))
                case UInt64(QUIRE_LITMUS_SIGNAL.rawValue): .signal(Int32(truncatingIfNeeded: value))
                default: .value(value)
                }
            }
            found[bindings, default: 0] += Int(times)
        }
        return Int(reply.result)
    }

    private func error(_ line: Int, _ message: String) -> LiveRunError {
        .input(ParseError(file: file.file, line: line, column: 1, message: message))
    }

    private func outcome(_ bindings: [Binding], _ count: Int) throws(LiveRunError) -> LiveLitmusOutcome {
        var names = file.names
        for (name, binding) in zip(file.observed + file.asked, bindings) { names.bind(name, to: binding) }
        var broken: [Int] = []
        do throws(ParseError) {
            for judgement in file.judgements where try file.isBroken(judgement, names) {
                broken.append(judgement.number)
            }
        } catch {
            throw .input(error)
        }
        return LiveLitmusOutcome(text: file.outcomeText(names), count: count, broken: broken)
    }
}

/// What runs of a litmus test came to.
public struct LiveLitmusOutcome: Sendable {
    /// The outcome, as every runner of litmus tests writes it.
    public let text: String
    /// How often it was seen.
    public let count: Int
    /// The lines of the judgements that it breaks.
    public let broken: [Int]
}

extension ArraySlice<UInt8> {
    /// The words that the bytes stand for, as the machine stores them.
    fileprivate var words: [UInt64] {
        stride(from: startIndex, to: endIndex - 7, by: 8).map { at in
            (0..<8).reduce(0) { $0 | UInt64(self[at + $1]) << (8 * UInt64($1)) }
        }
    }
}

// fork of a lot of written memory on the live kernel: in a process of its own, started like the live loop by a hidden
// subcommand, so that what else this process has is in neither of the two. The knobs are set for the time of the run, with
// the right to run on this machine held. The counterpart in the model is `ModelForks`.

import CQuireLive
public import QuireWorkload
import SystemPackage

/// fork, as the live kernel does it.
public enum LiveForks {
    /// The hidden subcommand's name.
    public static let subcommand = "live-fork"

    /// Times `repetitions` forks of this process without the memory, and as many with it. Every page is written before.
    public static func run(_ folios: ForkedFolios, bytes: Int, repetitions: Int) throws(LiveError) -> ForkTimes {
        var times = ForkTimes()
        do throws(Errno) {
            // The first child of a process costs more.
            for _ in 0..<3 { _ = try forkOnce() }
            for _ in 0..<repetitions { times.without.append(try forkOnce()) }
            let memory = try LiveMapping(length: bytes)
            try memory.advise(0..<bytes, folios == .small ? .noHugePage : .hugePage)
            for _ in 0..<repetitions {
                memory.touch(0..<bytes)
                times.with.append(try forkOnce())
            }
        } catch {
            throw .system("fork of \(bytes >> 20) MiB", error)
        }
        return times
    }

    /// What a fork takes the parent, in nanoseconds; the child ends at once.
    private static func forkOnce() throws(Errno) -> Double {
        let time = quire_fork_nanoseconds()
        guard time >= 0 else { throw Errno(rawValue: Int32(-time)) }
        return Double(time)
    }

    /// Runs it in a child process, the machine set up for the size and set back afterwards.
    ///
    /// - Parameter executable: the `quire` tool; by default the program that is running.
    public static func spawn(
        executable: String = "/proc/self/exe", _ folios: ForkedFolios, bytes: Int, repetitions: Int
    ) throws(LiveError) -> ForkTimes {
        var times: ForkTimes?
        let status: Int
        do throws(Errno) {
            guard let turn = try LiveTurn.take() else { throw Errno.interrupted }
            defer { _ = turn }
            var settings = LiveSettings()
            defer { settings.undo() }
            for (path, value) in folios.settings { try settings.set(path, value) }
            let arguments = [
                subcommand, "--folios", folios.rawValue, "--bytes", String(bytes), "--repetitions", String(repetitions),
            ]
            var child = try ChildProcess(executable: executable, arguments: arguments)
            while let line = try child.nextLine() { times = ForkTimes(line: line) ?? times }
            status = try child.wait()
        } catch {
            throw .system("fork of memory in a child (\(executable)), which needs root to set huge pages up", error)
        }
        guard status == 0, let times else {
            throw .childFailed("fork of memory in a child (\(executable)): exit status \(status)")
        }
        return times
    }
}

extension ForkTimes {
    /// The times as one line for the parent: with the memory, then without.
    public var line: String { (with + without).map { String(UInt64($0)) }.joined(separator: " ") }

    /// Reads back what `line` printed; nil for anything else.
    init?(line: String) {
        let values = line.split(separator: " ").map { Double($0) }
        guard !values.isEmpty, values.count % 2 == 0, values.allSatisfy({ $0 != nil }) else { return nil }
        self.init()
        with = values.prefix(values.count / 2).compactMap { $0 }
        without = values.suffix(values.count / 2).compactMap { $0 }
    }
}

// A hunt runs in a process of its own, because a broken invariant ends the process that finds it. The supervisor passes on
// what that process prints, and where it ends in a trap shrinks the workload that it was playing: each shorter one is
// played by another process, and the difference is that this one ends in a trap as well.

import ArgumentParser
import Foundation
import QuireConform
import QuireLive
import SystemPackage

/// Starts a hunt and outlives it.
struct ConformSupervisor {
    let folder: String?
    let json: Bool

    private static let executable = "/proc/self/exe"

    /// Where a hunting process leaves the workload that it is about to play.
    static func underWay(_ pid: Int32) -> URL {
        FileManager.default.temporaryDirectory.appending(path: "quire-conform-\(pid).q")
    }

    /// Runs the hunt that this process was asked for in another one. Throws its exit status, if that is not 0.
    func run() throws {
        InterruptFlag.install()
        let live = LiveSide(absence: "the model broke off")
        let report = ConformReport(live: live, folder: folder, json: json)
        var child = try Self.start(Array(CommandLine.arguments.dropFirst()) + ["--supervised"])
        while let line = try child.nextLine() { print(line) }
        let status = try child.wait()
        let seconds = report.seconds
        if status == 0 { return }
        let path = Self.underWay(child.pid)
        guard status >= 128, let data = FileManager.default.contents(atPath: path.path) else {
            throw ExitCode(Int32(truncatingIfNeeded: min(status, 255)))
        }
        // What the processes to come have to say about their end is known by now, and takes a second each time.
        ChildProcess.setVariable("SWIFT_BACKTRACE", "enable=no")
        let text = String(decoding: data, as: UTF8.self)
        guard let operations = readOperations(text), let found = Self.trap(operations) else {
            ConformCommand.print("the hunt broke off; what it was playing is in \(path.path)")
            throw ExitCode(1)
        }
        try? FileManager.default.removeItem(at: path)
        let name = text.prefix { $0 != "\n" }.drop { "# ".contains($0) }
        let small = Self.shrink(found)
        var result = ConformReport.Result(sides: ["model"], liveAbsence: nil, seconds: seconds)
        result.difference = try report.write(String(name), found, small, arbiter: nil)
        try report.show(result)
    }

    private static func start(_ arguments: [String]) throws -> ChildProcess {
        do throws(Errno) {
            return try ChildProcess(executable: executable, arguments: arguments)
        } catch {
            throw ConformCommand.fail("the hunt cannot be started: \(error)")
        }
    }

    // MARK: Traps

    /// Plays a workload on the two models and says before each operation which one is next: what `trap` listens to.
    static func judge(_ path: String) throws {
        guard let data = FileManager.default.contents(atPath: path),
            let operations = readOperations(String(decoding: data, as: UTF8.self))
        else { throw ConformCommand.fail("cannot read \(path)") }
        var match = Match()
        match.asksReference = false
        match.begins = { index in
            print(index)
            flushStandardOutput()
        }
        _ = try match.play(operations)
    }

    /// The workload up to the operation in which a process that plays it ends in a trap; nil where it does not.
    private static func trap(_ operations: [QuireConform.Operation]) -> Difference? {
        let file = underWay(getpid())
        defer { try? FileManager.default.removeItem(at: file) }
        guard (try? Data(workloadText(operations).utf8).write(to: file)) != nil,
            var child = try? start(["conform", "--judge", file.path])
        else { return nil }
        var last = 0
        while let line = try? child.nextLine() { last = Int(line) ?? last }
        guard let status = try? child.wait(), status >= 128 else { return nil }
        return Difference(trapIn: operations, at: last)
    }

    private static func shrink(_ found: Difference) -> Difference {
        var shrinker = Shrinker()
        return shrinker.shrink(found) { operations in
            if InterruptFlag.wait(seconds: 0) { return nil }
            return trap(operations).flatMap { $0.kind == found.kind ? $0 : nil }
        }
    }
}

// A process of a known shape to inspect: it maps much, touches a little of it evenly, and holds still until it is ended.
// For measuring `quire inspect` on what its users have. Started like the live loop, by a hidden subcommand.

import SystemPackage

/// A live process with a large address space.
public enum LiveHold {
    /// The hidden subcommand's name.
    public static let subcommand = "live-hold"

    /// How long one inspection took, and what it found.
    public struct Measurement: Sendable {
        public var nanoseconds: UInt64
        public var report: InspectReport
    }

    /// Maps `bytes`, writes to `pages` pages spread evenly over them, says so on standard output and waits for its end.
    public static func run(bytes: Int, pages: Int) throws(LiveError) {
        do throws(Errno) {
            let mapping = try LiveMapping(length: bytes)
            try? mapping.advise(0..<mapping.length, .noHugePage)
            let stride = max(LiveMapping.pageSize, bytes / max(pages, 1) / LiveMapping.pageSize * LiveMapping.pageSize)
            var at = 0
            for _ in 0..<pages where at < bytes {
                mapping.touch(at..<at + LiveMapping.pageSize)
                at += stride
            }
            print("ready")
            flushStandardOutput()
            while !InterruptFlag.wait(seconds: 3600) {}
        } catch {
            throw .system("a process to inspect", error)
        }
    }

    /// Starts such a process, inspects it `repetitions` times, and ends it.
    public static func measure(
        executable: String = "/proc/self/exe", bytes: Int, pages: Int, repetitions: Int
    ) throws(LiveError) -> [Measurement] {
        var child = try start(executable, [subcommand, "--bytes", String(bytes), "--pages", String(pages)])
        guard (try? child.nextLine()) == "ready" else {
            throw .childFailed("the process to inspect did not start (\(executable))")
        }
        var measurements: [Measurement] = []
        for _ in 0..<repetitions {
            let begin = monotonicNanoseconds()
            let report = try Inspector().inspect(Int(child.pid))
            measurements.append(Measurement(nanoseconds: monotonicNanoseconds() - begin, report: report))
        }
        return measurements
    }

    private static func start(_ executable: String, _ arguments: [String]) throws(LiveError) -> ChildProcess {
        do throws(Errno) {
            return try ChildProcess(executable: executable, arguments: arguments)
        } catch {
            throw .system("a process to inspect (\(executable))", error)
        }
    }
}

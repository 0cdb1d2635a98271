// A child process whose standard output is read line by line: `ChildProcess`, for the live loop, which needs an address
// space of its own, and for a hunt that may break off in a trap. Part of the unsafe floor. Recorders of real programs have
// richer needs and use a library. Kernel counterpart: vfork and execve behind posix_spawn, wait4, and signals that ask to end.

import Synchronization
import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A started child; killed and waited for if the value ends before `wait()`.
public struct ChildProcess: ~Copyable {
    /// Its process id.
    public let pid: Int32
    private var lines: LineReader
    private var isRunning = true

    /// Starts `executable` with `arguments` (without the name itself) in this process's environment.
    public init(executable: String, arguments: [String]) throws(Errno) {
        var pipeEnds: [CInt] = [-1, -1]
        guard unsafe pipe(&pipeEnds) == 0 else { throw Errno(rawValue: errno) }
        // Nobody else may inherit the writing end, or the end of this child would not be the end of its output.
        for end in pipeEnds { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let reading = LiveFile(owning: pipeEnds[0])
        defer { _ = close(pipeEnds[1]) }
        pid = try unsafe Self.spawn(executable, arguments, standardOutput: pipeEnds[1])
        lines = LineReader(reading)
    }

    deinit {
        if isRunning {
            kill(pid, SIGKILL)
            var status: CInt = 0
            unsafe waitpid(pid, &status, 0)
        }
    }

    /// Sets a variable of the environment that children are started with from now on.
    public static func setVariable(_ name: String, _ value: String) { unsafe setenv(name, value, 1) }

    /// The next line of its standard output; nil at the end.
    public mutating func nextLine() throws(Errno) -> String? {
        try lines.next().map { String(decoding: $0, as: UTF8.self) }
    }

    /// Waits for the end; returns the exit status, or 128 + the signal that ended it.
    public mutating func wait() throws(Errno) -> Int {
        var status: CInt = 0
        _ = try retrying { unsafe waitpid(pid, &status, 0) }
        isRunning = false
        let signal = status & 0x7f
        return signal == 0 ? Int((status >> 8) & 0xff) : 128 + Int(signal)
    }

    @unsafe private static func spawn(
        _ executable: String, _ arguments: [String], standardOutput: CInt
    ) throws(Errno) -> pid_t {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_adddup2(&actions, standardOutput, 1)
        let copies = unsafe ([executable] + arguments).map { unsafe strdup($0) }
        defer { for index in unsafe copies.indices { unsafe free(copies[index]) } }
        var vector = unsafe copies + [nil]
        var pid: pid_t = 0
        let code = unsafe posix_spawn(&pid, executable, &actions, nil, &vector, environ)
        guard code == 0 else { throw Errno(rawValue: code) }
        return pid
    }
}

/// The request to end that SIGINT or SIGTERM makes, for loops that want to end cleanly.
public enum InterruptFlag {
    private static let isRaised = Atomic<Bool>(false)

    /// From now on the first SIGINT or SIGTERM raises the flag instead of ending the process; the second ends it.
    public static func install() {
        isRaised.store(false, ordering: .relaxed)
        for signal in [SIGINT, SIGTERM] {
            var action = sigaction()
            unsafe action.__sigaction_handler.sa_handler = { _ in InterruptFlag.isRaised.store(true, ordering: .relaxed)
            }
            action.sa_flags = CInt(bitPattern: UInt32(bitPattern: CInt(SA_RESTART)) | 0x8000_0000)  // SA_RESETHAND
            unsafe sigaction(signal, &action, nil)
        }
    }

    /// Waits until `seconds` have passed or the flag is raised; true if it is raised.
    public static func wait(seconds: Double) -> Bool {
        let end = monotonicNanoseconds() &+ UInt64(max(0, min(seconds, 1e9)) * 1e9)
        while !isRaised.load(ordering: .relaxed) {
            let now = monotonicNanoseconds()
            if now >= end { return false }
            usleep(UInt32(min(50_000, (end - now) / 1000 + 1)))
        }
        return true
    }
}

// A filter as a child process: bytes go in at one end and come out at the other, `xz -dc` for one. The parent feeds
// and drains it by turns, in constant memory. Neighbour: HostFile.swift. Foundation-free.

import Glibc

/// `TOOL -dc` between two descriptors of ours. Ends with the object: killed if it still runs, and reaped.
public final class FilterProcess {
    private var input: HostFile?
    /// What the filter gives.
    public let output: HostFile
    private let pid: pid_t
    private var status: Int32?

    /// Starts the tool; nil if there is none.
    public init?(tool: String) throws(HostError) {
        // Sockets and not pipes: writing to a child that is gone is then an error instead of SIGPIPE.
        let (feedHere, feedThere) = try Self.pair()
        let (drainHere, drainThere) = try Self.pair()

        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_adddup2(&actions, feedThere.number, 0)
        unsafe posix_spawn_file_actions_adddup2(&actions, drainThere.number, 1)
        unsafe posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        var started: pid_t = 0
        let name = unsafe strdup(tool)
        let option = unsafe strdup("-dc")
        defer {
            unsafe free(name)
            unsafe free(option)
        }
        let arguments = unsafe [name, option, nil]
        let error = unsafe posix_spawnp(&started, tool, &actions, nil, arguments, environ)
        if error == ENOENT { return nil }
        if error != 0 { throw HostError("cannot start \(tool): \(HostError.message(error))") }
        pid = started
        input = feedHere
        output = drainHere
    }

    private static func pair() throws(HostError) -> (HostFile, HostFile) {
        var numbers: [Int32] = [-1, -1]
        guard unsafe socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &numbers) == 0 else {
            throw HostError("cannot make a socket: \(HostError.message(errno))")
        }
        return (HostFile(adopting: numbers[0]), HostFile(adopting: numbers[1]))
    }

    deinit {
        if status == nil {
            _ = kill(pid, SIGKILL)
            _ = exitStatus()
        }
    }

    /// Waits until the child gives bytes or ends, or takes some.
    public func wait(toFeed: Bool) throws(HostError) -> (canRead: Bool, canFeed: Bool) {
        var polled = [pollfd(fd: output.number, events: Int16(POLLIN), revents: 0)]
        if toFeed, let input { polled.append(pollfd(fd: input.number, events: Int16(POLLOUT), revents: 0)) }
        while unsafe poll(&polled, nfds_t(polled.count), -1) < 0 {
            if errno != EINTR { throw HostError("cannot wait: \(HostError.message(errno))") }
        }
        return (polled[0].revents != 0, polled.count > 1 && polled[1].revents != 0)
    }

    /// Gives the child some of the bytes; nil when it takes no more.
    public func feed(_ bytes: ContiguousArray<UInt8>, _ range: Range<Int>) -> Int? {
        guard let input else { return nil }
        while true {
            let count = unsafe bytes.withUnsafeBytes { raw in
                let part = unsafe UnsafeRawBufferPointer(rebasing: raw[range])
                return unsafe send(
                    input.number, part.baseAddress!, part.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
            }
            if count > 0 { return count }
            if errno == EAGAIN { return 0 }
            if errno != EINTR { return nil }
        }
    }

    /// Tells the child that there is no more.
    public func closeInput() { input = nil }

    /// Waits for the child's end: 0 if it was content.
    public func exitStatus() -> Int32 {
        if let status { return status }
        input = nil
        var result: Int32 = 0
        while unsafe waitpid(pid, &result, 0) < 0 && errno == EINTR {}
        status = result
        return result
    }
}

// The few calls by which a workload is read from the system: open, read, poll, and a decompressor as a child process.
// They take pointers, so this file, and no other of this target, has `unsafe` expressions: each lends a buffer to one
// call for the length of that call. Foundation-free.

import Glibc

/// An open file descriptor, closed with the object.
final class Descriptor {
    let number: Int32
    private let owned: Bool

    static var standardInput: Descriptor { Descriptor(adopting: 0, owned: false) }

    init(adopting number: Int32, owned: Bool = true) {
        self.number = number
        self.owned = owned
    }

    init(path: String) throws(InputError) {
        number = unsafe open(path, O_RDONLY | O_CLOEXEC)
        owned = true
        if number < 0 { throw InputError("cannot open: \(systemMessage(errno))") }
    }

    deinit { if owned && number >= 0 { _ = Glibc.close(number) } }

    /// Reads up to `limit` bytes into the buffer; 0 at the end.
    func read(into buffer: inout ContiguousArray<UInt8>, at offset: Int, limit: Int) throws(InputError) -> Int {
        let limit = min(limit, buffer.count - offset)
        if offset < 0 || limit <= 0 { return 0 }
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes { bytes in
                unsafe Glibc.read(number, bytes.baseAddress! + offset, limit)
            }
            if count >= 0 { return count }
            if errno != EINTR { throw InputError("cannot read: \(systemMessage(errno))") }
        }
    }

    /// Writes all of the bytes.
    func write(_ bytes: ContiguousArray<UInt8>) throws(InputError) {
        var done = 0
        while done < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { raw in
                unsafe Glibc.write(number, raw.baseAddress! + done, raw.count - done)
            }
            if count >= 0 {
                done += count
            } else if errno != EINTR {
                throw InputError("cannot write: \(systemMessage(errno))")
            }
        }
    }

    /// Goes back to the first byte of a regular file.
    func rewind() { _ = lseek(number, 0, SEEK_SET) }

    /// A file without a name in the directory for temporary files, gone when it is closed.
    static func temporary() throws(InputError) -> Descriptor {
        let directory = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/tmp"
        var template = ContiguousArray("\(directory)/quire-XXXXXX".utf8CString)
        let number = unsafe template.withUnsafeMutableBufferPointer { unsafe mkstemp($0.baseAddress!) }
        if number < 0 { throw InputError("cannot make a temporary file in \(directory): \(systemMessage(errno))") }
        _ = fcntl(number, F_SETFD, FD_CLOEXEC)
        _ = unsafe template.withUnsafeBufferPointer { unsafe unlink($0.baseAddress!) }
        return Descriptor(adopting: number)
    }
}

/// The system's text for an error number.
func systemMessage(_ number: Int32) -> String {
    unsafe String(cString: strerror(number))
}

/// `TOOL -dc` between two descriptors of ours. Ends with the object: killed if it still runs, and reaped.
final class Child {
    private var input: Descriptor?
    let output: Descriptor
    private let pid: pid_t
    private var status: Int32?

    /// Starts the tool; nil if there is none.
    init?(tool: String) throws(InputError) {
        // Sockets and not pipes: writing to a child that is gone is then an error instead of SIGPIPE.
        let (feedHere, feedThere) = try Child.pair()
        let (drainHere, drainThere) = try Child.pair()

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
        if error != 0 { throw InputError("cannot start \(tool): \(systemMessage(error))") }
        pid = started
        input = feedHere
        output = drainHere
    }

    private static func pair() throws(InputError) -> (Descriptor, Descriptor) {
        var numbers: [Int32] = [-1, -1]
        guard unsafe socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &numbers) == 0 else {
            throw InputError("cannot make a socket: \(systemMessage(errno))")
        }
        return (Descriptor(adopting: numbers[0]), Descriptor(adopting: numbers[1]))
    }

    deinit {
        if status == nil {
            _ = kill(pid, SIGKILL)
            _ = exitStatus()
        }
    }

    /// Waits until the child gives bytes or ends, or takes some.
    func wait(toFeed: Bool) throws(InputError) -> (canRead: Bool, canFeed: Bool) {
        var polled = [pollfd(fd: output.number, events: Int16(POLLIN), revents: 0)]
        if toFeed, let input { polled.append(pollfd(fd: input.number, events: Int16(POLLOUT), revents: 0)) }
        while unsafe poll(&polled, nfds_t(polled.count), -1) < 0 {
            if errno != EINTR { throw InputError("cannot wait: \(systemMessage(errno))") }
        }
        return (polled[0].revents != 0, polled.count > 1 && polled[1].revents != 0)
    }

    /// Gives the child some of the bytes; nil when it takes no more.
    func feed(_ bytes: ContiguousArray<UInt8>, _ range: Range<Int>) -> Int? {
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
    func closeInput() { input = nil }

    /// Waits for the child's end: 0 if it was content.
    func exitStatus() -> Int32 {
        if let status { return status }
        input = nil
        var result: Int32 = 0
        while unsafe waitpid(pid, &result, 0) < 0 && errno == EINTR {}
        status = result
        return result
    }
}

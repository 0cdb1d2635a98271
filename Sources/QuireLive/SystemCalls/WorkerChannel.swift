// The controller's end of a worker's channel: requests go out, replies come back with the bytes that the worker's scratch
// buffer holds. Part of the unsafe floor. The worker itself is CQuireLive's; `Runner` speaks to it through this alone.

import CQuireLive
import Synchronization
import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Why no reply came.
enum WorkerLoss: Error {
    /// The patience is over.
    case blocked
    /// The process is gone.
    case killed
    /// The user asked to end.
    case interrupted
}

/// One end of a channel; closed when the value ends.
final class WorkerChannel {
    /// How long a call may take.
    static let patience = 30.0

    private let descriptor: CInt
    /// Room for the bytes of a reply, made once.
    private var buffer = [UInt8](repeating: 0, count: Int(QUIRE_SCRATCH_SIZE))
    /// The bytes that the last reply carried.
    private(set) var carried: ArraySlice<UInt8> = []

    private init(_ descriptor: CInt) { self.descriptor = descriptor }

    deinit { _ = close(descriptor) }

    /// Makes a channel and gives its other end to `body`, which passes it on; it is closed here afterwards.
    static func make(_ body: (CInt) throws(Errno) -> Void) throws(Errno) -> WorkerChannel {
        var ends: [CInt] = [-1, -1]
        guard unsafe quire_channel_make(&ends) == 0 else { throw Errno(rawValue: errno) }
        let channel = WorkerChannel(ends[0])
        defer { _ = close(ends[1]) }
        try body(ends[1])
        return channel
    }

    /// Held while a worker's block lies in this process: it has one place in every address space.
    private static let blockIsHere = Mutex(())

    /// Starts the first worker. Threads take turns.
    static func startWorker(cpu: Int, directory: String) throws(Errno) -> (channel: WorkerChannel, pid: Int32) {
        var pid: Int32 = -1
        let channel = try make { (end) throws(Errno) in
            var error: CInt = 0
            blockIsHere.withLock { _ in
                pid = unsafe quire_worker_start(end, CInt(cpu), directory)
                error = errno
            }
            if pid < 0 { throw Errno(rawValue: error) }
        }
        return (channel, pid)
    }

    /// Asks without waiting for the reply; false if the worker is gone.
    func send(_ request: quire_request, _ bytes: [UInt8] = [], passing descriptor: CInt = -1) -> Bool {
        var request = request
        return unsafe bytes.withUnsafeBytes { buffer in
            unsafe quire_channel_send(
                self.descriptor, &request, buffer.baseAddress, UInt64(buffer.count), descriptor) == 0
        }
    }

    /// Waits for the reply.
    func receive() throws(WorkerLoss) -> quire_reply {
        let end = monotonicNanoseconds() + UInt64(Self.patience * 1e9)
        while true {
            var ready = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            // In slices, so that a request to end is heard.
            if unsafe poll(&ready, 1, 100) > 0 { break }
            if InterruptFlag.wait(seconds: 0) { throw .interrupted }
            if monotonicNanoseconds() >= end { throw .blocked }
        }
        var reply = quire_reply()
        let result = unsafe buffer.withUnsafeMutableBytes { bytes in
            unsafe quire_channel_receive(descriptor, &reply, bytes.baseAddress, UInt64(bytes.count))
        }
        if result != 0 { throw .killed }
        carried = ArraySlice(Array(buffer.prefix(Int(reply.carried))))
        return reply
    }
}

/// Processes that were started here, by their ids.
enum LiveProcesses {
    /// Has orphans come to this process, so that each process of a workload can be waited for. Returns what was before.
    static func adoptOrphans(_ adopts: Bool) -> Bool {
        quire_adopt_orphans(adopts ? 1 : 0) != 0
    }

    /// Ends a process at once.
    static func end(_ pid: Int32) { kill(pid, SIGKILL) }

    /// Takes the exit status of a child that has ended or is about to, as wait4 tells it; nil: it is none.
    @discardableResult static func reap(_ pid: Int32) -> Int32? {
        var status: CInt = 0
        return unsafe waitpid(pid, &status, 0) == pid ? status : nil
    }

    /// The ids of all processes that run.
    static func all() -> [Int] {
        guard let folder = unsafe opendir("/proc") else { return [] }
        defer { unsafe closedir(folder) }
        var ids: [Int] = []
        while let entry = unsafe readdir(folder) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { tuple in
                unsafe tuple.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if let id = Int(name) { ids.append(id) }
        }
        return ids
    }

    /// Sleeps.
    static func pause(microseconds: UInt32) { usleep(microseconds) }

    /// The CPUs that this process may run on, 1,024 at most.
    static var cpus: [Int] {
        var found: [Int] = []
        while case let cpu = Int(quire_cpu(CInt(found.count))), cpu >= 0 { found.append(cpu) }
        return found
    }

    /// The first CPU that this process may run on.
    static var firstCPU: Int { max(0, Int(quire_cpu(0))) }

    /// Whether this is root.
    static var isRoot: Bool { geteuid() == 0 }
}

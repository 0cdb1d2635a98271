// A process of a workload that runs on the live kernel: its channel, its place in the family, and its state as /proc
// shows it.

import CQuireLive
import QuireWorkload
import SystemPackage

/// What one request came to.
enum LiveAnswer {
    case reply(quire_reply, ArraySlice<UInt8>)
    /// `blocked` or `killed`.
    case lost(String)
}

/// A process of the workload.
final class LiveProcess {
    /// 1, 2, 3, … in order of creation.
    let number: Int
    let parent: Int
    let pid: Int32
    private var channel: WorkerChannel?
    private(set) var isAlive = true
    /// wait4 has taken its status.
    var isReaped = false
    /// Of the pristine worker: why its heap is not in the window, 0 if it is.
    var heapError: Int32 = 0
    /// The parent whose memory it runs in (vfork), which waits for its end; and the other way round.
    weak var lender: LiveProcess?
    weak var borrower: LiveProcess?
    /// Whether its stacks may be those of a process that lends it memory: it or an ancestor came from vfork.
    var hasBorrowed = false
    /// The ring that its pins are registered with.
    var ring: UInt64?
    private var faults = ProcessReport.Stat(minflt: 0, majflt: 0)

    init(number: Int, parent: Int, pid: Int32, channel: WorkerChannel) {
        self.number = number
        self.parent = parent
        self.pid = pid
        self.channel = channel
    }

    // MARK: Requests

    /// Sends a request and waits for what it comes to. A process that does not answer is ended.
    func ask(
        _ request: quire_request, _ bytes: [UInt8] = [], passing descriptor: CInt = -1
    ) throws(LiveRunError) -> LiveAnswer {
        start(request, bytes, passing: descriptor)
        return try finish()
    }

    /// Sends a request without waiting.
    func start(_ request: quire_request, _ bytes: [UInt8] = [], passing descriptor: CInt = -1) {
        if channel?.send(request, bytes, passing: descriptor) != true { channel = nil }
    }

    /// Waits for what a request that was sent comes to.
    func finish() throws(LiveRunError) -> LiveAnswer {
        guard let channel else { return lose("killed") }
        do throws(WorkerLoss) {
            let reply = try channel.receive()
            faults = ProcessReport.Stat(minflt: reply.minflt, majflt: reply.majflt)
            return .reply(reply, channel.carried)
        } catch {
            switch error {
            case .interrupted: throw .interrupted
            case .blocked: return lose("blocked")
            case .killed: return lose("killed")
            }
        }
    }

    /// A system call by what the workload's lines call it.
    func call(
        _ call: quire_call, _ arguments: [UInt64], bytes: [UInt8] = [], wanted: Int = 0
    ) throws(LiveRunError) -> LiveAnswer {
        try ask(.systemCall(call, arguments, wanted: wanted), bytes)
    }

    private func lose(_ reason: String) -> LiveAnswer {
        LiveProcesses.end(pid)
        awaitDeath()
        return .lost(reason)
    }

    /// Has the process end itself.
    func exit(_ status: UInt64) throws(LiveRunError) {
        guard let channel, channel.send(.systemCall(QUIRE_EXIT_GROUP, [status])) else { return awaitDeath() }
        do throws(WorkerLoss) {
            _ = try channel.receive()
        } catch {
            if case .interrupted = error { throw .interrupted }
        }
        awaitDeath()
    }

    /// How a child of this process that was lost has ended, in words. Takes its status.
    func howItEnded() -> String {
        guard !isReaped, let status = LiveProcesses.reap(pid) else { return "ended, and somebody else has its status" }
        isReaped = true
        let signal = status & 0x7f
        return signal == 0 ? "ended by itself with status \(status >> 8 & 0xff)" : "was ended by signal \(signal)"
    }

    /// Waits until nothing is left of the process but its status, so that what it held is free.
    private func awaitDeath() {
        for _ in 0..<25_000 {
            guard let stat = try? ProcessStat(pid: Int(pid)), stat.state != "Z", stat.state != "X" else { break }
            LiveProcesses.pause(microseconds: 200)
        }
        channel = nil
        isAlive = false
    }

    /// Whether a descriptor is of a page map.
    func isPagemap(_ descriptor: UInt64) -> Bool {
        linkTarget("/proc/\(pid)/fd/\(Int32(truncatingIfNeeded: descriptor))")?.hasSuffix("/pagemap") == true
    }

    /// Whether the kernel keeps nothing of it any more, not even its status.
    var isGone: Bool { (try? ProcessStat(pid: Int(pid))) == nil }

    /// Ends the process at the end of the run, if it still runs.
    func end() {
        if isAlive {
            LiveProcesses.end(pid)
            awaitDeath()
        }
        if !isReaped { LiveProcesses.reap(pid) }
    }

    // MARK: Its state

    /// The process as /proc shows it; areas inside the window only.
    func report(areas: Bool, inodes: inout InodeNumbers) throws(LiveRunError) -> ProcessReport {
        do throws(LiveError) {
            var report = ProcessReport(pid: number)
            report.status = ProcessReport.Status(try ProcessStatus(pid: Int(pid)))
            report.stat = faults
            if areas {
                var found: [ProcessReport.Area] = []
                try SmapsArea.forEach(of: Int(pid)) { (area) throws(LiveError) in
                    guard RunComparison.window.contains(area.area.range.lowerBound),
                        area.area.range.upperBound <= RunComparison.window.upperBound
                    else {
                        if area.flags.contains("lo") {
                            report.lockedOutside += Int64(Int32(truncatingIfNeeded: area["Size"] / 4)) * 4
                        }
                        return
                    }
                    found.append(ProcessReport.Area(area, &inodes))
                }
                report.smaps = found
            }
            return report
        } catch {
            throw .system(error)
        }
    }
}

/// Inode numbers differ from run to run: a report counts them in the order in which they appear. Files of the scratch
/// folder are shown by their names alone.
struct InodeNumbers {
    private var known: [UInt64: UInt64] = [:]
    let folder: String

    init(folder: String) { self.folder = folder }

    mutating func number(of inode: UInt64) -> UInt64 {
        if inode == 0 { return 0 }
        if let number = known[inode] { return number }
        known[inode] = UInt64(known.count + 1)
        return UInt64(known.count)
    }

    func name(of path: String) -> String {
        path.hasPrefix(folder + "/") ? String(path.dropFirst(folder.utf8.count + 1)) : path
    }
}

extension quire_request {
    static func systemCall(_ call: quire_call, _ arguments: [UInt64], wanted: Int = 0) -> quire_request {
        access(QUIRE_SYSTEM_CALL, arguments, wanted: wanted, number: quire_call_number(call))
    }

    static func access(
        _ operation: quire_operation, _ arguments: [UInt64], wanted: Int = 0, number: UInt64 = 0
    ) -> quire_request {
        func argument(_ index: Int) -> UInt64 { index < arguments.count ? arguments[index] : 0 }
        return quire_request(
            operation: UInt32(operation.rawValue), wanted: UInt32(wanted), number: number,
            arguments: (argument(0), argument(1), argument(2), argument(3), argument(4), argument(5)))
    }
}

extension ProcessReport.Status {
    init(_ status: ProcessStatus) {
        self.init()
        vmPeak = status[.vmPeak].rawValue
        vmSize = status[.vmSize].rawValue
        vmLck = status[.vmLocked].rawValue
        vmPin = status[.vmPinned].rawValue
        vmHWM = status[.vmHighWater].rawValue
        vmRSS = status[.vmRSS].rawValue
        rssAnon = status[.rssAnon].rawValue
        rssFile = status[.rssFile].rawValue
        rssShmem = status[.rssShmem].rawValue
        vmData = status[.vmData].rawValue
        vmPTE = status[.vmPTE].rawValue
        vmSwap = status[.vmSwap].rawValue
    }
}

extension ProcessReport.Area {
    init(_ area: SmapsArea, _ inodes: inout InodeNumbers) {
        let mapped = area.area
        self.init(start: mapped.range.lowerBound, end: mapped.range.upperBound, perms: mapped.permissions)
        offset = mapped.offset
        inode = inodes.number(of: mapped.inode)
        path = inodes.name(of: mapped.path)
        size = area["Size"]
        kernelPageSize = area["KernelPageSize"]
        rss = area["Rss"]
        pss = area["Pss"]
        sharedClean = area["Shared_Clean"]
        sharedDirty = area["Shared_Dirty"]
        privateClean = area["Private_Clean"]
        privateDirty = area["Private_Dirty"]
        referenced = area["Referenced"]
        anonymous = area["Anonymous"]
        ksm = area["KSM"]
        lazyFree = area["LazyFree"]
        anonHugePages = area["AnonHugePages"]
        shmemPmdMapped = area["ShmemPmdMapped"]
        sharedHugetlb = area["Shared_Hugetlb"]
        privateHugetlb = area["Private_Hugetlb"]
        swap = area["Swap"]
        swapPss = area["SwapPss"]
        locked = area["Locked"]
        thpEligible = area["THPeligible"]
        vmFlags = area.flags
    }
}

// Processes come and go: the first worker, fork and its kin, exit, wait4. Numbers are given here; what the kernel calls a process
// never reaches the report.

import CQuireLive
import QuireWorkload
import SystemPackage

extension LivePlayer {
    /// Starts a worker that the first process of each run is forked from.
    static func startPristine(folder: String) throws(LiveRunError) -> LiveProcess {
        do throws(Errno) {
            let (channel, pid) = try WorkerChannel.startWorker(cpu: LiveProcesses.firstCPU, directory: folder)
            let process = LiveProcess(number: 0, parent: 0, pid: pid, channel: channel)
            do throws(WorkerLoss) {
                process.heapError = try channel.receive().error
            } catch {
                process.end()
                throw .noSuchProcess
            }
            return process
        } catch {
            throw .system(.system("a process for the workload", error))
        }
    }

    /// Starts the process that lines without a prefix belong to: a child of the controller, not of the pristine worker.
    func startFirst() throws(LiveRunError) {
        let flags: UInt64 = 0x8000 | 17  // CLONE_PARENT, SIGCHLD
        let request = quire_request.access(QUIRE_FORK, [flags, 0], number: quire_call_number(QUIRE_CLONE))
        guard case .value = try makeProcess(request, [], pristine).ending else {
            throw .system(.childFailed("no process for the workload"))
        }
    }

    /// fork, vfork, clone, clone3: the child gets a channel of its own and says its pid on it.
    func makeProcess(_ s: Statement, _ parent: LiveProcess) throws(LiveRunError) -> LiveOutcome {
        guard processes.count < Self.mostProcesses else {
            throw .skipped("the live runner takes at most \(Self.mostProcesses) processes")
        }
        let wanted = CloneRequest(s, names: &names)
        // A child that borrows memory has the second pair of its block's stacks: there is no third.
        let canHave = wanted.isPlain && !(wanted.sharesMemory && parent.hasBorrowed)
        guard canHave || wanted.refusal != nil else {
            throw .skipped("line \(s.line): the live runner makes no such process")
        }
        let operation = wanted.refusal == nil && wanted.sharesMemory ? QUIRE_VFORK : QUIRE_FORK
        let request: quire_request
        var bytes: [UInt8] = []
        if let size = wanted.size {
            request = .access(operation, [QUIRE_SCRATCH, size], number: quire_call_number(QUIRE_CLONE3))
            let words = [
                wanted.kernelFlags, 0, 0, 0, wanted.exitSignal, wanted.stack, wanted.stackSize, 0, 0, 0, 0,
            ]
            for word in words { bytes += word.littleEndianBytes }
        } else {
            request = .access(
                operation, [wanted.kernelFlags | wanted.exitSignal, 0], number: quire_call_number(QUIRE_CLONE))
        }
        return try makeProcess(request, bytes, parent)
    }

    private func makeProcess(
        _ request: quire_request, _ bytes: [UInt8], _ parent: LiveProcess
    ) throws(LiveRunError) -> LiveOutcome {
        let borrows = request.operation == UInt32(QUIRE_VFORK.rawValue)
        var answer = LiveAnswer.lost("killed")
        var failure: LiveRunError?
        let channel: WorkerChannel
        do throws(Errno) {
            channel = try WorkerChannel.make { (end) throws(Errno) in
                if borrows {
                    parent.start(request, bytes, passing: end)
                    return
                }
                do throws(LiveRunError) { answer = try parent.ask(request, bytes, passing: end) } catch {
                    failure = error
                }
            }
        } catch {
            throw .system(.system("a channel", error))
        }
        if let failure { throw failure }
        return borrows
            ? try borrower(of: parent, on: channel) : try child(of: parent, on: channel, LiveOutcome(answer))
    }

    private func child(
        of parent: LiveProcess, on channel: WorkerChannel, _ outcome: LiveOutcome
    ) throws(LiveRunError) -> LiveOutcome {
        guard case .value = outcome.ending else { return outcome }
        let hello: quire_reply
        do throws(WorkerLoss) {
            hello = try channel.receive()
        } catch {
            if case .interrupted = error { throw .interrupted }
            throw .system(.childFailed("a forked process does not start"))
        }
        return try add(hello, parent, channel)
    }

    /// A child in its parent's memory: the parent answers when it is gone, or at once that there is none.
    private func borrower(of parent: LiveProcess, on channel: WorkerChannel) throws(LiveRunError) -> LiveOutcome {
        let hello: quire_reply
        do throws(WorkerLoss) {
            hello = try channel.receive()
        } catch {
            if case .interrupted = error { throw .interrupted }
            return LiveOutcome(try parent.finish())
        }
        let outcome = try add(hello, parent, channel)
        let child = processes[processes.count - 1]
        child.hasBorrowed = true
        child.lender = parent
        parent.borrower = child
        return outcome
    }

    private func add(
        _ hello: quire_reply, _ parent: LiveProcess, _ channel: WorkerChannel
    ) throws(LiveRunError) -> LiveOutcome {
        let number = processes.count + 1
        let child = LiveProcess(
            number: number, parent: parent.number, pid: Int32(truncatingIfNeeded: hello.result), channel: channel)
        child.hasBorrowed = parent.hasBorrowed
        processes.append(child)
        try closeInherited(child, from: parent)
        return LiveOutcome(.value(Int64(number)))
    }

    /// pidfd_open: of a process by its number in the workload.
    func openProcess(_ s: Statement, _ process: LiveProcess) throws(LiveRunError) -> LiveOutcome {
        let wanted = Int64(Int32(truncatingIfNeeded: try number(s, 0)))
        var pid = UInt64(bitPattern: wanted)
        if wanted > 0 {
            // Nobody's number stands for one that the workload has not.
            pid = UInt64(Int32.max)
            if wanted <= processes.count { pid = UInt64(processes[Int(wanted) - 1].pid) }
        }
        return LiveOutcome(try process.call(QUIRE_PIDFD_OPEN, [pid, try number(s, 1, otherwise: 0)]))
    }

    /// exit and exit_group: a process has one thread here.
    func exit(_ s: Statement, _ process: LiveProcess) throws(LiveRunError) -> LiveOutcome {
        record.exited.append(try report(process, areas: false))
        try dropPins(of: process)
        try process.exit(try number(s, 0, otherwise: 0))
        try resumeLender(of: process)
        return .done
    }

    /// The process that a vfork child has had its memory from goes on when that child is gone.
    func resumeLender(of process: LiveProcess) throws(LiveRunError) {
        guard !process.isAlive, let lender = process.lender else { return }
        process.lender = nil
        lender.borrower = nil
        _ = try lender.finish()
    }

    /// wait4 of a child that has exited: any other would wait for ever.
    func wait(_ s: Statement, _ process: LiveProcess) throws(LiveRunError) -> LiveOutcome {
        let wanted = Int64(Int32(truncatingIfNeeded: try number(s, 0)))
        let options = try number(s, 2, otherwise: 0)
        let status = s.integer(1) ?? 0
        // Below -1 are process groups: the workload has none.
        let children = processes.filter {
            $0.parent == process.number && !$0.isReaped && wanted >= -1 && (wanted <= 0 || wanted == Int64($0.number))
        }
        let ended = children.first { !$0.isAlive }
        // Without a child, the kernel is asked for one that nobody has.
        var pid = wanted <= 0 ? UInt64(bitPattern: wanted) : UInt64(Int32.max)
        if let known = ended ?? children.first, wanted > 0 || ended != nil { pid = UInt64(known.pid) }
        let noHang: UInt64 = 1
        let outcome = LiveOutcome(try process.call(QUIRE_WAIT4, [pid, status, options | noHang, s.integer(3) ?? 0]))
        if case .value(0) = outcome.ending {
            guard options & noHang != 0 else {
                throw fail(s, "expected a child that has exited; this call would wait for ever")
            }
            return outcome
        }
        guard let ended, ended.isGone else { return outcome }
        ended.isReaped = true
        guard case .value = outcome.ending else { return outcome }
        return LiveOutcome(.value(Int64(ended.number)))
    }
}

extension UInt64 {
    /// Its bytes as the machine stores them.
    var littleEndianBytes: [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: self >> (8 * UInt64($0))) } }
}

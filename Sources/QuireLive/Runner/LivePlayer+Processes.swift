// Processes come and go: the first worker, fork, exit, wait4. Numbers are given here; what the kernel calls a process
// never reaches the report.

import CQuireLive
import QuireWorkload
import SystemPackage

extension LivePlayer {
    /// Starts the process that lines without a prefix belong to.
    func startFirst() throws(LiveRunError) {
        do throws(Errno) {
            let (channel, pid) = try WorkerChannel.startWorker(cpu: LiveProcesses.firstCPU, directory: folder)
            processes.append(LiveProcess(number: 1, parent: 0, pid: pid, channel: channel))
            do throws(WorkerLoss) {
                _ = try channel.receive()
            } catch {
                throw .noSuchProcess
            }
        } catch {
            throw .system(.system("a process for the workload", error))
        }
    }

    /// fork: the child gets a channel of its own and says its pid on it.
    func fork(_ parent: LiveProcess) throws(LiveRunError) -> LiveOutcome {
        guard processes.count < Self.mostProcesses else {
            throw .skipped("the live runner takes at most \(Self.mostProcesses) processes")
        }
        var answer = LiveAnswer.lost("killed")
        var failure: LiveRunError?
        let channel: WorkerChannel
        do throws(Errno) {
            channel = try WorkerChannel.make { (end) throws(Errno) in
                do throws(LiveRunError) {
                    answer = try parent.ask(.access(QUIRE_FORK, []), passing: end)
                } catch {
                    failure = error
                }
            }
        } catch {
            throw .system(.system("a channel", error))
        }
        if let failure { throw failure }
        let outcome = LiveOutcome(answer)
        guard case .value = outcome.ending else { return outcome }
        do throws(WorkerLoss) {
            let hello = try channel.receive()
            let number = processes.count + 1
            processes.append(
                LiveProcess(
                    number: number, parent: parent.number, pid: Int32(truncatingIfNeeded: hello.result),
                    channel: channel))
            return LiveOutcome(.value(Int64(number)))
        } catch {
            if case .interrupted = error { throw .interrupted }
            throw .system(.childFailed("a forked process does not start"))
        }
    }

    /// exit and exit_group: a process has one thread here.
    func exit(_ s: Statement, _ process: LiveProcess) throws(LiveRunError) -> LiveOutcome {
        record.exited.append(try report(process, areas: false))
        try process.exit(try number(s, 0, otherwise: 0))
        return .done
    }

    /// wait4 of a child that has exited: any other would wait for ever.
    func wait(_ s: Statement, _ process: LiveProcess) throws(LiveRunError) -> LiveOutcome {
        let wanted = Int64(bitPattern: try number(s, 0))
        let mayWait = try number(s, 2, otherwise: 0) & 1 == 0  // WNOHANG
        let children = processes.filter {
            $0.parent == process.number && !$0.isReaped && (wanted <= 0 || wanted == Int64($0.number))
        }
        let ended = children.first { !$0.isAlive }
        if ended == nil, !children.isEmpty {
            guard mayWait else { return .done }
            throw fail(s, "expected a child that has exited; this call would wait for ever")
        }
        // Without a child, the kernel is asked for one that nobody has.
        let pid = ended.map { UInt64($0.pid) } ?? UInt64(Int32.max)
        let outcome = LiveOutcome(try process.call(QUIRE_WAIT4, [pid, 0, 1, 0]))
        guard let ended, case .value(let got) = outcome.ending, got == Int64(ended.pid) else { return outcome }
        ended.isReaped = true
        return LiveOutcome(.value(Int64(ended.number)))
    }
}

// Freeing after a grace period: tables that were cut out of the tree wait in a queue of their CPU until every
// lock-free walker that could have seen them has left. An element of the queue is one table, or a batch frame that
// lists up to 508. Also here: the host memory of tables that became empty but stay in the tree (reclaim off), given
// back in runs. Linux: call_rcu with tlb_remove_table_rcu, __tlb_remove_table.

extension PhysicalMemory {
    /// A CPU's queue: words 4 head and 5 tail of its line, 6 the number of emptied tables that wait.
    @inline(__always) private func queue(_ cpu: CPU) -> UnsafeMutablePointer<UInt32> {
        unsafe (perCPU + cpu.index * Self.perCPUStride + 16).assumingMemoryBound(to: UInt32.self)
    }

    /// Frees one table after a grace period.
    func freeAfterGracePeriod(_ cpu: CPU, _ table: FrameNumber) { enqueue(cpu, table, count: 0) }

    /// Frees the tables that a batch frame lists, and the frame itself, after a grace period.
    func freeBatchAfterGracePeriod(_ cpu: CPU, _ batch: FrameNumber, count: Int) {
        enqueue(cpu, batch, count: UInt32(count))
    }

    private func enqueue(_ cpu: CPU, _ frame: FrameNumber, count: UInt32) {
        cpu.count(.rcuCallbacks)
        let queue = unsafe queue(cpu)
        setIndex(frame, rcu.currentEpoch(cpu))
        setMapping(frame, count)
        setNext(frame, .none)
        if unsafe queue[0] == 0 {
            unsafe queue[0] = frame.rawValue
        } else {
            unsafe setNext(FrameNumber(queue[1]), frame)
        }
        unsafe queue[1] = frame.rawValue
    }

    /// Frees what this CPU deferred and whose grace period is over. Called where no lock is held.
    @inline(__always) func freeExpired(_ cpu: CPU) {
        if unsafe queue(cpu)[0] != 0 { processQueue(cpu) }
    }

    /// Whether this CPU has deferred something, or the host is due for memory of emptied tables.
    @inline(__always) func hasWaiting(_ cpu: CPU) -> Bool { unsafe queue(cpu)[0] != 0 || discardIsDue(cpu) }

    /// Waits for a grace period and frees everything that this CPU deferred.
    func freeAllDeferred(_ cpu: CPU) {
        rcu.synchronize(cpu)
        freeExpired(cpu)
    }

    @inline(never)
    private func processQueue(_ cpu: CPU) {
        let queue = unsafe queue(cpu)
        while true {
            let frame = unsafe FrameNumber(queue[0])
            guard !frame.isNone, cpu.lacks(.graceForTables) || rcu.hasExpired(cpu, index(frame)) else { return }
            unsafe queue[0] = next(frame).rawValue
            let count = mapping(frame)
            for place in 0..<Int(count) {
                let table = word(frame, place).loadRelaxed(cpu, .entry)
                free(cpu, FrameNumber(UInt32(truncatingIfNeeded: table)), unmovable: true)
            }
            free(cpu, frame, unmovable: true)
        }
    }

    // MARK: Emptied tables that stay

    private static let discardBatch: UInt32 = 65_536

    /// Notes that a table has no entry left: its page reads as zero and may go back to the host.
    func queueForDiscard(_ cpu: CPU, _ table: FrameNumber) {
        flags(table).clear(cpu, bits: FrameFlags.notZero | FrameFlags.discardQueued, .frameFlags)
        unsafe queue(cpu)[2] += 1
    }

    /// Whether so many tables became empty that looking for runs of them pays.
    @inline(__always) func discardIsDue(_ cpu: CPU) -> Bool { unsafe queue(cpu)[2] >= Self.discardBatch }

    /// Gives the host pages of empty tables back, in runs, by one pass over the metadata of the blocks that hold
    /// tables. Only in a sequential machine: on real threads a table could be filled meanwhile.
    func discardEmptyTables(_ cpu: CPU, _ host: Host) {
        unsafe queue(cpu)[2] = 0
        guard cpu.isSequential else { return }
        let block: UInt32 = 1 << UInt32(Self.maximumOrder)
        var start: UInt32 = 0
        while unsafe start < zone.pointee.frontier {
            if has(cpu, FrameNumber(Swift.max(start, 1)), FrameFlags.unmovableBlock) {
                unsafe discardRuns(cpu, host, Swift.max(start, 1), Swift.min(start + block, zone.pointee.frontier))
            }
            start += block
        }
    }

    private func discardRuns(_ cpu: CPU, _ host: Host, _ from: UInt32, _ to: UInt32) {
        var runStart = from
        var at = from
        while at <= to {
            if at < to, isDiscardable(cpu, FrameNumber(at)) {
                flags(FrameNumber(at)).set(cpu, bits: FrameFlags.discardQueued, .frameFlags)
            } else {
                if at > runStart {
                    cpu.count(.tablesDiscarded, UInt64(at - runStart))
                    unsafe host.discard(base + Int(runStart) << Int(Page.shift), Int(at - runStart) << Int(Page.shift))
                }
                runStart = at + 1
            }
            at += 1
        }
    }

    /// An empty table whose memory is zero and was not yet given back.
    private func isDiscardable(_ cpu: CPU, _ frame: FrameNumber) -> Bool {
        let value = flags(frame).loadRelaxed(cpu, .frameFlags)
        return value & FrameFlags.kind == FrameKind.table.rawValue
            && value & (FrameFlags.notZero | FrameFlags.discardQueued) == 0
            && index(frame) == 0
    }
}

// pt_reclaimd: the background reclaimer of page tables. A pass goes over every address space, area by area, and frees the
// PTE tables in which there is nothing to keep (AsyncTable.swift): those that the zap passed over, because several calls
// emptied them together, because an area or a marker was in the way then, or because reclaim was off, and those of
// memory given to MADV_FREE. Off unless `pt_reclaim.async` says otherwise. Linux has no counterpart yet: the series
// names it as the next stage (S0-12). docs/async-reclaim.md.

/// Where the next wake-up goes on, and how many calls there were since the last one.
struct AsyncReclaimState: BitwiseCopyable {
    var space: UInt32 = 0
    var address: UInt64 = 0
    var calls: UInt64 = 0
}

extension AddressSpace {
    /// Tables that are looked at before the mmap lock is given up for a moment: as many as one flush takes (Gather).
    private static var tablesPerTurn: UInt64 { 508 }

    /// Looks at the tables from `address` on, at most `limit` of them. Returns where to go on; nil: this was all, or the
    /// mmap lock was taken, and the rest waits for the next pass.
    func reclaimTables(_ cpu: CPU, from address: UInt64, limit: inout UInt64) -> UInt64? {
        var address = address
        while limit > 0 {
            guard mmapLock.tryReadLock(cpu) else {
                cpu.count(.asyncBusy)
                return nil
            }
            var turn = Swift.min(limit, Self.tablesPerTurn)
            limit -= turn
            let flushes = cpu.value(of: .tlbFlushes)
            var gather = Gather(cpu, tables)
            let next = lookAround(cpu, &gather, from: address, &turn)
            gather.finish()
            cpu.count(.asyncFlushes, cpu.value(of: .tlbFlushes) - flushes)
            mmapLock.readUnlock(cpu)
            memory.freeExpired(cpu)
            limit += turn
            guard let next else { return nil }
            address = next
        }
        return address
    }

    /// One turn under the mmap lock. A table lies below some area, so that nothing is looked for where there is none.
    private func lookAround(
        _ cpu: CPU, _ gather: inout Gather, from start: UInt64, _ left: inout UInt64
    ) -> UInt64? {
        let span: UInt64 = 1 << tables.format.shift(ofLevel: 1)
        var address = start
        var cursor = areas.cursor(atOrAbove: start)
        while !cursor.isNone {
            address = Swift.max(address, areas.start(at: cursor) & ~(span - 1))
            while let present = tables.nextPMD(cpu, address, areas.end(at: cursor)) {
                if left == 0 { return present }
                left -= 1
                reclaimTable(cpu, &gather, present & ~(span - 1))
                address = (present & ~(span - 1)) &+ span
            }
            cursor = areas.next(cursor)
        }
        return nil
    }
}

extension Machine {
    /// Lets pt_reclaimd do whole passes over every address space, on a CPU; nothing while `pt_reclaim.async` is off. In a
    /// parallel machine the CPU is the caller's, and no process is made or ends meanwhile. O(page tables there).
    public func runTableReclaimer(passes: UInt64, cpu number: Int = 0) {
        guard core.settings.asyncReclaim.isOn else { return }
        let cpu = cpu(number)
        for _ in 0..<passes {
            var limit = UInt64.max
            for space in spacesInOrder { _ = space.reclaimTables(cpu, from: 0, limit: &limit) }
            cpu.count(.asyncPasses)
        }
        afterCall(cpu)
    }

    /// Notes that the workload has made a call: pt_reclaimd wakes up after every `pt_reclaim.async_period` of them and goes on
    /// where it stopped, for `pt_reclaim.async_tables` tables. Only where one thread runs the machine.
    public func noteCall() {
        let settings = core.settings.asyncReclaim
        guard settings.isOn, settings.period > 0 else { return }
        asyncReclaim.calls += 1
        guard asyncReclaim.calls >= settings.period else { return }
        asyncReclaim.calls = 0
        wakeTableReclaimer(tables: settings.tables == 0 ? .max : settings.tables)
    }

    private func wakeTableReclaimer(tables: UInt64) {
        let cpu = cpu(0)
        var limit = tables
        for space in spacesInOrder where space.number >= asyncReclaim.space {
            let address = space.number == asyncReclaim.space ? asyncReclaim.address : 0
            if let next = space.reclaimTables(cpu, from: address, limit: &limit) {
                (asyncReclaim.space, asyncReclaim.address) = (space.number, next)
                return afterCall(cpu)
            }
        }
        (asyncReclaim.space, asyncReclaim.address) = (0, 0)
        cpu.count(.asyncPasses)
        afterCall(cpu)
    }

    private var spacesInOrder: [AddressSpace] { spaces.sorted { $0.number < $1.number } }
}

// Guard pages inside an area (MADV_GUARD_INSTALL): markers in the tables that make every access a SIGSEGV, without
// splitting the area. Installing zaps what is there and builds the tables; removing leaves the tables.
// Linux: madvise_guard_install, madvise_guard_remove, PTE_MARKER_GUARD.

extension AddressSpace {
    /// Whether an area may have guards.
    func isGuardable(_ area: Area) -> Bool { !area.flags.contains(.hugetlb) }

    /// Puts a guard on every page of [start, end) of an area.
    func installGuards(_ cpu: CPU, _ area: Handle<Area>, _ start: UInt64, _ end: UInt64) throws(Errno) {
        let record = core.area(area)
        guard isGuardable(record), !record.flags.contains(.locked) else { throw .EINVAL }
        // Tells fork that the tables hold something that a fault would not bring back.
        core.areas.publish(at: area.index, offset: Area.guardsOffset, UInt32(1))
        if record.isAnonymous { guard prepareAnonVMA(cpu, area) else { throw .ENOMEM } }
        discard(cpu, area, start, end, ZapDetails(evenCows: true))
        let marker = tables.format.nonPresent(.guardMarker, 0)
        var page = start
        memory.rcu.enter(cpu)
        defer { memory.rcu.exit(cpu) }
        while page < end {
            guard let position = tables.allocatingPosition(cpu, page) else { throw .ENOMEM }
            if position.table.isNone {
                splitLeaf(cpu, area, at: page)
                continue
            }
            guard tables.lockIfAttached(cpu, position, page) else { continue }
            let index = tables.format.index(page, level: 0)
            if tables.load(cpu, position.table, index).isNone { tables.install(cpu, position.table, index, marker) }
            tables.pteLock(position.table).unlock(cpu)
            page += Page.size
        }
    }

    /// Takes the guards of [start, end) away.
    func removeGuards(_ cpu: CPU, _ start: UInt64, _ end: UInt64) {
        eachTable(cpu, start, end) { table, from, to in
            var index = tables.format.index(from, level: 0)
            for _ in 0..<((to - from) >> Page.shift) {
                defer { index += 1 }
                let entry = tables.load(cpu, table, index)
                guard !entry.isNone, !tables.format.isPresent(entry), tables.format.kind(entry) == .guardMarker
                else { continue }
                tables.clear(cpu, table, index)
                tables.removed(cpu, table, 1)
            }
        }
    }
}

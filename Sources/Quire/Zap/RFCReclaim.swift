// Empty-table reclaim as the RFC had it: after the zap, areas of kinds that leave tables empty are scanned a second
// time, table by table, and those whose 512 entries are all none are cut out under both locks. Kinds are filtered
// before the scan: hugetlb, write-protect tracking, and writable private file mappings are left out.
// The RFC: mm/pt_reclaim.c with free_empty_pte pages by try_to_free_empty_pte_pages.

extension AddressSpace {
    /// Whether the RFC looks at an area at all.
    func rfcConsiders(_ area: Area) -> Bool {
        if area.flags.contains(.hugetlb) { return false }
        let isPrivateFile = area.kind != .anonymous && !area.flags.contains(.shared)
        return !(isPrivateFile && area.flags.contains(.mayWrite))
    }

    /// Scans the whole 2 MiB spans of [start, end) and frees the PTE tables that are empty.
    func reclaimByScan(_ cpu: CPU, _ gather: inout Gather, _ area: Area, _ start: UInt64, _ end: UInt64) {
        guard rfcConsiders(area) else {
            cpu.count(.reclaimSkipped)
            return
        }
        let span: UInt64 = 1 << tables.format.shift(ofLevel: 1)
        var address = (start &+ span - 1) & ~(span - 1)
        memory.rcu.enter(cpu)
        defer { memory.rcu.exit(cpu) }
        while address < end && end - address >= span {
            let position = tables.position(cpu, address)
            if !position.table.isNone, looksEmpty(cpu, position, address) {
                reclaimSlowly(cpu, &gather, position, address)
            }
            address += span
        }
    }

    /// Whether there is no entry in a table, under its lock; what follows looks again.
    private func looksEmpty(_ cpu: CPU, _ position: TablePosition, _ address: UInt64) -> Bool {
        guard tables.lockIfAttached(cpu, position, address) else { return false }
        defer { tables.pteLock(position.table).unlock(cpu) }
        return tables.populated(position.table) == 0
    }
}

// Memory for callers who may sleep: where there is none, clean pages of the page cache that nobody maps are dropped, and
// it is asked for once more. Only fork's bulk of records comes this way so far. Linux: __alloc_pages_slowpath,
// __perform_reclaim.

extension MachineCore {
    /// Takes `count` records out of a pool at once. In a context that may reclaim, drops clean pages and tries again
    /// where they cannot be had. Throws ENOMEM. Debug builds trap where the context may sleep and a spin lock is held.
    func reserve<Record>(
        _ cpu: CPU, _ pool: Pool<Record>, _ count: Int, _ context: AllocationContext
    ) throws(Errno) -> PoolReserve<Record> {
        if context.contains(.maySleep) { cpu.mightSleep() }
        if let reserve = pool.reserve(cpu, count) { return reserve }
        guard context.isSuperset(of: [.maySleep, .mayReclaim]), reclaimCleanPages(cpu) > 0,
            let reserve = pool.reserve(cpu, count)
        else { throw .ENOMEM }
        return reserve
    }

    /// Drops the cached pages of recorded files that nobody maps; returns how many. What tests withheld is there again
    /// once one page has come back.
    func reclaimCleanPages(_ cpu: CPU) -> UInt64 {
        var freed: UInt64 = 0
        for index in 1..<files.frontier where files[at: index].indexedPages > 0 {
            let file = files.handle(at: index)
            guard files[file].kind == .recorded else { continue }
            let before = files[file].indexedPages
            dropCache(cpu, file, from: 0, .unused)
            freed += before - files[file].indexedPages
        }
        if freed > 0 { withholdRecords(false) }
        return freed
    }

    /// Lets areas and tree nodes be had after a reclaim only; for tests.
    func withholdRecords(_ isOn: Bool) {
        areas.withhold(isOn)
        nodes.withhold(isOn)
    }
}

// Names for the addresses that schedule points carry, as a table of shared cache lines needs them: "address space:
// mmap_lock", "record of a PTE table", "areas: pool lock". Not for hot paths.

extension Machine {
    /// What lies at the address that an event names.
    public func place(of object: UInt64) -> String {
        if let place = core.memory.place(cpu(0), object, cpus: configuration.cpus) { return place }
        for (name, pool) in zip(MachineCore.poolNames, core.pools) {
            if let place = pool.place(object) { return place.isHead ? "pool of \(name)" : "record of \(name)" }
        }
        return "machine's words"
    }

    /// Addresses that an operation reads or writes beside the one that its event names: the other CPUs' words that a flush
    /// and a grace period look at.
    public func impliedWords(_ event: SyncEvent, on cpu: CPU) -> [(object: UInt64, isWrite: Bool)] {
        core.memory.impliedWords(event, cpu, cpus: configuration.cpus)
    }
}

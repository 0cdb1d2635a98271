// The commit charge: what programs were promised, and how much may be. docs/accounting.md says who is charged for what.
// Linux: __vm_enough_memory, vm_commit_limit, vm_unacct_memory, Committed_AS, CommitLimit.

extension MachineCore {
    /// The most pages that may be promised where `vm.overcommit_memory` is 2 (CommitLimit).
    var commitLimit: UInt64 {
        let settings = settings
        if settings.overcommitKilobytes != 0 { return settings.overcommitKilobytes >> 2 }
        return UInt64(memory.frameCount) * settings.overcommitRatio / 100
    }

    /// Promises `pages` more to an address space of `mapped` pages. Throws ENOMEM where the policy refuses.
    func commit(_ cpu: CPU, pages: UInt64, mapped: UInt64) throws(Errno) {
        let now = committed.add(cpu, pages, .counter)
        if maySay(now, pages: pages, mapped: mapped) { return }
        uncommit(cpu, pages: pages)
        throw .ENOMEM
    }

    /// Whether `pages` more could be promised now.
    func mayCommit(_ cpu: CPU, pages: UInt64, mapped: UInt64) -> Bool {
        maySay(committed.loadRelaxed(cpu, .counter) &+ pages, pages: pages, mapped: mapped)
    }

    /// Whether the promises may come to `now` with the last `pages`.
    @inline(__always) private func maySay(_ now: UInt64, pages: UInt64, mapped: UInt64) -> Bool {
        switch settings.overcommit {
        case .always: true
        case .heuristic: pages <= UInt64(memory.frameCount)
        case .never: now < commitLimit(mapped: mapped)
        }
    }

    /// The limit less what is kept back: for root to log in and look, and so that one program cannot take all.
    private func commitLimit(mapped: UInt64) -> UInt64 {
        let settings = settings
        var reserve = Swift.min(mapped / 32, settings.userReserveKilobytes >> 2)
        if !settings.hasCapabilities { reserve += settings.adminReserveKilobytes >> 2 }
        return commitLimit - Swift.min(commitLimit, reserve)
    }

    /// Promises `pages` that have just been taken back elsewhere: nobody asks whether they may be.
    func recommit(_ cpu: CPU, pages: UInt64) { committed.add(cpu, pages, .counter) }

    /// Takes a promise back.
    func uncommit(_ cpu: CPU, pages: UInt64) { committed.add(cpu, 0 &- pages, .counter) }
}

extension AddressSpace {
    /// Promises `pages` more to this address space. Throws ENOMEM where the policy refuses.
    @inline(__always) func commit(_ cpu: CPU, pages: UInt64) throws(Errno) {
        try core.commit(cpu, pages: pages, mapped: numbers.totalPages)
    }
}

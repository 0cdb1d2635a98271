// The commit charge: what programs were promised. Linux: __vm_enough_memory, vm_unacct_memory, Committed_AS.

extension MachineCore {
    /// Promises `pages` more. Throws ENOMEM where the policy refuses.
    func commit(_ cpu: CPU, pages: UInt64) throws(Errno) {
        let now = committed.add(cpu, pages, .counter)
        let total = UInt64(memory.frameCount)
        switch settings.overcommit {
        case .always:
            return
        case .heuristic:
            if pages <= total { return }
        case .never:
            if now <= total * settings.overcommitRatio / 100 { return }
        }
        uncommit(cpu, pages: pages)
        throw .ENOMEM
    }

    /// Promises `pages` that have just been taken back elsewhere: nobody asks whether they may be.
    func recommit(_ cpu: CPU, pages: UInt64) { committed.add(cpu, pages, .counter) }

    /// Takes a promise back.
    func uncommit(_ cpu: CPU, pages: UInt64) { committed.add(cpu, 0 &- pages, .counter) }
}

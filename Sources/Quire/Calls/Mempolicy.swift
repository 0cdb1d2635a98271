// Memory policies: of a range (mbind) and of a task (set_mempolicy). The model has one node, number 0, so a policy
// decides nothing yet; it is checked as Linux checks it and keeps areas apart as in Linux.
// Linux: kernel_mbind, do_mbind, queue_pages_range, sanitize_mpol_flags, mpol_new, mpol_set_nodemask.

/// `mode`, its flags and the nodes of a call, checked for what is wrong whatever they are for.
struct PolicyRequest: BitwiseCopyable {
    private var mode: UInt8
    private var flags: UInt16
    private var nodes: UInt64

    private static let defaultMode: UInt8 = 0, preferred: UInt8 = 1, bind: UInt8 = 2, local: UInt8 = 4
    private static let preferredMany: UInt8 = 5, modes: UInt64 = 7
    /// MPOL_F_STATIC_NODES, MPOL_F_RELATIVE_NODES, MPOL_F_NUMA_BALANCING.
    private static let fixed: UInt16 = 1 << 15, relative: UInt16 = 1 << 14, balancing: UInt16 = 1 << 13
    /// The nodes there are.
    private static let online: UInt64 = 1

    /// Throws EINVAL.
    init(mode: UInt64, nodes: UInt64, maxNode: UInt64) throws(Errno) {
        let bits = UInt64(Self.fixed | Self.relative | Self.balancing)
        guard mode & ~bits < Self.modes else { throw .EINVAL }
        self.mode = UInt8(mode & ~bits)
        flags = UInt16(mode & bits)
        guard flags & (Self.fixed | Self.relative) != Self.fixed | Self.relative else { throw .EINVAL }
        if flags & Self.balancing != 0 {
            guard self.mode == Self.bind || self.mode == Self.preferredMany else { throw .EINVAL }
        }
        let count = maxNode &- 1
        guard maxNode == 0 || count <= Page.size * 8 else { throw .EINVAL }
        self.nodes = maxNode == 0 || count >= 64 ? nodes : nodes & (1 << count - 1)
    }

    /// Whether it takes a policy away: then nothing is too strict, and holes do not matter.
    var isDefault: Bool { mode == Self.defaultMode }

    /// The policy. Throws EINVAL where mode, flags and nodes do not go together.
    func policy() throws(Errno) -> MemoryPolicy {
        let keepsNodes = flags & (Self.fixed | Self.relative) != 0
        if isDefault {
            guard nodes == 0 else { throw .EINVAL }
            return .none
        }
        if nodes == 0 {
            // Preferring no node is the nearest one.
            guard mode == Self.preferred || mode == Self.local, !keepsNodes else { throw .EINVAL }
            return MemoryPolicy(mode: Self.local, flags: flags)
        }
        guard mode != Self.local, flags & Self.relative != 0 || nodes & Self.online != 0 else { throw .EINVAL }
        return MemoryPolicy(mode: mode, flags: flags, nodes: keepsNodes ? nodes : Self.online)
    }
}

extension AddressSpace {
    /// mbind. A hole is EFAULT before anything changes, but for the default policy. Takes the mmap lock itself.
    func bind(
        _ cpu: CPU, _ start: UInt64, _ length: UInt64, _ request: PolicyRequest, _ flags: UInt64
    ) throws(Errno) {
        let (strict, moves): (UInt64, UInt64) = (1, 6)
        guard flags & ~(strict | moves) == 0 else { throw .EINVAL }
        guard flags & 4 == 0 || core.settings.hasCapabilities else { throw .EPERM }
        guard start & Page.offsetMask == 0 else { throw .EINVAL }
        let end = start &+ Page.ceiling(length)
        guard end >= start else { throw .EINVAL }
        if end == start { return }
        let policy = try request.policy()
        mmapLock.writeLock(cpu)
        defer { mmapLock.writeUnlock(cpu) }
        try checkCovered(start, end, holes: request.isDefault)
        // No page lies on a node of an empty set.
        if flags & (strict | moves) == strict, policy.nodes == 0, !request.isDefault, holdsPages(cpu, start, end) {
            throw .EIO
        }
        var at = start
        while true {
            let area = areas.find(at)
            guard !area.isNone, core.areas[area].start < end else { return }
            let record = core.areas[area]
            let (from, to) = (Swift.max(record.start, at), Swift.min(record.end, end))
            at = to
            if core.extras(record.extras).policy != policy {
                _ = try modifyPolicy(cpu, area, from, to, to: policy)
            }
            if at >= end { return }
        }
    }

    private func checkCovered(_ start: UInt64, _ end: UInt64, holes: Bool) throws(Errno) {
        var at = start
        while at < end {
            let area = areas.find(at)
            guard !area.isNone, core.areas[area].start < end else {
                if holes, at > start { return }
                throw .EFAULT
            }
            guard holes || core.areas[area].start <= at else { throw .EFAULT }
            at = core.areas[area].end
        }
    }

    /// Whether anything but the zero page is mapped in a range.
    private func holdsPages(_ cpu: CPU, _ start: UInt64, _ end: UInt64) -> Bool {
        var found = false
        eachTable(cpu, start, end) { table, from, to in
            let first = tables.format.index(from, level: 0)
            for index in first..<(first + Int((to - from) >> Page.shift)) where !found {
                let entry = tables.load(cpu, table, index)
                found = tables.format.isPresent(entry) && tables.format.frame(entry) != core.zeroFrame
            }
        }
        return found
    }
}

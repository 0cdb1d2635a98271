// MADV_COLLAPSE: collapses what a range covers of aligned 2 MiB, whatever the knobs say, and tells why if it could not.
// Linux: madvise_collapse, madvise_collapse_errno.

extension AddressSpace {
    /// The call for the part [start, end) of one area. The mmap lock is held for read, and is given up on the way.
    func collapseForAdvice(_ cpu: CPU, _ area: Handle<Area>, _ start: UInt64, _ end: UInt64) throws(Errno) {
        guard allowedOrders(area, .forcedCollapse).contains(.huge) else { throw .EINVAL }
        let size = tables.hugeSize
        let first = (start &+ (size - 1)) & ~(size - 1)
        let last = end & ~(size - 1)
        var failure: CollapseResult?
        var isStopped = false
        var at = first
        while at < last, !isStopped {
            // Pages of shmem are not collapsed yet.
            let isOurs = core.areas[areas.find(at)].isAnonymous
            let result = isOurs ? collapse(cpu, at, .forced, .forcedCollapse) : .notSuitable
            switch result {
            case .collapsed, .isLeaf: break
            case .referenced, .busy: failure = result
            default:
                failure = result
                isStopped = true
            }
            at += size
        }
        // Less than one aligned range between its ends is no range at all.
        if first > last { throw .EINVAL }
        guard let failure else { return }
        switch failure {
        case .outOfMemory: throw .ENOMEM
        case .tooManyNone: throw .EBUSY
        case .referenced, .busy: throw .EAGAIN
        default: throw .EINVAL
        }
    }
}

// One operation of a random workload: a call with numbers as arguments, so that it can be drawn, shrunk, given to the
// reference model, and printed as a line of a workload file. How each call is written is in `CallForm`.

/// The calls that workloads are made of; the raw value is the name by which weights know them.
public enum OperationCall: String, CaseIterable, Sendable {
    case mmap, munmap, mprotect, mremap, madvise, mlock, mlock2, munlock, mlockall, munlockall, msync, mincore, brk
    /// process_madvise of one range of the caller's own.
    case adviseSelf = "process_madvise"
    case store, load
    case touchWrite = "touch_write"
    case touchRead = "touch_read"
    case memfd = "memfd_create"
    case ftruncate, fallocate
    case pread = "pread64"
    case pwrite = "pwrite64"
    /// pread64 into the report, and pwrite64 of a text.
    case readText = "read_text"
    case writeText = "write_text"
    /// fcntl(…, F_ADD_SEALS, …).
    case seal
    case dup, close
    case fork, vfork, clone, exit, wait4
    /// prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, …) and prctl(PR_SET_THP_DISABLE, …).
    case nameArea = "name_area"
    case disableHugePages = "thp_disable"
    /// A file of `transparent_hugepage`, set before the workload begins: a line of its head.
    case knob
    /// A whole pass of khugepaged.
    case khugepaged
    /// Two written to drop_caches: folios that wait to be split are.
    case dropCaches = "drop_caches"
    /// A counter of huge pages, read.
    case statistic
    /// Pins, by the number of their handle.
    case gup, unpin
}

/// A call of one process.
public struct Operation: Hashable, Sendable {
    /// 0 is the first process, else the number that a fork gave its child.
    public var process: Int
    public var call: OperationCall
    /// In the order of the call's form; those at the end may be left out.
    public var arguments: [UInt64]

    public init(_ call: OperationCall, _ arguments: [UInt64] = [], process: Int = 0) {
        self.process = process
        self.call = call
        self.arguments = arguments
    }

    func argument(_ index: Int) -> UInt64 { index < arguments.count ? arguments[index] : 0 }

    /// Whether Linux may choose the address of what this call maps.
    var leavesPlaceOpen: Bool {
        switch call {
        case .mmap: argument(3) & (MapBits.fixed | MapBits.noReplace) == 0
        case .mremap: argument(3) & 3 == 1
        default: false
        }
    }
}

extension OperationCall {
    /// Whether a child begins here; its number is the argument.
    var makesProcess: Bool { self == .fork || self == .vfork || self == .clone }
}

/// The operations of processes that run when their turn comes: without a fork, its child's operations have nobody, and a
/// process that waits for its vfork child does nothing. A process waits only for a child of its own that has ended. Knobs
/// come first.
func runnable(_ operations: [Operation]) -> [Operation] {
    let knobs = operations.filter { $0.call == .knob }
    return knobs + runnableCalls(operations.filter { $0.call != .knob })
}

private func runnableCalls(_ operations: [Operation]) -> [Operation] {
    var alive: Set<Int> = [0]
    var parents: [Int: Int] = [:]
    /// Who waits for whose end or has borrowed memory, or has come from one that has.
    var lenders: [Int: Int] = [:]
    var borrowed: Set<Int> = []
    var handles: Set<UInt64> = []
    return operations.filter { operation in
        let who = operation.process
        guard alive.contains(who), !lenders.values.contains(who) else { return false }
        let child = Int(truncatingIfNeeded: operation.argument(0))
        switch operation.call {
        case .fork, .vfork, .clone:
            // A child in borrowed memory lends none: no runner has room for that.
            let borrows = operation.call == .vfork
            guard parents[child] == nil, child != 0, !(borrows && borrowed.contains(who)) else { return false }
            alive.insert(child)
            parents[child] = who
            if borrows { lenders[child] = who }
            if borrows || borrowed.contains(who) { borrowed.insert(child) }
        case .exit:
            alive.remove(who)
            lenders[who] = nil
        case .gup: handles.insert(operation.argument(3))
        case .unpin: return handles.contains(operation.argument(0))
        case .wait4: return parents[child] == who && !alive.contains(child)
        default: break
        }
        return true
    }
}

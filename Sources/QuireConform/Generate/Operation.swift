// One operation of a random workload: a call with numbers as arguments, so that it can be drawn, shrunk, given to the
// reference model, and printed as a line of a workload file.

/// The calls that the reference model carries out; the raw value is the name in a workload file.
public enum OperationCall: String, CaseIterable, Sendable {
    case mmap, munmap, mprotect, mremap, madvise, mlock, mlock2, munlock, mincore, store, load
    case touchWrite = "touch_write"
    case touchRead = "touch_read"
    case memfd = "memfd_create"
    case ftruncate, fork, exit
}

/// A call of one process.
public struct Operation: Hashable, Sendable {
    /// 0 is the first process, else the number that a fork gave its child.
    public var process: Int
    public var call: OperationCall
    /// In the call's order; those at the end may be left out. Of fork: the child's number.
    public var arguments: [UInt64]

    public init(_ call: OperationCall, _ arguments: [UInt64] = [], process: Int = 0) {
        self.process = process
        self.call = call
        self.arguments = arguments
    }

    func argument(_ index: Int) -> UInt64 { index < arguments.count ? arguments[index] : 0 }

    /// Whether Linux chooses an address in this call, which the reference model cannot.
    var leavesPlaceOpen: Bool {
        call == .mmap && argument(3) & (MapBits.fixed | MapBits.noReplace) == 0
    }
}

/// The operations of processes that run when their turn comes: without a fork, its child's operations have nobody.
func runnable(_ operations: [Operation]) -> [Operation] {
    var alive: Set<Int> = [0]
    return operations.filter { operation in
        guard alive.contains(operation.process) else { return false }
        switch operation.call {
        case .fork: return alive.insert(Int(operation.argument(0))).inserted
        case .exit: alive.remove(operation.process)
        default: break
        }
        return true
    }
}

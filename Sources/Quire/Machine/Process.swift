// Processes and tasks. A process owns descriptors and an address space (or borrows one, after vfork); a task is a
// thread of it and runs on a CPU. System calls are methods of the task: Calls/Task+*.swift.
// Linux: task_struct, files_struct, signal_struct.

/// A process of a machine.
public final class Process {
    /// The number it was made with.
    public let pid: Int
    private let owner: Unowned<Machine>
    private(set) var space: AddressSpace
    var descriptors: [Int: Descriptor] = [:]
    /// Whether it borrows its parent's address space (vfork, until execve or exit).
    public internal(set) var borrowsAddressSpace = false
    /// Whether it has ended.
    public internal(set) var hasExited = false
    /// Whose address space it borrows; held until the loan ends.
    var lender: Process?
    /// Who borrows its address space now.
    var borrowers: [Process] = []
    /// Faults that its address space counts and that are not its own: those of before it came, and of borrowers that
    /// have gone.
    var foreignFaults = (minor: Int64(0), major: Int64(0))
    /// Its first thread. execve makes a new one: a task belongs to one address space for good.
    public var main: Task { mainTask! }
    private var mainTask: Task?

    init(pid: Int, machine: Machine, space: AddressSpace, cpu: Int = 0) {
        self.pid = pid
        owner = Unowned(machine)
        self.space = space
        mainTask = Task(tid: pid, process: self, cpu: machine.cpu(cpu))
    }

    /// The machine it runs on, which must outlive it.
    public var machine: Machine { owner.object }

    /// Another thread, on a CPU.
    public func makeTask(tid: Int, cpu: Int = 0) -> Task { Task(tid: tid, process: self, cpu: machine.cpu(cpu)) }

    /// Puts another address space in place of the present one (execve).
    func replaceSpace(_ new: AddressSpace) {
        space = new
        let old = main
        mainTask = Task(tid: pid, process: self, cpu: old.cpu)
        main.policy = old.policy
    }

    /// Faults that are this process's own.
    var faults: (minor: Int64, major: Int64) {
        var (minor, major) = (space.count(SpaceCounter.minorFaults), space.count(SpaceCounter.majorFaults))
        for borrower in borrowers {
            let theirs = borrower.faults
            minor -= theirs.minor
            major -= theirs.major
        }
        return (minor - foreignFaults.minor, major - foreignFaults.major)
    }

    /// Ends the loan of its lender's address space: what was counted meanwhile is not the lender's.
    func returnLoan() {
        let own = faults
        lender?.foreignFaults.minor += own.minor
        lender?.foreignFaults.major += own.major
        lender?.borrowers.removeAll { $0 === self }
        lender = nil
        borrowsAddressSpace = false
    }

    /// The lowest free descriptor number from `least` on; 0 to 2 are taken.
    func freeDescriptor(from least: Int = 3) -> Int {
        var number = Swift.max(least, 3)
        while descriptors[number] != nil { number += 1 }
        return number
    }

    /// What may change about a process, for a checkpoint.
    struct Saved {
        fileprivate let space: AddressSpace
        fileprivate let descriptors: [Int: Descriptor]
        fileprivate let borrowsAddressSpace: Bool
        fileprivate let hasExited: Bool
        fileprivate let lender: Process?
        fileprivate let borrowers: [Process]
        fileprivate let foreignFaults: (minor: Int64, major: Int64)
        fileprivate let main: Task?
        fileprivate let policy: MemoryPolicy
    }

    var saved: Saved {
        get {
            Saved(
                space: space, descriptors: descriptors, borrowsAddressSpace: borrowsAddressSpace, hasExited: hasExited,
                lender: lender, borrowers: borrowers, foreignFaults: foreignFaults, main: mainTask, policy: main.policy)
        }
        set {
            space = newValue.space
            descriptors = newValue.descriptors
            borrowsAddressSpace = newValue.borrowsAddressSpace
            hasExited = newValue.hasExited
            lender = newValue.lender
            borrowers = newValue.borrowers
            foreignFaults = newValue.foreignFaults
            mainTask = newValue.main
            main.policy = newValue.policy
        }
    }

    /// Sets the address at which brk begins, where it is not set yet.
    public func setHeap(start: UInt64) {
        guard space.numbers.heapStart == 0 else { return }
        space.numbers.heapStart = start
        space.numbers.heapEnd = start
    }

    /// Whether brk has begun.
    public var hasHeap: Bool { space.numbers.heapStart != 0 }

    /// Traps, with what is broken, where an invariant of the address space does not hold. O(memory mapped).
    public func checkInvariants() { space.checkInvariants(main.cpu) }
}

/// A thread of a process.
public final class Task {
    /// The thread's number.
    public let tid: Int
    private let owner: Unowned<Process>
    private let ownerMachine: Unowned<Machine>
    private let home: CPU
    /// The CPU it runs on, as the machine runs now.
    @inline(__always) public var cpu: CPU { home.now }
    let space: AddressSpace
    /// Where its pages are to come from (set_mempolicy).
    var policy = MemoryPolicy.none

    init(tid: Int, process: Process, cpu: CPU) {
        self.tid = tid
        owner = Unowned(process)
        ownerMachine = Unowned(process.machine)
        home = cpu
        space = process.space
    }

    /// The process it belongs to, which must outlive it.
    public var process: Process { owner.object }

    @inline(__always) var machine: Machine { ownerMachine.object }

    /// What a system call does at its end. Mostly nothing waits, and then the machine is not even asked for: that takes a
    /// reference to it.
    @inline(__always) func afterCall() {
        if space.core.memory.hasWaiting(cpu) { machine.afterCall(cpu) }
    }
}

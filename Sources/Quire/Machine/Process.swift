// Processes and tasks. A process owns descriptors and an address space (or borrows one, after vfork); a task is a
// thread of it and runs on a CPU. System calls are methods of the task: Calls/Task+*.swift.
// Linux: task_struct, files_struct, signal_struct.

/// What a descriptor refers to.
struct Descriptor {
    var file: Handle<FileRecord>
    var canRead: Bool
    var canWrite: Bool
}

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
    /// Its first thread. execve makes a new one: a task belongs to one address space for good.
    public var main: Task { mainTask! }
    private var mainTask: Task?

    init(pid: Int, machine: Machine, space: AddressSpace) {
        self.pid = pid
        owner = Unowned(machine)
        self.space = space
        mainTask = Task(tid: pid, process: self, cpu: machine.cpu(0))
    }

    /// The machine it runs on, which must outlive it.
    public var machine: Machine { owner.object }

    /// Another thread, on a CPU.
    public func makeTask(tid: Int, cpu: Int = 0) -> Task { Task(tid: tid, process: self, cpu: machine.cpu(cpu)) }

    /// Puts another address space in place of the present one (execve).
    func replaceSpace(_ new: AddressSpace) {
        space = new
        mainTask = Task(tid: pid, process: self, cpu: main.cpu)
    }

    /// What may change about a process, for a checkpoint.
    struct Saved {
        var space: AddressSpace
        var descriptors: [Int: Descriptor]
        var borrowsAddressSpace: Bool
        var hasExited: Bool
        var main: Task?
    }

    var saved: Saved {
        get {
            Saved(
                space: space, descriptors: descriptors, borrowsAddressSpace: borrowsAddressSpace, hasExited: hasExited,
                main: mainTask)
        }
        set {
            space = newValue.space
            descriptors = newValue.descriptors
            borrowsAddressSpace = newValue.borrowsAddressSpace
            hasExited = newValue.hasExited
            mainTask = newValue.main
        }
    }

    /// The lowest free descriptor number from 3 on.
    func freeDescriptor() -> Int {
        var number = 3
        while descriptors[number] != nil { number += 1 }
        return number
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
    /// The CPU it runs on.
    public let cpu: CPU
    let space: AddressSpace

    init(tid: Int, process: Process, cpu: CPU) {
        self.tid = tid
        owner = Unowned(process)
        ownerMachine = Unowned(process.machine)
        self.cpu = cpu
        space = process.space
    }

    /// The process it belongs to, which must outlive it.
    public var process: Process { owner.object }

    @inline(__always) var machine: Machine { ownerMachine.object }
}

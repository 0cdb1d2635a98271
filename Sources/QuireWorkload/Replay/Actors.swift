// Who the lines of a file belong to: threads by their numbers, and the processes they are threads of. A number is the
// recorded pid, or the order of creation in a file without pids; threads that `thread()` makes are numbered beyond all
// pids.

import Quire

/// A thread of the replayed world.
final class Actor {
    /// The first number of threads made by `thread()`; pids end at 2^22.
    static let firstThread = 1 << 22

    let number: Int
    let owner: Resident
    /// Changes with execve.
    var task: Task
    /// The call that has begun and not returned.
    var pending: PendingCall?
    var hasEnded = false
    /// The vfork child that it waits for, in lines without a recorded result.
    weak var borrower: Resident?

    init(number: Int, owner: Resident, task: Task) {
        self.number = number
        self.owner = owner
        self.task = task
        owner.threads += 1
    }
}

/// A process of the replayed world.
final class Resident {
    let number: Int
    let process: Process
    /// Threads that run.
    var threads = 0
    var hasEnded = false
    /// Memory was used up under it: the rest of its lines has nobody to act for it.
    var wasKilled = false
    /// How often execve gave it another address space.
    var images = 0
    /// The process whose address space it borrows, and that one's `images` when it began to.
    var lender: (resident: Resident, images: Int)?
    /// Children made by lines without a recorded result, until wait4 has taken their status.
    var children: [Int: Child] = [:]
    weak var parent: Resident?

    init(number: Int, process: Process) {
        self.number = number
        self.process = process
    }

    /// Whether a report lists it: one process for each address space.
    var isListed: Bool {
        guard let lender else { return true }
        return lender.resident.hasEnded || lender.resident.images != lender.images
    }
}

/// What wait4 knows of a child.
struct Child {
    /// The process, also when it has ended.
    let process: Process
    /// The signal that its end sends; a child without SIGCHLD is a clone's.
    let exitSignal: UInt64
    /// The status word once it has ended.
    var status: UInt32?
}

/// A call between its `<unfinished ...>` and its `resumed` line.
final class PendingCall {
    /// The line at which it began.
    let statement: Statement
    /// What it came to, where it was carried out when it began.
    let outcome: Outcome?
    /// The child, where its lines came before this call returned.
    var child: Int?

    init(_ statement: Statement, outcome: Outcome?) {
        self.statement = statement
        self.outcome = outcome
    }
}

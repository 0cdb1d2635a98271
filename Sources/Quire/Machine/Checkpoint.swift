// A machine that starts over: its raw memory copied and copied back, and beside it the few tables that Swift holds. How the
// explorer runs one scenario a million times. Raw memory that is in use is named by who has it: RawState (CPUs, TLBs, words),
// PhysicalMemory (allocator, RCU, frames and their records), the pools.

/// A machine at one moment: what `Machine.restore` goes back to.
public struct MachineCheckpoint {
    fileprivate let memory: SavedMemory
    fileprivate let frames: PhysicalMemory.SavedFlags
    fileprivate let processes: [Int: Process]
    fileprivate let spaces: [UInt32: AddressSpace]
    fileprivate let states: [(process: Process, state: Process.Saved)]
    fileprivate let users: [(space: AddressSpace, count: Int)]
    fileprivate let nextInode: UInt64
    fileprivate let pins: [Int: Pin]
    fileprivate let nextPin: Int
    fileprivate let asyncReclaim: AsyncReclaimState
    fileprivate let namedFiles: [String: Handle<FileRecord>]
    fileprivate let strings: [String]
    fileprivate let stringNumbers: [String: UInt32]

    /// The bytes that are copied back.
    public var bytes: Int { memory.bytes }
}

extension Machine {
    /// What the machine is now, to come back to as often as wanted. Only while nothing runs. A task that `makeTask` made is
    /// its caller's: what it was told by set_mempolicy is not part of the checkpoint.
    public func checkpoint() -> MachineCheckpoint {
        var extents = state.extents + core.memory.extents(cpus: configuration.cpus)
        for pool in core.pools { extents += pool.extents }
        return MachineCheckpoint(
            memory: SavedMemory(extents), frames: core.memory.savedFlags(), processes: processTable,
            spaces: spaceTable, states: processTable.values.map { ($0, $0.saved) },
            users: spaceTable.values.map { ($0, $0.users) }, nextInode: nextInode, pins: pinTable, nextPin: nextPin,
            asyncReclaim: asyncReclaim, namedFiles: namedFiles, strings: strings, stringNumbers: stringNumbers)
    }

    /// Goes back to a checkpoint of this machine, O(memory in use then and since); asks the host for nothing.
    public func restore(_ checkpoint: MachineCheckpoint) {
        let pools = core.pools
        let frontiers = pools.map { $0.frontier }
        core.memory.forgetDirtied(since: checkpoint.frames)
        checkpoint.memory.restore()
        for (pool, frontier) in zip(pools, frontiers) { pool.forgetBeyondFrontier(upTo: frontier) }
        // A lender and its borrowers hold each other while the loan lasts.
        for process in processTable.values {
            process.lender = nil
            process.borrowers = []
        }
        processTable = checkpoint.processes
        spaceTable = checkpoint.spaces
        for (process, state) in checkpoint.states { process.saved = state }
        for (space, count) in checkpoint.users { space.users = count }
        nextInode = checkpoint.nextInode
        pinTable = checkpoint.pins
        nextPin = checkpoint.nextPin
        asyncReclaim = checkpoint.asyncReclaim
        namedFiles = checkpoint.namedFiles
        strings = checkpoint.strings
        stringNumbers = checkpoint.stringNumbers
    }
}

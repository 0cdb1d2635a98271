// A few shared words and locks without a memory manager: what litmus tests of the explorer itself are written with. Each
// lies in a cache line of its own. Part of the unsafe floor.

import Synchronization

/// Words, locks, a sequence count and an RCU domain for litmus tests on `cpus` simulated CPUs.
@safe public final class LitmusWords: @unchecked Sendable {
    private let base: UnsafeMutableRawPointer
    private let host: Host
    private let state: RawState
    private let environment: SyncEnvironment
    private let count: Int
    private static let line = 64
    private static let bytes = 1 << 14

    /// Makes `count` words (at most 64), all 0. The locks and queues do without what `omissions` names. Traps where the host has no
    /// memory.
    public init(count: Int, cpus: Int, host: Host, without omissions: Omissions = .none) {
        precondition(count <= 64)
        guard let base = unsafe host.reserve(Self.bytes), let state = RawState(host: host, cpus: cpus, tlbBytes: 0)
        else {
            fatalError("no memory for a litmus test")
        }
        unsafe self.base = base
        self.host = host
        self.state = state
        self.count = count
        environment = SyncEnvironment(host: host)
        state.start(mode: .sequential, environment: environment)
        state.set(mode: .sequential, without: omissions)
    }

    deinit {
        unsafe host.release(base, Self.bytes)
        state.release(to: host)
    }

    /// Sets every word to 0 and hands every operation to a scheduler.
    public func reset(hook: ScheduleHook?) {
        unsafe base.initializeMemory(as: UInt64.self, repeating: 0, count: count * Self.line / 8)
        unsafe (base + 8192).initializeMemory(as: UInt64.self, repeating: 0, count: RCU.bytes(cpus: state.cpuCount) / 8)
        _ = unsafe RCU(at: base + 8192, cpus: state.cpuCount)
        if environment.hook !== hook { environment.hook = hook }
        state.restart(mode: hook == nil ? .sequential : .explored)
    }

    /// The context of a simulated CPU.
    public func cpu(_ index: Int) -> CPU { state.cpu(index) }

    private func word(_ index: Int) -> Word64 { unsafe Word64(at: base + index * Self.line) }
    private func small(_ index: Int) -> Word32 { unsafe Word32(at: base + index * Self.line) }

    /// The value, without an operation.
    public subscript(_ index: Int) -> UInt64 { unsafe word(index).cell.pointee.load(ordering: .relaxed) }

    public func load(_ cpu: CPU, _ index: Int) -> UInt64 { word(index).load(cpu, .counter) }
    public func store(_ cpu: CPU, _ index: Int, _ value: UInt64) { word(index).store(cpu, value, .counter) }
    @discardableResult public func add(_ cpu: CPU, _ index: Int, _ amount: UInt64) -> UInt64 {
        word(index).add(cpu, amount, .counter)
    }
    public func exchange(_ cpu: CPU, _ index: Int, _ value: UInt64) -> UInt64 {
        word(index).exchange(cpu, value, .counter)
    }
    public func replace(_ cpu: CPU, _ index: Int, _ old: UInt64, with new: UInt64) -> Bool {
        word(index).replace(cpu, old, with: new, .counter)
    }

    public func lock(_ cpu: CPU, _ index: Int) { SpinLock(small(index), .pte).lock(cpu) }
    public func tryLock(_ cpu: CPU, _ index: Int) -> Bool { SpinLock(small(index), .pte).tryLock(cpu) }
    public func unlock(_ cpu: CPU, _ index: Int) { SpinLock(small(index), .pte).unlock(cpu) }
    public func readLock(_ cpu: CPU, _ index: Int) { RWSemaphore(small(index), .mmapLock).readLock(cpu) }
    public func readUnlock(_ cpu: CPU, _ index: Int) { RWSemaphore(small(index), .mmapLock).readUnlock(cpu) }
    public func writeLock(_ cpu: CPU, _ index: Int) { RWSemaphore(small(index), .mmapLock).writeLock(cpu) }
    public func writeUnlock(_ cpu: CPU, _ index: Int) { RWSemaphore(small(index), .mmapLock).writeUnlock(cpu) }
    public func downgrade(_ cpu: CPU, _ index: Int) { RWSemaphore(small(index), .mmapLock).downgrade(cpu) }

    /// A sleeping lock of two bits, as a folio has it; `add` of 4 is another use of its word.
    private func bits(_ index: Int) -> BitLock { BitLock(small(index), held: 1, sleepers: 2, .folio) }
    public func bitLock(_ cpu: CPU, _ index: Int) { bits(index).lock(cpu) }
    public func bitUnlock(_ cpu: CPU, _ index: Int) { bits(index).unlock(cpu) }

    public func waitTicket(_ cpu: CPU, _ index: Int) -> UInt32 { WaitQueue(small(index)).prepare(cpu) }
    public func wait(_ cpu: CPU, _ index: Int, _ ticket: UInt32) { WaitQueue(small(index)).wait(cpu, ticket) }
    public func wakeAll(_ cpu: CPU, _ index: Int) { WaitQueue(small(index)).wakeAll(cpu) }

    public func sequenceBegin(_ cpu: CPU, _ index: Int) -> UInt32 { SequenceCount(small(index)).beginRead(cpu) }
    public func sequenceRetry(_ cpu: CPU, _ index: Int, _ begun: UInt32) -> Bool {
        SequenceCount(small(index)).mustRetry(cpu, begun)
    }
    public func sequenceWrite(_ cpu: CPU, _ index: Int, _ body: () -> Void) {
        SequenceCount(small(index)).beginWrite(cpu)
        body()
        SequenceCount(small(index)).endWrite(cpu)
    }

    private var rcu: RCU { unsafe RCU(existingAt: base + 8192, cpus: state.cpuCount) }
    public func rcuEnter(_ cpu: CPU) { rcu.enter(cpu) }
    public func rcuExit(_ cpu: CPU) { rcu.exit(cpu) }
    public func synchronize(_ cpu: CPU) { rcu.synchronize(cpu) }
}

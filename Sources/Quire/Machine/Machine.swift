// A machine: simulated memory, CPUs, processes. The owner of everything below; nothing outlives it and nothing is
// shared between machines, so many may live in one program. A sequential machine belongs to one thread at a time.
// Linux: the kernel, as a value.

/// A simulated machine that runs Linux's memory manager.
///
/// Make one with a configuration and a host, make a process, and call what Linux would be called:
///
///     let machine = try Machine(MachineConfiguration(), host: .linux)
///     let task = try machine.makeProcess(pid: 1).main
///     let start = try task.mmap(length: 1 << 21, protection: [.read, .write], flags: [.private, .anonymous])
///     task.touchWrite(start, 1 << 21)
///
/// Not thread-safe in sequential mode. In parallel mode each simulated CPU may run on one thread of its own.
public final class Machine: @unchecked Sendable {
    /// What the machine was made of.
    public let configuration: MachineConfiguration
    let core: MachineCore
    let host: Host
    let environment: SyncEnvironment
    let state: RawState
    // A checkpoint must have all that follows: Checkpoint.swift.
    var processTable: [Int: Process] = [:]
    var spaceTable: [UInt32: AddressSpace] = [:]
    var nextInode: UInt64 = 1
    /// By handle; guarded by the core's `pins` lock.
    var pinTable: [Int: Pin] = [:]
    var nextPin = 0
    var asyncReclaim = AsyncReclaimState()
    var namedFiles: [String: Handle<FileRecord>] = [:]
    /// Names of files and special areas; number 0 is no name.
    var strings: [String] = [""]
    var stringNumbers: [String: UInt32] = ["": 0]
    private var isAbandoned = false

    /// Makes a machine. Throws `MachineError.noHostMemory`, or `.badValue` for a configuration that cannot be.
    public init(_ configuration: MachineConfiguration, host: Host) throws(MachineError) {
        guard configuration.memory >= 1 << 20, configuration.memory <= 1 << 44 else {
            throw .badValue(key: "machine.memory", expected: "1M to 16T")
        }
        guard (1...256).contains(configuration.cpus) else {
            throw .badValue(key: "machine.cpus", expected: "1 to 256")
        }
        let format = configuration.format
        let geometry = configuration.tlbGeometry ?? configuration.standardTLB
        let tags = configuration.tlbTags ?? (format.broadcastsInvalidations ? 65_535 : 6)
        guard (1...65_535).contains(tags) else { throw .badValue(key: "machine.tlb_asids", expected: "1 to 65535") }
        let tlbBytes =
            configuration.tlb ? TLBs.bytes(geometry, tags: tags, cpus: configuration.cpus) : 0
        guard let state = RawState(host: host, cpus: configuration.cpus, tlbBytes: tlbBytes),
            let memory = PhysicalMemory(
                host: host, bytes: Page.floor(configuration.memory), cpus: configuration.cpus, format: format,
                contents: configuration.contents)
        else { throw .noHostMemory }
        environment = SyncEnvironment(host: host)
        state.start(mode: configuration.mode, environment: environment)
        let tlbs =
            configuration.tlb
            ? TLBs(
                state, geometry, format, tags: tags, ranges: configuration.tlbRanges, cpus: configuration.cpus) : nil
        guard
            let core = MachineCore(
                host: host, memory: memory, state: state, tlbs: tlbs, cpus: configuration.cpus,
                splitLocks: configuration.splitLocks, folding: configuration.folding, cpu: state.cpu(0))
        else { throw .noHostMemory }
        self.configuration = configuration
        self.host = host
        self.state = state
        self.core = core
        core.settings.reclaim = configuration.reclaim
        core.settings.tlbCosts = TLBCosts(format)
        // arm64's rule is break before make; x86-64 uses one of the two.
        core.settings.tlbTolerance = format.broadcastsInvalidations ? .one : .any
        core.tlbs?.tolerance = core.settings.tlbTolerance
        core.settings.mmapBase = Swift.min(configuration.mmapBase, format.userEnd)
    }

    deinit {
        // A lender and its borrowers hold each other while the loan lasts.
        for process in processTable.values {
            process.lender = nil
            process.borrowers = []
        }
        releaseMemory()
    }

    private func releaseMemory() {
        guard !isAbandoned else { return }
        isAbandoned = true
        core.release(to: host)
        core.memory.release(to: host, cpus: configuration.cpus)
        state.release(to: host)
    }

    /// Gives the host's memory back at once; nothing of the machine may be used any more. For a machine that an explorer left in
    /// the middle of runs: the stacks that nobody goes back to refer to it for ever.
    public func abandon() { releaseMemory() }

    /// The context of a CPU, 0 ..< `configuration.cpus`.
    public func cpu(_ index: Int) -> CPU { state.cpu(index) }

    /// Hands every operation of `Sync` to a scheduler from now on; nil ends that, and the machine is sequential.
    /// The core does without what `omissions` names.
    public func explore(with hook: ScheduleHook?, without omissions: Omissions = .none) {
        environment.hook = hook
        state.set(mode: hook == nil ? .sequential : .explored, without: omissions)
        if omissions.chances.contains(.allocationFails) { core.memory.chooseFailures(hook != nil) }
    }

    /// Lets the machine run without schedule points, between two runs of an explorer, which still hears of what is broken.
    public func pauseExploration() { state.set(mode: .sequential) }

    // MARK: Processes

    /// The processes that run, by pid.
    public var processes: [Process] { processTable.keys.sorted().compactMap { processTable[$0] } }

    /// The process with a pid, if it runs.
    public func process(_ pid: Int) -> Process? { processTable[pid] }

    /// Makes a process with an empty address space. Throws ENOMEM, or EEXIST for a pid that runs.
    public func makeProcess(pid: Int) throws(Errno) -> Process {
        guard processTable[pid] == nil else { throw .EEXIST }
        let space = try makeSpace(cpu(0))
        space.numbers.limits = core.settings.limits
        return register(Process(pid: pid, machine: self, space: space))
    }

    func register(_ process: Process) -> Process {
        processTable[process.pid] = process
        return process
    }

    func unregister(_ process: Process) { processTable[process.pid] = nil }

    func makeSpace(_ cpu: CPU) throws(Errno) -> AddressSpace {
        guard let space = AddressSpace(cpu, core) else { throw .ENOMEM }
        spaceTable[space.number] = space
        return space
    }

    /// Drops one user of an address space; the last one ends it.
    func release(_ cpu: CPU, _ space: AddressSpace) {
        space.users -= 1
        guard space.users == 0 else { return }
        space.mmapLock.writeLock(cpu)
        space.unmapAll(cpu)
        space.mmapLock.writeUnlock(cpu)
        spaceTable[space.number] = nil
        space.free(cpu)
    }

    /// The address spaces there are, in no order.
    var spaces: [AddressSpace] { Array(spaceTable.values) }

    func space(_ number: UInt32) -> AddressSpace? { spaceTable[number] }

    // MARK: Pins

    /// Gives a pin a handle.
    func addPin(_ cpu: CPU, _ pin: Pin) -> Int {
        core.pinsLock.lock(cpu)
        defer { core.pinsLock.unlock(cpu) }
        nextPin += 1
        pinTable[nextPin] = pin
        return nextPin
    }

    /// Takes a handle away: its pin; nil where there is none.
    func takePin(_ cpu: CPU, _ handle: Int) -> Pin? {
        core.pinsLock.lock(cpu)
        defer { core.pinsLock.unlock(cpu) }
        return pinTable.removeValue(forKey: handle)
    }

    /// The handles of a process's pins, oldest first.
    func pins(_ cpu: CPU, of pid: Int) -> [Int] {
        core.pinsLock.lock(cpu)
        defer { core.pinsLock.unlock(cpu) }
        return pinTable.isEmpty ? [] : pinTable.filter { $0.value.pid == pid }.keys.sorted()
    }

    // MARK: Files

    /// Makes a file. Throws ENOMEM.
    func makeFile(_ cpu: CPU, _ kind: FileKind, size: UInt64, path: String) throws(Errno) -> Handle<FileRecord> {
        let record = FileRecord(kind: kind, size: size, inode: nextInode, path: intern(path))
        guard let file = core.files.allocate(cpu, record) else { throw .ENOMEM }
        nextInode += 1
        return file
    }

    /// The file behind every program's `[vdso]`.
    func vdso(_ cpu: CPU) throws(Errno) -> Handle<FileRecord> {
        if let known = namedFiles["[vdso]"] { return known }
        let file = try makeFile(cpu, .special, size: .max, path: "[vdso]")
        namedFiles["[vdso]"] = file
        return file
    }

    func intern(_ text: String) -> UInt32 {
        if let known = stringNumbers[text] { return known }
        let number = UInt32(strings.count)
        strings.append(text)
        stringNumbers[text] = number
        return number
    }

    // MARK: The whole machine

    /// Does what waits for a quiet moment: frees what RCU deferred, gives the host the pages of emptied tables.
    @inline(__always) func afterCall(_ cpu: CPU) {
        core.memory.freeExpired(cpu)
        if core.memory.discardIsDue(cpu) { core.memory.discardEmptyTables(cpu, host) }
    }

    /// Gives the host back the memory of page tables that are empty now, without waiting for many.
    public func discardEmptyTables() { core.memory.discardEmptyTables(cpu(0), host) }

    /// Drops every page of the page cache that nobody maps, and files that only their name kept, and what the other caches
    /// can spare (`/proc/sys/vm/drop_caches` 3).
    public func dropCaches() {
        dropPageCache()
        shrinkAll()
    }

    /// Lets the shrinkers give back all they can: large folios that are mapped in part are split, the huge zero page goes if
    /// nobody maps it (`drop_caches` 2).
    func shrinkAll() {
        core.shrinkSplitQueue(cpu(0))
        core.shrinkHugeZero(cpu(0))
    }

    func dropPageCache() {
        let cpu = cpu(0)
        for path in namedFiles.keys.sorted() {
            guard let file = namedFiles[path] else { continue }
            switch core.files[file].kind {
            case .recorded, .disk: core.dropCache(cpu, file, from: 0, .unused)
            case .memory, .special, .device: break
            }
            if core.files[file].references == 1, core.files[file].kind == .recorded {
                namedFiles[path] = nil
                core.release(cpu, file)
            }
        }
    }

    /// Ends every process, forgets every file's name and drops all caches: afterwards every frame but frame 0 and the
    /// zero page is free, or something leaks.
    public func shutDown() {
        for process in processes { process.main.exit() }
        dropCaches()
        for path in namedFiles.keys.sorted() {
            if let file = namedFiles.removeValue(forKey: path) { core.release(cpu(0), file) }
        }
        for index in 0..<configuration.cpus { core.memory.freeAllDeferred(cpu(index)) }
    }

    /// Frames of simulated memory, and those that nobody holds. Two frames are never free: frame 0 and the zero page.
    public var frames: (total: UInt64, free: UInt64) {
        (UInt64(core.memory.frameCount), core.memory.freeFrames(cpus: configuration.cpus))
    }

    /// Pages promised to programs (Committed_AS).
    public var committedPages: UInt64 { core.committed.loadRelaxed(cpu(0), .counter) }

    /// The most pages that may be promised where `vm.overcommit_memory` is 2 (CommitLimit).
    public var commitLimitPages: UInt64 { core.commitLimit }

    /// The statistics of all CPUs, in a fixed order.
    public var counters: [(name: String, value: UInt64)] {
        Counter.allCases.map { counter in
            var total: UInt64 = 0
            for index in 0..<configuration.cpus { total += cpu(index).value(of: counter) }
            return (counter.label, total)
        }
    }
}

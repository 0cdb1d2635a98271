// What all parts of the memory manager of one machine share: physical memory, the pools of records, the knobs, the
// commit count. All of it handles; the owner is `Machine`, and every address space refers to it.

import Synchronization

/// The shared state of a machine, as the memory manager sees it. A class only so that handing it on copies nothing:
/// every property is constant.
final class MachineCore: Sendable {
    let memory: PhysicalMemory
    let areas: Pool<Area>
    let nodes: Pool<AreaNode>
    let trees: Pool<AreaTreeHead>
    let spaces: Pool<SpaceRecord>
    /// The page tables of each address space; its number is the place here.
    let pageTables: Pool<PageTables>
    let anonVMAs: Pool<AnonVMA>
    let links: Pool<AnonLink>
    let files: Pool<FileRecord>
    let extrasPool: Pool<AreaExtras>
    let userfaults: Pool<UserfaultContext>
    let pins: Pool<PinRecord>
    private let pinLists: Pool<PinList>
    private let pinListRecord: Handle<PinList>
    private let settingsPool: Pool<Settings>
    private let settingsRecord: Handle<Settings>
    /// Pages promised to programs (Committed_AS).
    let committed: Word64
    /// The first frame of the huge zero page; 0 while there is none.
    let hugeZeroWord: Word64
    /// How many address spaces khugepaged has learned of.
    let enrolments: Word64
    /// The frame that every read of untouched anonymous memory maps.
    let zeroFrame: FrameNumber
    let tlbs: TLBs?
    let cpus: Int
    let splitLocks: Bool
    /// What address spaces make of contiguous blocks.
    let folding: FoldPolicy

    /// The knobs.
    @inline(__always) var settings: Settings {
        get { settingsPool[settingsRecord] }
        set { settingsPool[settingsRecord] = newValue }
    }

    /// Guards the list of all pins and their handles.
    var pinsLock: SpinLock { SpinLock(pinLists.word(pinListRecord, offset: 0), .pins) }

    /// The place of the first record of all pins, 0 where there is none; guarded by `pinsLock`.
    var firstPin: UInt32 {
        get { pinLists[pinListRecord].first }
        set { pinLists[pinListRecord].first = newValue }
    }

    /// Puts the parts together and makes the zero page; nil where the host has no room.
    init?(
        host: Host, memory: PhysicalMemory, state: RawState, tlbs: TLBs?, cpus: Int, splitLocks: Bool,
        folding: FoldPolicy, cpu: CPU
    ) {
        guard let areas = Pool<Area>(host: host, capacity: 1 << 22, hasSideWords: true),
            let nodes = Pool<AreaNode>(host: host, capacity: 1 << 20),
            let trees = Pool<AreaTreeHead>(host: host, capacity: 1 << 16),
            let spaces = Pool<SpaceRecord>(host: host, capacity: 1 << 16),
            let pageTables = Pool<PageTables>(host: host, capacity: 1 << 16),
            let anonVMAs = Pool<AnonVMA>(host: host, capacity: 1 << 22),
            let links = Pool<AnonLink>(host: host, capacity: 1 << 23),
            let files = Pool<FileRecord>(host: host, capacity: 1 << 20),
            let extras = Pool<AreaExtras>(host: host, capacity: 1 << 22),
            let userfaults = Pool<UserfaultContext>(host: host, capacity: 1 << 16),
            let pins = Pool<PinRecord>(host: host, capacity: 1 << 22),
            let pinLists = Pool<PinList>(host: host, capacity: 2),
            let pinListRecord = pinLists.allocate(cpu, PinList()),
            let settings = Pool<Settings>(host: host, capacity: 2),
            let record = settings.allocate(cpu, Settings())
        else { return nil }
        self.memory = memory
        self.areas = areas
        self.nodes = nodes
        self.trees = trees
        self.spaces = spaces
        self.pageTables = pageTables
        self.anonVMAs = anonVMAs
        self.links = links
        self.files = files
        extrasPool = extras
        self.userfaults = userfaults
        self.pins = pins
        self.pinLists = pinLists
        self.pinListRecord = pinListRecord
        settingsPool = settings
        settingsRecord = record
        committed = state.committed
        hugeZeroWord = state.hugeZero
        enrolments = state.enrolments
        self.tlbs = tlbs
        self.cpus = cpus
        self.splitLocks = splitLocks
        self.folding = folding
        if cpu.mode == .parallel {
            nodes.share()
            areas.share()
        }
        // Memory that nobody has used yet is zero.
        let zero = memory.allocate(cpu, .unmovable)
        guard !zero.isNone else { return nil }
        memory.initialize(cpu, zero, .zero, flags: 0, references: 1, mappings: 0, mapping: 0, index: 0)
        zeroFrame = zero
    }

    /// The page tables of the address space with a number, which must live.
    func tables(ofSpace number: UInt32) -> PageTables { pageTables[pageTables.handle(at: number)] }

    /// The memory of every pool, in a fixed order.
    var pools: [PoolMemory] {
        [
            areas.memory, nodes.memory, trees.memory, spaces.memory, pageTables.memory, anonVMAs.memory, links.memory,
            files.memory, extrasPool.memory, userfaults.memory, pins.memory, pinLists.memory, settingsPool.memory,
        ]
    }

    /// What the pools hold, in the same order.
    static let poolNames = [
        "areas", "tree nodes", "trees", "address spaces", "page tables", "anon_vmas", "anon_vma links", "files",
        "extras",
        "userfaultfds", "pins", "the list of pins", "settings",
    ]

    /// Gives the pools back to the host.
    func release(to host: Host) {
        for pool in pools { pool.release(to: host) }
    }

    /// Lets the n-th next allocation of a record fail, in every pool; for tests.
    func failRecords(after count: Int) {
        areas.fail(after: count)
        nodes.fail(after: count)
        trees.fail(after: count)
        spaces.fail(after: count)
        anonVMAs.fail(after: count)
        links.fail(after: count)
        files.fail(after: count)
        extrasPool.fail(after: count)
        userfaults.fail(after: count)
        pins.fail(after: count)
    }
}

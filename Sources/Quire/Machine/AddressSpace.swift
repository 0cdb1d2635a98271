// An address space: the areas, the page tables, the locks and the accounts of one program. Its numbers lie in a
// record of the machine's pool and its locks and page-table counters in frames of its own, so that nothing here is
// touched by exclusivity checks and the explorer may switch anywhere. Linux: mm_struct.

/// The numbers of an address space; they change under the mmap lock held for write, but for the first two, which are words that
/// change at any time.
struct SpaceRecord: BitwiseCopyable {
    /// Pages pinned for long (pinned_vm).
    var pinnedPages: UInt64 = 0
    /// Not 0: something was pinned once (MMF_HAS_PINNED).
    fileprivate var everPinned: UInt32 = 0
    /// Whether every area that may is mergeable (prctl PR_SET_MEMORY_MERGE).
    var mergesAll = false
    /// What PR_SET_THP_DISABLE left of huge pages.
    var hugeDisabled = HugeDisabled.no
    var totalPages: UInt64 = 0
    var dataPages: UInt64 = 0
    var stackPages: UInt64 = 0
    var codePages: UInt64 = 0
    /// Pages of locked areas (VmLck), those included that were locked when MREMAP_DONTUNMAP emptied their area.
    var lockedPages: UInt64 = 0
    var strandedLockedPages: UInt64 = 0
    /// The most pages mapped and resident at once, as far as noted (hiwater_vm, hiwater_rss).
    var peakPages: UInt64 = 0
    var peakResident: UInt64 = 0
    var heapStart: UInt64 = 0
    var heapEnd: UInt64 = 0
    /// Flags that every new area gets (mlockall MCL_FUTURE).
    var defaultFlags: AreaFlags = []
    var limits = Limits()

    /// Where the peak stands in the record: calls that hold the mmap lock for read note it, too.
    static let peakResidentOffset = 72

    /// The child of a fork has pinned nothing.
    mutating func forgetPins() {
        pinnedPages = 0
        everPinned = 0
    }
}

/// One address space.
final class AddressSpace {
    let core: MachineCore
    let number: UInt32
    let tables: PageTables
    let areas: AreaTree
    let mmapLock: MmapLock
    private let record: Handle<SpaceRecord>
    private let place: Handle<PageTables>
    private let block: AddressSpaceBlock
    /// Processes that use it (a vfork child borrows its parent's).
    var users = 1

    /// Makes an empty address space; nil where memory is used up. Its number is free again when it has ended.
    init?(_ cpu: CPU, _ core: MachineCore) {
        guard let block = AddressSpaceBlock(cpu, core.memory, cpus: core.cpus) else { return nil }
        guard let record = core.spaces.allocate(cpu, SpaceRecord()) else {
            block.free(cpu)
            return nil
        }
        guard let head = core.trees.allocate(cpu, AreaTreeHead()) else {
            core.spaces.free(cpu, record)
            block.free(cpu)
            return nil
        }
        func tables(owner: UInt32) -> PageTables {
            block.tables(owner: owner, splitLocks: core.splitLocks, folding: core.folding, tlbs: core.tlbs)
        }
        guard let place = core.pageTables.allocate(cpu, tables(owner: 0)) else {
            core.trees.free(cpu, head)
            core.spaces.free(cpu, record)
            block.free(cpu)
            return nil
        }
        self.core = core
        self.block = block
        self.record = record
        // The number is a place in a pool, so that the core finds the tables by it.
        self.place = place
        number = place.index
        self.tables = tables(owner: number)
        core.pageTables[place] = self.tables
        areas = AreaTree(nodes: core.nodes, areas: core.areas, heads: core.trees, head: head)
        mmapLock = MmapLock(block.mmapLockWord, count: block.mmapLockCount)
    }

    /// Gives back what an empty address space still holds. Its areas are gone already.
    func free(_ cpu: CPU) {
        precondition(areas.count == 0, "an address space ends with \(areas.count) areas")
        if core.hasPins { core.orphanPins(cpu, of: number) }
        releaseHugeZero(cpu)
        core.tlbs?.forget(cpu, space: number)
        core.trees.free(cpu, areas.head)
        core.pageTables.free(cpu, place)
        core.spaces.free(cpu, record)
        block.free(cpu)
    }

    var memory: PhysicalMemory { core.memory }

    /// Odd while a fork copies entries: who pinned a page meanwhile without a lock must give it back.
    var forkSequence: SequenceCount { block.forkSequence }

    /// When khugepaged learned of the space, counted from 1; 0 while it has not. Several faults may tell it at once.
    var enrolment: Word64 { block.enrolmentWord }

    /// 1 once the space holds the huge zero page (MMF_HUGE_ZERO_FOLIO).
    var hugeZeroHeld: Word64 { block.hugeZeroWord }

    /// The numbers. A change of one leaves the others alone: some are words.
    @inline(__always) var numbers: SpaceRecord {
        get { core.spaces[record] }
        _modify { yield &core.spaces[record] }
    }

    /// Notes that something is about to be pinned, before it is: the fork that does not see it is seen by the pin
    /// (mm_set_has_pinned_flag).
    func noteHasPinned(_ cpu: CPU) {
        let word = core.spaces.word(record, offset: 8)
        if word.loadRelaxed(cpu, .counter) == 0 { word.store(cpu, 1, .counter) }
    }

    /// Whether something was pinned once: fork must look at each page.
    func hasPinned(_ cpu: CPU) -> Bool { core.spaces.word(record, offset: 8).load(cpu, .counter) != 0 }

    /// Counts pages that are pinned for long, or no longer.
    func countPinned(_ cpu: CPU, pages: Int64) {
        core.spaces.wideWord(record, offset: 0).add(cpu, UInt64(bitPattern: pages), .counter)
    }

    // MARK: Accounts

    /// Resident pages of all kinds.
    var residentPages: UInt64 {
        UInt64(max(0, count(SpaceCounter.anonymous) + count(SpaceCounter.file) + count(SpaceCounter.shared)))
    }

    /// The value of one of the per-CPU counters.
    func count(_ counter: Int) -> Int64 { tables.counters.sum(counter) }

    /// Notes the resident pages before they shrink (update_hiwater_rss).
    func noteResidentPeak() {
        let now = residentPages
        core.spaces.wideWord(record, offset: SpaceRecord.peakResidentOffset).noteMost(now)
    }

    /// Counts pages that were mapped (positive) or unmapped with the flags (vm_stat_account).
    func account(_ flags: AreaFlags, pages: Int64) {
        func add(_ value: inout UInt64) { value = UInt64(bitPattern: Int64(bitPattern: value) &+ pages) }
        add(&core.spaces[record].totalPages)
        if flags.isCode {
            add(&core.spaces[record].codePages)
        } else if flags.isStack {
            add(&core.spaces[record].stackPages)
        } else if flags.isData {
            add(&core.spaces[record].dataPages)
        }
        if core.spaces[record].totalPages > core.spaces[record].peakPages {
            core.spaces[record].peakPages = core.spaces[record].totalPages
        }
    }

    /// Whether `pages` more with these flags stay within the limits (may_expand_vm).
    func mayExpand(_ flags: AreaFlags, pages: UInt64) -> Bool {
        let numbers = numbers
        let (total, overflow) = numbers.totalPages.addingReportingOverflow(pages)
        if overflow || total > numbers.limits.addressSpace.soft >> Page.shift { return false }
        if !flags.isData { return true }
        let data = numbers.dataPages &+ pages
        if data <= numbers.limits.data.soft >> Page.shift { return true }
        // A soft limit of 0 is a wish (Valgrind's) to have only the hard one heeded.
        return numbers.limits.data.soft == 0 && data <= numbers.limits.data.hard >> Page.shift
    }
}

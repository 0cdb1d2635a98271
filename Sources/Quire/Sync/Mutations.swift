// What the core can be explored without: each case is one thing that the memory manager does for the sake of other CPUs. An
// explorer leaves it out and shows what goes wrong; a machine that is not explored leaves nothing out. The place that a case
// stands for asks `cpu.lacks(.case)`. The table of all, with what finds each, is docs/mutations.md.

/// Something the memory manager does for the sake of other CPUs, which an explorer may leave out.
public enum Safeguard: UInt8, CaseIterable, BitwiseCopyable, Sendable {
    // MARK: Empty tables

    /// A single table, where no batch could be had, waits for a grace period before it is freed (tlb_remove_table_one).
    case graceForSingleTable
    /// A batch of tables waits for a grace period before it is freed (tlb_remove_table_free).
    case graceForTables
    /// The zap only tries the PMD's lock, against the lock order.
    case tryLockOfPMD
    /// The zap cuts a table out in passing only if the count of its entries, exact under its lock, is 0.
    case countUnderLock
    /// The slow way looks at all 512 entries again under both locks.
    case secondLookAtEntries
    /// The slow way compares the PMD entry with the one it came by.
    case secondLookAtPMD
    /// Whoever has come to a table without a lock compares the PMD entry after locking it (pte_offset_map_lock).
    case attachedAfterLock
    /// A table that is hung in finds no other in its place: looked at under the lock above.
    case lookBeforeHangingIn

    // MARK: Flush before free

    /// Translations are flushed before the pages of a gather are given back.
    case flushBeforeFree
    /// A flush waits until other CPUs have left the access that they are in (the answer to the interrupt).
    case waitForAccesses
    /// A grace period lasts until every reader of its beginning has left: two epochs, not one.
    case wholeGracePeriod
    /// What is cleared in an entry is what is returned: an exchange, since hardware sets bits in between.
    case exchangeOfEntries
    /// An entry changes in place by compare-and-exchange.
    case compareOfEntries
    /// fork flushes the parent's translations, which allow writing still (flush_tlb_mm in dup_mmap).
    case flushAfterFork
    /// A copy takes the old page's place after its translations have gone (ptep_clear_flush).
    case flushBeforeReplacing

    // MARK: Contiguous blocks

    /// A block is folded and unfolded by break-before-make.
    case breakBeforeMake
    /// A conversion collects accessed and dirty by exchanges.
    case ageOfBlock
    /// Whoever reads an entry of a block without the lock has the whole block agree.
    case wholeBlock

    // MARK: Faults

    /// A page goes where there is none still: looked at under the lock (pte_none after pte_offset_map_lock).
    case noneAfterLock
    /// So do all pages of a large folio.
    case allNoneAfterLock
    /// A page is reused only if its entry is what it was (pte_same in do_wp_page).
    case sameBeforeReuse
    /// A page is replaced by its copy only if its entry is what it was (pte_same in wp_page_copy).
    case sameAfterCopy
    /// A page of a file is made only if the cache has none still, under its lock (filemap_add_folio).
    case lookInCacheUnderLock
    /// The mmap lock held for write becomes one for read without a gap after a stack has grown (mmap_write_downgrade).
    case downgradeOfStack
    /// A page is held while it is copied.
    case heldWhileCopied
    /// A page that has become this mapping's alone meanwhile is not replaced by its copy.
    case exclusiveAfterCopy
    /// A range that is copied holds no page that is this mapping's alone.
    case exclusiveStaysOut
    /// A range that was copied is looked at again under the lock.
    case rangeAfterLock
    /// Entries and references are counted under one lock (`cow.reuse=scan`).
    case scanUnderLock
    /// A large folio's mappings, its owner's and references are compared under the folio's lock (`cow.reuse=owner`).
    case ownerUnderLock

    // MARK: Pins

    /// Who pins without a lock reads the fork sequence again afterwards.
    case forkSequenceAgain
    /// Who pins without a lock does not begin while a fork is at work.
    case noForkAtStart
    /// The address space is known to have pins before it has one (mm_set_has_pinned_flag).
    case pinnedFlagFirst
    /// Who pins without a lock reads the entry again afterwards.
    case entryAfterGrab
    /// No reference is taken to a page that has none (folio_try_get).
    case grabNotFromZero
    /// KSM's way: the entry is out and flushed before pins are looked for.
    case outBeforeSharing
    /// KSM's way looks for pins at all.
    case pinsBeforeSharing
    /// KSM's way flushes translations that allow writing.
    case flushBeforeSharing
    /// Unmapping a folio: each entry is out and flushed before pins are looked for (folio_try_share_anon_rmap_pte).
    case outBeforeUnmapping
    /// Unmapping a folio looks for pins at all.
    case pinsBeforeUnmapping
    /// Unmapping a folio waits for whoever still writes to it.
    case flushBeforeUnmapping
    /// Moving a page by its entries looks for references after the entry is out.
    case countBeforeMoving
    /// A folio moves to other frames only when nobody else has a reference (folio_ref_freeze).
    case countBeforeMigration
    /// A folio is split only when nobody else has a reference.
    case countBeforeSplit

    // MARK: From a folio to its mappings

    /// Under the anon_vma's lock the folio still names it.
    case anonVMAAfterLock
    /// An entry is taken out only if it maps the folio.
    case entryNamesFolio
    /// An entry thaws only if it names the folio that was frozen.
    case frozenNamesFolio

    // MARK: Pages that may be dropped

    /// The background reclaimer looks at a table again under both locks.
    case secondLookInBackground
    /// Whether a page given to MADV_FREE was written since is told by the entry that was taken out, not by one seen before.
    case dirtyAfterOut
    /// Whether somebody holds a page that may be dropped is asked after its entry is out.
    case referencesAfterOut
    /// The background reclaimer flushes what it dropped before it gives the table's lock up.
    case flushBeforeRefault

    // MARK: Flush before another translation can come

    /// Where the machine asks for it (`tlb_flush_before`): before a leaf of 2 MiB takes the place of nothing
    /// (arch_flush_tlb_before_set_huge_page).
    case flushBeforeHugeEntry
    /// The same before a new PTE table does (arch_flush_tlb_before_set_pte_page).
    case flushBeforeTable
    /// The same before a zap gives the PTE table's lock up or cuts the table out.
    case flushInZap

    // MARK: Moving and collapsing

    /// A collapse looks for the table anew under the mmap lock for write, and compares the PMD entry under its lock.
    case secondLookOfCollapse
    /// A page move compares the target's PMD entry after locking the table (move_pages_pte).
    case attachedTarget
    /// mremap holds the mmap lock for write while it moves entries, so that no table of either side can go.
    case mmapLockOfMove

    // MARK: Areas' locks

    /// Whoever changes an area marks it as a writer's (vma_start_write).
    case markByWriter
    /// Whoever marks an area waits for the faults in it first (__vma_enter_locked).
    case waitForFaults
    /// A fault that has locked an area looks whether a writer has marked it (vm_lock_seq against mm_lock_seq).
    case lookAtMark
    /// A fault that has locked an area looks whether it is still the area of its address.
    case secondLookAtArea
    /// The lock of an area that has left the tree stays taken (vma_mark_detached).
    case closeDetached
    /// A fault that needs an anon_vma for its area goes and takes the mmap lock (vmf_anon_prepare).
    case retryForAnonVMA
    /// A fault that must sleep gives up the lock that it holds, and no other (release_fault_lock).
    case dropOfLockHeld
    /// A fault that has locked a page of a file looks whether it is still in the page cache.
    case secondLookAtPage

    // MARK: Sleeping locks

    /// Who goes to sleep for a lock says so in its word first (RWSEM_FLAG_WAITERS).
    case markOfSleeper
    /// It sleeps only if the word is still what it saw (futex's comparison).
    case lookBeforeSleeping
    /// Who gives the lock up wakes who has said so (rwsem_wake).
    case wakeOfSleepers
}

extension CPU {
    /// Whether the machine is explored without something: always false where it is not explored.
    @inline(__always) func lacks(_ safeguard: Safeguard) -> Bool {
        isExplored && isLacking(safeguard)
    }

    @inline(never) private func isLacking(_ safeguard: Safeguard) -> Bool {
        let place = Int(safeguard.rawValue)
        return unsafe state.pointee.lacking[place >> 6] >> UInt64(place & 63) & 1 == 1
    }

    /// Whether a class of sleeping locks is explored in its words: false where nothing is explored.
    @inline(__always) func opens(_ name: SyncName) -> Bool {
        unsafe isExplored && state.pointee.opened >> UInt64(name.rawValue) & 1 == 1
    }

    /// Whether the explorer has turned the locks of a class off.
    @inline(never) func isAblated(_ name: SyncName) -> Bool {
        unsafe state.pointee.ablated >> UInt64(name.rawValue) & 1 == 1
    }
}

/// What may happen or not, as the explorer chooses.
public enum Chance: UInt8, CaseIterable, BitwiseCopyable, Sendable {
    /// A gather's batch of tables cannot be had.
    case batchFails
    /// Somebody waits for the CPU in the middle of a zap.
    case reschedules
    /// The PMD's lock is found taken by the way that only tries it.
    case tryLockFails
    /// A frame cannot be had.
    case allocationFails

    /// What a diagram says where it happens.
    public var label: String {
        switch self {
        case .batchFails: "no memory for a batch of tables"
        case .reschedules: "somebody waits for the CPU"
        case .tryLockFails: "the PMD's lock is taken"
        case .allocationFails: "no memory for a frame"
        }
    }
}

extension CPU {
    /// Whether something happens that may happen: false where the explorer is not asked to choose.
    @inline(__always) func happens(_ chance: Chance) -> Bool { isExplored && isChosen(chance) }

    @inline(never) private func isChosen(_ chance: Chance) -> Bool {
        guard unsafe state.pointee.chances >> UInt64(chance.rawValue) & 1 == 1 else { return false }
        return environment.hook?.happens(chance, on: self) ?? false
    }
}

/// What an exploration leaves out of the core, and what it lets happen.
public struct Omissions: Sendable, Hashable {
    /// Safeguards that the core does without.
    public var safeguards: Set<Safeguard>
    /// Classes of locks that are not taken, and RCU sections or flushes that are not there.
    public var locks: Set<SyncName>

    /// What may happen or not: each costs the bound as much as a preemption.
    public var chances: Set<Chance>
    /// Classes of sleeping locks that are explored in their words: each look at the word is a step of its own, and who waits sleeps
    /// until somebody wakes it. Others are one step, which is possible once the lock is free.
    public var opened: Set<SyncName>

    public init(
        safeguards: Set<Safeguard> = [], locks: Set<SyncName> = [], chances: Set<Chance> = [],
        opened: Set<SyncName> = []
    ) {
        self.safeguards = safeguards
        self.locks = locks
        self.chances = chances
        self.opened = opened
    }

    public static let none = Omissions()

    /// The same, with classes of sleeping locks explored in their words.
    public func opening(_ names: SyncName...) -> Omissions {
        var all = self
        all.opened.formUnion(names)
        return all
    }

    func apply(to state: inout CPUState) {
        state.lacking = InlineArray(repeating: 0)
        state.ablated = 0
        state.chances = 0
        state.opened = 0
        for safeguard in safeguards {
            state.lacking[Int(safeguard.rawValue) >> 6] |= 1 << UInt64(safeguard.rawValue & 63)
        }
        for name in locks { state.ablated |= 1 << UInt64(name.rawValue) }
        for chance in chances { state.chances |= 1 << UInt64(chance.rawValue) }
        for name in opened { state.opened |= 1 << UInt64(name.rawValue) }
    }
}

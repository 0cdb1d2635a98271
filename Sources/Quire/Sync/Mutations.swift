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
    /// A full gather flushes before the table's lock is given up.
    case flushBeforeUnlock
    /// A flush waits until other CPUs have left the access that they are in (the answer to the interrupt).
    case waitForAccesses

    // MARK: Pages that may be dropped

    /// The background reclaimer looks at a table again under both locks.
    case secondLookInBackground
    /// Whether a page given to MADV_FREE was written since is told by the entry that was taken out, not by one seen before.
    case dirtyAfterOut
    /// Whether somebody holds a page that may be dropped is asked after its entry is out.
    case referencesAfterOut
    /// The background reclaimer flushes what it dropped before it gives the table's lock up.
    case flushBeforeRefault
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

    public init(safeguards: Set<Safeguard> = [], locks: Set<SyncName> = [], chances: Set<Chance> = []) {
        self.safeguards = safeguards
        self.locks = locks
        self.chances = chances
    }

    public static let none = Omissions()

    func apply(to state: inout CPUState) {
        state.lacking = InlineArray(repeating: 0)
        state.ablated = 0
        state.chances = 0
        for safeguard in safeguards {
            state.lacking[Int(safeguard.rawValue) >> 6] |= 1 << UInt64(safeguard.rawValue & 63)
        }
        for name in locks { state.ablated |= 1 << UInt64(name.rawValue) }
        for chance in chances { state.chances |= 1 << UInt64(chance.rawValue) }
    }
}

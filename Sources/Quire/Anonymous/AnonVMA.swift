// The reverse map of anonymous memory: an anon_vma stands for "pages first written in this area or its copies", and
// a link ties an area to each anon_vma that may hold its pages (its own, and those of its ancestors across fork).
// An anonymous frame names its anon_vma; from there all areas that may map it are found.
//
// Locking: an anon_vma's list of links and its counts of areas and children change under the lock of its root (`anon_vma`),
// which is held over all of an area's ties at once; an area's chain changes under the mmap lock held for write, or for read
// with `page_table_lock` for the first link. References are counted by themselves: the root's record must outlive whoever
// still holds the lock in it, so nobody drops one under that lock that may be the last.
// Linux: anon_vma, anon_vma_chain.

/// An anon_vma.
struct AnonVMA: BitwiseCopyable {
    /// The first and the last link in its list: areas in the order in which they came or last changed their bounds. A record that
    /// was freed has its pool's link in place of the first.
    var firstLink: UInt32 = 0
    /// Links to it, its descendants if it is a root, and whoever holds it for a moment; 0 in a record that was freed.
    var references: UInt32 = 0
    /// The lock word; used in the root alone. Not first: a change of any field counts as one of the record's first byte with
    /// the thread sanitizer, and those who wait look at the lock meanwhile.
    var lock: UInt32 = 0
    var root: Handle<AnonVMA> = .none
    var parent: Handle<AnonVMA> = .none
    /// Areas whose own anon_vma this is.
    var areas: UInt32 = 0
    /// Anon_vmas made from it by fork; its own self counts.
    var children: UInt32 = 0
    var lastLink: UInt32 = 0

    static let lastLinkOffset = 36
}

/// A tie between an area and an anon_vma.
struct AnonLink: BitwiseCopyable {
    var area: Handle<Area>
    var anonVMA: Handle<AnonVMA>
    var nextOfArea: UInt32 = 0
    var nextOfAnon: UInt32 = 0
    var previousOfAnon: UInt32 = 0
}

extension MachineCore {
    /// The lock of an anon_vma's tree.
    func lock(of anonVMA: Handle<AnonVMA>) -> RWSemaphore {
        RWSemaphore(anonVMAs.word(anonVMAs[anonVMA].root, offset: 8), .anonVMA)
    }

    private func references(of anonVMA: Handle<AnonVMA>) -> Word32 { anonVMAs.word(anonVMA, offset: 4) }

    /// Keeps an anon_vma that has a link, or is held, from being freed.
    func holdAnonVMA(_ cpu: CPU, _ anonVMA: Handle<AnonVMA>) { references(of: anonVMA).add(cpu, 1, .refcount) }

    /// Holds the anon_vma whose record is at a place this moment, if one is there: it may be another than was meant, and the
    /// caller looks again (atomic_inc_not_zero in folio_lock_anon_vma_read). None: the record was freed.
    func tryHoldAnonVMA(_ cpu: CPU, at place: UInt32) -> Handle<AnonVMA> {
        let references = anonVMAs.word(at: place, offset: 4)
        while true {
            let now = references.load(cpu, .refcount)
            guard now != 0 else { return .none }
            // From here on the record stays what it is.
            if references.replace(cpu, now, with: now &+ 1, .refcount) { return anonVMAs.handle(at: place) }
        }
    }

    /// Drops a reference; the last one frees the record, and then the root may be free to go. Where it may be the last, the
    /// root's lock is not held.
    func dropReference(_ cpu: CPU, _ anonVMA: Handle<AnonVMA>) {
        let root = anonVMAs[anonVMA].root
        guard references(of: anonVMA).subtract(cpu, 1, .refcount) == 0 else { return }
        anonVMAs.free(cpu, anonVMA)
        if root != anonVMA { dropReference(cpu, root) }
    }

    /// Gives an area an anon_vma before its first anonymous page: a neighbour's if they could merge one day, else a
    /// new one. Faults of other CPUs may come to the same; the first one under `page_table_lock` decides. False where
    /// memory is used up. (__anon_vma_prepare)
    fileprivate func prepareAnonVMA(
        _ cpu: CPU, _ area: Handle<Area>, in tree: AreaTree, _ pageTableLock: SpinLock
    ) -> Bool {
        // A neighbour may be getting its own just now: a handle is two words.
        pageTableLock.lock(cpu)
        let shared = reusableNeighbour(area, in: tree)
        pageTableLock.unlock(cpu)
        guard let anonVMA = shared ?? makeAnonVMA(cpu) else { return false }
        defer { if shared == nil { dropReference(cpu, anonVMA) } }
        guard let made = links.allocate(cpu, AnonLink(area: area, anonVMA: anonVMA)) else { return false }
        let lock = lock(of: anonVMA)
        lock.writeLock(cpu)
        pageTableLock.lock(cpu)
        let isFirst = areas[area].anonVMA.isNone
        if isFirst {
            hang(cpu, made)
            anonVMAs[anonVMA].areas += 1
            // Faults look without that lock whether there is one.
            areas.publish(at: area.index, offset: Area.anonVMAOffset + 4, anonVMA.generation)
            areas.publish(at: area.index, offset: Area.anonVMAOffset, anonVMA.index)
        }
        pageTableLock.unlock(cpu)
        lock.writeUnlock(cpu)
        if !isFirst { links.free(cpu, made) }
        return true
    }

    /// A fresh anon_vma, its own root, with one reference held by the caller.
    private func makeAnonVMA(_ cpu: CPU) -> Handle<AnonVMA>? {
        guard let made = anonVMAs.allocate(cpu, AnonVMA()) else { return nil }
        anonVMAs[made].root = made
        anonVMAs[made].parent = made
        anonVMAs[made].children = 1
        references(of: made).store(cpu, 1, .refcount)
        return made
    }

    /// Ties an area to an anon_vma; the lock of the tree is held for write. False where memory is used up.
    private func link(_ cpu: CPU, _ area: Handle<Area>, _ anonVMA: Handle<AnonVMA>) -> Bool {
        guard let made = links.allocate(cpu, AnonLink(area: area, anonVMA: anonVMA)) else { return false }
        hang(cpu, made)
        return true
    }

    /// Puts a link into its area's chain and its anon_vma's list; the lock of the tree is held for write.
    private func hang(_ cpu: CPU, _ link: Handle<AnonLink>) {
        let area = links[link].area
        append(link)
        holdAnonVMA(cpu, links[link].anonVMA)
        links[link].nextOfArea = areas[area].chain
        areas.publish(at: area.index, offset: Area.chainOffset, link.index)
    }

    private func append(_ link: Handle<AnonLink>) {
        // Last: a fork copies from parent to child, and a walk must not have passed the child when it does.
        let anonVMA = links[link].anonVMA
        let last = anonVMAs[anonVMA].lastLink
        links[link].previousOfAnon = last
        links[link].nextOfAnon = 0
        if last == 0 {
            anonVMAs[anonVMA].firstLink = link.index
        } else {
            links[links.handle(at: last)].nextOfAnon = link.index
        }
        setLastLink(anonVMA, link.index)
    }

    private func setLastLink(_ anonVMA: Handle<AnonVMA>, _ link: UInt32) {
        anonVMAs.publish(at: anonVMA.index, offset: AnonVMA.lastLinkOffset, link)
    }

    private func remove(_ link: AnonLink) {
        if link.previousOfAnon == 0 {
            anonVMAs[link.anonVMA].firstLink = link.nextOfAnon
        } else {
            links[links.handle(at: link.previousOfAnon)].nextOfAnon = link.nextOfAnon
        }
        if link.nextOfAnon == 0 {
            setLastLink(link.anonVMA, link.previousOfAnon)
        } else {
            links[links.handle(at: link.nextOfAnon)].previousOfAnon = link.previousOfAnon
        }
    }

    /// An area's bounds have changed: its links go to the ends of their lists. Walks of a folio's mappings come to it later,
    /// as Linux's do, which takes it out of its trees and puts it back (anon_vma_interval_tree_post_update_vma).
    func rehang(_ cpu: CPU, _ area: Handle<Area>) {
        var at = links.handle(at: areas[area].chain)
        while !at.isNone {
            let anonVMA = links[at].anonVMA
            // Without the lock: where it is last it comes after all others, whoever comes behind it now.
            if anonVMAs.peekHalf(at: anonVMA.index, offset: AnonVMA.lastLinkOffset) != at.index {
                let lock = lock(of: anonVMA)
                lock.writeLock(cpu)
                remove(links[at])
                append(at)
                lock.writeUnlock(cpu)
            }
            at = links.handle(at: links[at].nextOfArea)
        }
    }

    /// Takes a link out for good; an anon_vma without any is no child of its parent any more. The lock of the tree is held for
    /// write.
    private func unhang(_ link: AnonLink) {
        let anonVMA = link.anonVMA
        remove(link)
        let parent = anonVMAs[anonVMA].parent
        if anonVMAs[anonVMA].firstLink == 0, parent != anonVMA {
            anonVMAs[parent].children -= 1
            anonVMAs[anonVMA].parent = anonVMA
        }
    }

    /// Ties `target` to everything that `source` is tied to (anon_vma_clone). A fork's copy may take over an anon_vma that no
    /// area uses any more, another copy gets its source's own. The lock of the tree is held for write. False where memory is
    /// used up: the caller cuts what has been tied.
    private func cloneLinks(
        _ cpu: CPU, from source: Handle<Area>, to target: Handle<Area>, forking: Bool
    ) -> Bool {
        var order = links.handle(at: areas[source].chain)
        // The oldest ancestor is last in the chain; tie it first, so that the copy has the same order.
        var reversed: UInt32 = 0
        while !order.isNone {
            let next = links[order].nextOfArea
            links[order].nextOfArea = reversed
            reversed = order.index
            order = links.handle(at: next)
        }
        let own = areas[source].anonVMA
        var restored: UInt32 = 0
        var succeeded = true
        var taken: Handle<AnonVMA> = forking ? .none : own
        var at = links.handle(at: reversed)
        while !at.isNone {
            let next = links[at].nextOfArea
            let anonVMA = links[at].anonVMA
            if succeeded { succeeded = link(cpu, target, anonVMA) }
            if forking, taken.isNone, anonVMA != own, anonVMAs[anonVMA].areas == 0, anonVMAs[anonVMA].children < 2 {
                taken = anonVMA
            }
            links[at].nextOfArea = restored
            restored = at.index
            at = links.handle(at: next)
        }
        areas[source].chain = restored
        guard succeeded else { return false }
        areas[target].anonVMA = taken
        if !taken.isNone { anonVMAs[taken].areas += 1 }
        return true
    }

    /// Ties `target` to everything that `source` is tied to and gives it the same anon_vma. False, with nothing tied, where
    /// memory is used up.
    func shareAnonVMA(_ cpu: CPU, from source: Handle<Area>, to target: Handle<Area>) -> Bool {
        let chain = areas[source].chain
        if chain == 0 { return true }
        let lock = lock(of: links[links.handle(at: chain)].anonVMA)
        lock.writeLock(cpu)
        let succeeded = cloneLinks(cpu, from: source, to: target, forking: false)
        lock.writeUnlock(cpu)
        if !succeeded { unlinkAll(cpu, target) }
        return succeeded
    }

    /// Ties a child's copy of an area to the parent's anon_vmas and gives it one of its own (anon_vma_fork). False, with
    /// nothing tied, where memory is used up.
    func forkAnonVMA(_ cpu: CPU, from source: Handle<Area>, to target: Handle<Area>) -> Bool {
        let parent = areas[source].anonVMA
        guard !parent.isNone else { return true }
        let lock = lock(of: parent)
        lock.writeLock(cpu)
        var succeeded = cloneLinks(cpu, from: source, to: target, forking: true)
        if succeeded, areas[target].anonVMA.isNone { succeeded = makeChild(cpu, of: parent, for: target) }
        lock.writeUnlock(cpu)
        if !succeeded { unlinkAll(cpu, target) }
        return succeeded
    }

    /// Gives an area an anon_vma of its own below its parent's; the lock of the tree is held for write.
    private func makeChild(_ cpu: CPU, of parent: Handle<AnonVMA>, for target: Handle<Area>) -> Bool {
        guard let own = makeAnonVMA(cpu) else { return false }
        guard link(cpu, target, own) else {
            dropReference(cpu, own)
            return false
        }
        let root = anonVMAs[parent].root
        anonVMAs[own].root = root
        anonVMAs[own].parent = parent
        anonVMAs[own].children = 0
        holdAnonVMA(cpu, root)
        anonVMAs[parent].children += 1
        areas[target].anonVMA = own
        anonVMAs[own].areas += 1
        // The link's reference is left.
        dropReference(cpu, own)
        return true
    }

    /// Cuts all of an area's ties (unlink_anon_vmas).
    func unlinkAll(_ cpu: CPU, _ area: Handle<Area>) {
        let chain = areas[area].chain
        if chain == 0 { return }
        let lock = lock(of: links[links.handle(at: chain)].anonVMA)
        lock.writeLock(cpu)
        let own = areas[area].anonVMA
        if !own.isNone {
            anonVMAs[own].areas -= 1
            areas[area].anonVMA = .none
        }
        // Newest first: an anon_vma leaves its parent before the parent's own link goes.
        var at = links.handle(at: chain)
        while !at.isNone {
            let link = links[at]
            unhang(link)
            at = links.handle(at: link.nextOfArea)
        }
        areas[area].chain = 0
        lock.writeUnlock(cpu)
        at = links.handle(at: chain)
        while !at.isNone {
            let link = links[at]
            links.free(cpu, at)
            dropReference(cpu, link.anonVMA)
            at = links.handle(at: link.nextOfArea)
        }
    }

    /// Whether an area has an anon_vma, for a fault beside others that may be giving it its first: whoever sees it sees all of it.
    @inline(__always) func hasAnonVMA(_ area: Handle<Area>) -> Bool {
        areas.peekHalf(at: area.index, offset: Area.anonVMAOffset) != 0
    }

    /// Whether an area came from a fork: tied to more than one anon_vma (vma_is_fork_child).
    func isForked(_ area: Handle<Area>) -> Bool {
        let chain = areas[area].chain
        return chain != 0 && links[links.handle(at: chain)].nextOfArea != 0
    }

    // MARK: Sharing with neighbours

    private func reusableNeighbour(_ area: Handle<Area>, in tree: AreaTree) -> Handle<AnonVMA>? {
        let above = tree.after(area)
        if !above.isNone, let found = reusable(self.area(area), self.area(above), from: above) { return found }
        let below = tree.before(areas[area].start)
        if !below.isNone, let found = reusable(self.area(below), self.area(area), from: below) { return found }
        return nil
    }

    /// The anon_vma of one of two adjacent areas, if they differ only in what mprotect can make equal.
    private func reusable(_ low: Area, _ high: Area, from owner: Handle<Area>) -> Handle<AnonVMA>? {
        let rights = AreaFlags.rights
        guard low.end == high.start, low.file == high.file, low.kind == high.kind,
            low.extras == high.extras || extras(low.extras).policy == extras(high.extras).policy,
            low.flags.subtracting(rights) == high.flags.subtracting(rights),
            high.pageOffset == low.pageOffset &+ low.pages
        else { return nil }
        guard !areas[owner].anonVMA.isNone, !isForked(owner) else { return nil }
        return areas[owner].anonVMA
    }
}

extension AddressSpace {
    /// Gives an area an anon_vma if it has none yet. False where memory is used up.
    @inline(__always)
    func prepareAnonVMA(_ cpu: CPU, _ area: Handle<Area>) -> Bool {
        core.hasAnonVMA(area) || makeAnonVMA(cpu, area)
    }

    @inline(never)
    private func makeAnonVMA(_ cpu: CPU, _ area: Handle<Area>) -> Bool {
        core.prepareAnonVMA(cpu, area, in: areas, tables.pageTableLock)
    }
}

// The reverse map of anonymous memory: an anon_vma stands for "pages first written in this area or its copies", and
// a link ties an area to each anon_vma that may hold its pages (its own, and those of its ancestors across fork).
// An anonymous frame names its anon_vma; from there all areas that may map it are found.
//
// Locking: an anon_vma's list of links changes under the lock of its root (`anon_vma`), an area's chain under the
// mmap lock held for write, or for read with `page_table_lock` for the first one. Linux: anon_vma, anon_vma_chain.

/// An anon_vma.
struct AnonVMA: BitwiseCopyable {
    /// The lock word; used in the root alone.
    var lock: UInt32 = 0
    var root: Handle<AnonVMA> = .none
    var parent: Handle<AnonVMA> = .none
    /// Links to it, plus children.
    var references: UInt32 = 0
    /// Areas whose own anon_vma this is.
    var areas: UInt32 = 0
    /// Anon_vmas made from it by fork; its own self counts.
    var children: UInt32 = 0
    /// The first and the last link in its list: areas in the order in which they came or last changed their bounds.
    var firstLink: UInt32 = 0
    var lastLink: UInt32 = 0
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
        RWSemaphore(anonVMAs.word(anonVMAs[anonVMA].root, offset: 0), .anonVMA)
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
            hang(made)
            anonVMAs[anonVMA].areas += 1
            areas[area].anonVMA = anonVMA
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
        anonVMAs[made].references = 1
        anonVMAs[made].children = 1
        return made
    }

    /// Ties an area to an anon_vma. False where memory is used up.
    func link(_ cpu: CPU, _ area: Handle<Area>, _ anonVMA: Handle<AnonVMA>) -> Bool {
        guard let made = links.allocate(cpu, AnonLink(area: area, anonVMA: anonVMA)) else { return false }
        let lock = lock(of: anonVMA)
        lock.writeLock(cpu)
        hang(made)
        lock.writeUnlock(cpu)
        return true
    }

    /// Puts a link into its area's chain and its anon_vma's list; the lock of the tree is held for write.
    private func hang(_ link: Handle<AnonLink>) {
        let area = links[link].area
        append(link)
        anonVMAs[links[link].anonVMA].references += 1
        links[link].nextOfArea = areas[area].chain
        areas[area].chain = link.index
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
        anonVMAs[anonVMA].lastLink = link.index
    }

    private func remove(_ link: AnonLink) {
        if link.previousOfAnon == 0 {
            anonVMAs[link.anonVMA].firstLink = link.nextOfAnon
        } else {
            links[links.handle(at: link.previousOfAnon)].nextOfAnon = link.nextOfAnon
        }
        if link.nextOfAnon == 0 {
            anonVMAs[link.anonVMA].lastLink = link.previousOfAnon
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
            if anonVMAs[anonVMA].lastLink != at.index {
                let lock = lock(of: anonVMA)
                lock.writeLock(cpu)
                remove(links[at])
                append(at)
                lock.writeUnlock(cpu)
            }
            at = links.handle(at: links[at].nextOfArea)
        }
    }

    /// Ties `target` to everything that `source` is tied to (anon_vma_clone). A fork's copy may take over an
    /// anon_vma that no area uses any more. False, with nothing tied, where memory is used up.
    func cloneLinks(_ cpu: CPU, from source: Handle<Area>, to target: Handle<Area>, forking: Bool) -> Bool {
        var order = links.handle(at: areas[source].chain)
        // The oldest ancestor is last in the chain; tie it first, so that the copy has the same order.
        var reversed: UInt32 = 0
        while !order.isNone {
            let next = links[order].nextOfArea
            links[order].nextOfArea = reversed
            reversed = order.index
            order = links.handle(at: next)
        }
        var restored: UInt32 = 0
        var succeeded = true
        var at = links.handle(at: reversed)
        while !at.isNone {
            let next = links[at].nextOfArea
            let anonVMA = links[at].anonVMA
            if succeeded { succeeded = link(cpu, target, anonVMA) }
            if succeeded, forking, areas[target].anonVMA.isNone, anonVMA != areas[source].anonVMA,
                anonVMAs[anonVMA].areas == 0, anonVMAs[anonVMA].children < 2
            {
                areas[target].anonVMA = anonVMA
            }
            links[at].nextOfArea = restored
            restored = at.index
            at = links.handle(at: next)
        }
        areas[source].chain = restored
        guard succeeded else {
            areas[target].anonVMA = .none
            unlinkAll(cpu, target)
            return false
        }
        if !areas[target].anonVMA.isNone { anonVMAs[areas[target].anonVMA].areas += 1 }
        return true
    }

    /// Ties `target` to everything that `source` is tied to and gives it the same anon_vma. False, with nothing tied, where
    /// memory is used up.
    func shareAnonVMA(_ cpu: CPU, from source: Handle<Area>, to target: Handle<Area>) -> Bool {
        let own = areas[source].anonVMA
        if own.isNone, areas[source].chain == 0 { return true }
        guard cloneLinks(cpu, from: source, to: target, forking: false) else { return false }
        guard !own.isNone else { return true }
        areas[target].anonVMA = own
        anonVMAs[own].areas += 1
        return true
    }

    /// Ties a child's copy of an area to the parent's anon_vmas and gives it one of its own (anon_vma_fork).
    func forkAnonVMA(_ cpu: CPU, from source: Handle<Area>, to target: Handle<Area>) -> Bool {
        let parent = areas[source].anonVMA
        guard !parent.isNone else { return true }
        guard cloneLinks(cpu, from: source, to: target, forking: true) else { return false }
        guard areas[target].anonVMA.isNone else { return true }
        guard let own = makeAnonVMA(cpu) else {
            unlinkAll(cpu, target)
            return false
        }
        anonVMAs[own].root = anonVMAs[parent].root
        anonVMAs[own].parent = parent
        anonVMAs[own].children = 0
        anonVMAs[anonVMAs[own].root].references += 1
        guard link(cpu, target, own) else {
            anonVMAs[own].parent = own
            dropReference(cpu, own)
            unlinkAll(cpu, target)
            return false
        }
        dropReference(cpu, own)
        anonVMAs[parent].children += 1
        areas[target].anonVMA = own
        anonVMAs[own].areas += 1
        return true
    }

    /// Cuts all of an area's ties (unlink_anon_vmas).
    func unlinkAll(_ cpu: CPU, _ area: Handle<Area>) {
        let own = areas[area].anonVMA
        if !own.isNone {
            anonVMAs[own].areas -= 1
            areas[area].anonVMA = .none
        }
        var at = links.handle(at: areas[area].chain)
        areas[area].chain = 0
        while !at.isNone {
            let link = links[at]
            let lock = lock(of: link.anonVMA)
            lock.writeLock(cpu)
            remove(link)
            let becameEmpty = anonVMAs[link.anonVMA].firstLink == 0
            lock.writeUnlock(cpu)
            if becameEmpty, anonVMAs[link.anonVMA].parent != link.anonVMA {
                anonVMAs[anonVMAs[link.anonVMA].parent].children -= 1
                anonVMAs[link.anonVMA].parent = link.anonVMA
            }
            links.free(cpu, at)
            dropReference(cpu, link.anonVMA)
            at = links.handle(at: link.nextOfArea)
        }
    }

    func dropReference(_ cpu: CPU, _ anonVMA: Handle<AnonVMA>) {
        anonVMAs[anonVMA].references -= 1
        guard anonVMAs[anonVMA].references == 0 else { return }
        let root = anonVMAs[anonVMA].root
        anonVMAs.free(cpu, anonVMA)
        if root != anonVMA { dropReference(cpu, root) }
    }

    /// Whether an area came from a fork: tied to more than one anon_vma (vma_is_fork_child).
    func isForked(_ area: Handle<Area>) -> Bool {
        let chain = areas[area].chain
        return chain != 0 && links[links.handle(at: chain)].nextOfArea != 0
    }

    // MARK: Sharing with neighbours

    private func reusableNeighbour(_ area: Handle<Area>, in tree: AreaTree) -> Handle<AnonVMA>? {
        let above = tree.after(area)
        if !above.isNone, let found = reusable(areas[area], areas[above], from: above) { return found }
        let below = tree.before(areas[area].start)
        if !below.isNone, let found = reusable(areas[below], areas[area], from: below) { return found }
        return nil
    }

    /// The anon_vma of one of two adjacent areas, if they differ only in what mprotect can make equal.
    private func reusable(_ low: Area, _ high: Area, from owner: Handle<Area>) -> Handle<AnonVMA>? {
        let rights: AreaFlags = .rights.union(.sticky)
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
        !core.areas[area].anonVMA.isNone || makeAnonVMA(cpu, area)
    }

    @inline(never)
    private func makeAnonVMA(_ cpu: CPU, _ area: Handle<Area>) -> Bool {
        core.prepareAnonVMA(cpu, area, in: areas, tables.pageTableLock)
    }
}

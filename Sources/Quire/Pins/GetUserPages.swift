// Getting at a program's pages the slow way: under the mmap lock, page by page, faulting in what is not there. A page to
// be pinned for reading that might be shared is first made exclusive ("unshare"), so that no later write fault replaces
// it. Nothing got is an error in every case but FOLL_NOWAIT.
// Linux: __get_user_pages, check_vma_flags, follow_page_pte, gup_must_unshare, can_follow_write_pte, faultin_page.

/// One page, or what must happen first.
private enum Followed {
    case page(FrameNumber)
    case fault(Access)
    case refused
}

/// What a call comes to for one page.
enum GrabbedPage: BitwiseCopyable {
    case page(FrameNumber)
    /// It would have to wait, and FOLL_NOWAIT forbids it.
    case blocked
}

extension AddressSpace {
    /// Takes references or pins of `count` pages from `start` on; hands each to `body`. Returns how many; fewer where
    /// something stopped it, and 0 only under FOLL_NOWAIT. Throws EFAULT, ENOMEM, EOPNOTSUPP, EHWPOISON, or what stopped the
    /// first. The mmap lock is held for read.
    func followPages(
        _ cpu: CPU, _ start: UInt64, count: Int, _ flags: FollowFlags, _ body: (UInt64, FrameNumber) -> Void
    ) throws(Errno) -> Int {
        if flags.contains(.pin) { noteHasPinned(cpu) }
        var got = 0
        while got < count {
            let page = start &+ UInt64(got) << Page.shift
            do throws(Errno) {
                guard case .page(let frame) = try followOne(cpu, page, flags) else { return got }
                body(page, frame)
                got += 1
            } catch {
                if got == 0 { throw error }
                return got
            }
        }
        return got
    }

    /// One page, grabbed. The mmap lock is held for read.
    func followOne(_ cpu: CPU, _ page: UInt64, _ flags: FollowFlags) throws(Errno) -> GrabbedPage {
        let area = areas.find(page)
        guard !area.isNone, core.areas[area].start <= page else { throw .EFAULT }
        try checkArea(core.area(area), flags)
        while true {
            switch follow(cpu, area, page, flags) {
            case .page(let frame): return .page(frame)
            case .refused: throw .EFAULT
            case .fault(let access):
                guard !flags.contains(.noFault) else { throw .EFAULT }
                let mayWait = !flags.contains(.noWait)
                let outcome = serve(
                    cpu, FaultContext(area: area, address: page, access: access, mayWait: mayWait))
                countFault(cpu, outcome)
                switch outcome {
                case .done, .retry, .lockReleased: continue
                case .blocked where !mayWait: return .blocked
                case .blocked: continue
                case .outOfMemory: throw .ENOMEM
                case .signal(.busHardwareError, _) where flags.contains(.hardwarePoison): throw .EHWPOISON
                case .signal: throw .EFAULT
                }
            }
        }
    }

    /// Whether an area's rights allow what is asked (check_vma_flags).
    func checkArea(_ area: Area, _ flags: FollowFlags) throws(Errno) {
        guard area.flags.isDisjoint(with: [.io, .pfnMap]) else { throw .EFAULT }
        if flags.contains(.anonymous), !area.isAnonymous { throw .EFAULT }
        if flags.contains(.longTerm), area.kind == .driver, core.files[area.file].abilities.contains(.dax) {
            throw .EOPNOTSUPP
        }
        if flags.contains([.longTerm, .write]), area.kind == .file, area.flags.contains([.shared, .write]) {
            throw .EFAULT
        }
        if flags.contains(.write) {
            if area.flags.contains(.write) { return }
            guard flags.contains(.force), area.flags.isCopyOnWrite else { throw .EFAULT }
        } else if !area.flags.contains(.read) {
            guard flags.contains(.force), area.flags.contains(.mayRead) else { throw .EFAULT }
        }
    }

    /// Looks at what is mapped at a page, under its lock, and grabs it.
    private func follow(_ cpu: CPU, _ area: Handle<Area>, _ page: UInt64, _ flags: FollowFlags) -> Followed {
        memory.rcu.enter(cpu)
        defer { memory.rcu.exit(cpu) }
        if let leaf = tables.leaf(cpu, page) {
            if flags.contains(.splitLeaves) {
                splitLeaf(cpu, area, at: page)
                return follow(cpu, area, page, flags)
            }
            guard let entry = tables.lockLeaf(cpu, leaf) else { return .fault(.read) }
            defer { tables.pmdLock(leaf.pmdTable).unlock(cpu) }
            let head = tables.format.frame(entry)
            let frame = memory.page(head, tables.format.index(page, level: 0))
            let followed = examine(cpu, area, entry, frame, exclusiveIn: head, flags)
            if case .page = followed, flags.contains(.touch), memory.kind(cpu, frame) != .zero {
                // Hardware may set bits at the same time: none is lost (touch_pmd).
                tables.change(cpu, leaf.pmdTable, leaf.index) { now in
                    let used = tables.format.used(now)
                    return flags.contains(.write) ? tables.format.dirtied(used) : used
                }
            }
            return followed
        }
        let missing = Followed.fault(flags.contains(.write) ? .write : .read)
        // Where nobody has written anything, a dump has nothing to write either (no_page_table).
        let none = flags.contains(.dump) && core.areas[area].isAnonymous ? Followed.refused : missing
        let position = tables.position(cpu, page)
        guard !position.table.isNone else { return none }
        guard tables.lockIfAttached(cpu, position, page) else { return missing }
        defer { tables.pteLock(position.table).unlock(cpu) }
        let entry = tables.load(cpu, position.table, tables.format.index(page, level: 0))
        if entry.isNone { return none }
        guard tables.format.isPresent(entry) else { return missing }
        let frame = tables.format.frame(entry)
        let followed = examine(cpu, area, entry, frame, exclusiveIn: frame, flags)
        if case .page = followed, flags.contains(.touch), memory.kind(cpu, frame) != .zero {
            // The entry may be changing under the hardware's hands: the folio is told instead.
            let head = memory.head(cpu, frame)
            if flags.contains(.write), !tables.format.isDirty(entry) {
                memory.flags(head).set(cpu, bits: FrameFlags.dirty, .frameFlags)
            }
            memory.markAccessed(cpu, head)
        }
        return followed
    }

    private func examine(
        _ cpu: CPU, _ area: Handle<Area>, _ entry: Entry, _ frame: FrameNumber, exclusiveIn owner: FrameNumber,
        _ flags: FollowFlags
    ) -> Followed {
        let format = tables.format
        let record = core.area(area)
        let isExclusive = memory.has(cpu, owner, FrameFlags.anonExclusive)
        // PROT_NONE entries are present, and nobody's to read but by force.
        if flags.contains(.write), !format.isWritable(entry) {
            let isForced =
                flags.contains(.force) && !record.flags.contains(.write) && record.flags.isCopyOnWrite
                && memory.kind(cpu, frame) == .anonymous && isExclusive
            guard isForced else { return .fault(.write) }
        }
        if memory.kind(cpu, frame) == .zero, flags.contains(.dump) { return .refused }
        if mustUnshare(cpu, frame, isExclusive, flags, isCopyOnWrite: record.flags.isCopyOnWrite) {
            return .fault(.unshare)
        }
        // A writable entry of an anonymous page says that the page is this mapping's alone (follow_page_pte).
        precondition(
            isExclusive || memory.kind(cpu, frame) != .anonymous || flags.isDisjoint(with: [.pin, .write]),
            "an anonymous page that may be shared is pinned or written")
        memory.grab(cpu, frame, flags)
        return .page(frame)
    }

    /// Whether a page must become this mapping's alone before it is pinned for reading (gup_must_unshare).
    func mustUnshare(
        _ cpu: CPU, _ frame: FrameNumber, _ isExclusive: Bool, _ flags: FollowFlags, isCopyOnWrite: Bool
    ) -> Bool {
        guard flags.contains(.pin), !flags.contains(.write) else { return false }
        if memory.kind(cpu, frame) == .anonymous { return !isExclusive }
        return flags.contains(.longTerm) && isCopyOnWrite
    }
}

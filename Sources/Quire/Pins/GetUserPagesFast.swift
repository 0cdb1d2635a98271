// Getting at pages without any lock: inside an access section, where no table can be freed, an entry is read, its page
// grabbed, and the entry read again. A fork that ran meanwhile may have made the page shared: the address space's fork
// sequence tells, and then everything is given back. What cannot be had this way goes the slow way.
// Linux: gup_fast, gup_fast_pte_range, gup_fast_pmd_leaf, write_protect_seq.

extension AddressSpace {
    /// Grabs pages from `start` on as far as it goes without a lock; hands each to `body`, which runs inside the access section
    /// and takes no lock either. Returns how many. Where a fork ran meanwhile, `undo` gives all of them back and it returns 0.
    func followFast(
        _ cpu: CPU, _ start: UInt64, count: Int, _ flags: FollowFlags, _ body: (UInt64, FrameNumber) -> Void,
        undo: () -> Void
    ) -> Int {
        // Force and the kind of area are questions for the slow way.
        guard flags.isDisjoint(with: [.force, .dump, .anonymous, .splitLeaves]) else { return 0 }
        let isPin = flags.contains(.pin)
        if isPin, !cpu.lacks(.pinnedFlagFirst) { noteHasPinned(cpu) }
        let begun = forkSequence.peek(cpu)
        if isPin, begun & 1 == 1, !cpu.lacks(.noForkAtStart) { return 0 }
        var got = 0
        memory.accesses.enter(cpu)
        while got < count {
            let page = start &+ UInt64(got) << Page.shift
            guard let frame = grabFast(cpu, page, flags) else { break }
            body(page, frame)
            got += 1
        }
        memory.accesses.exit(cpu)
        if isPin, got > 0, !cpu.lacks(.forkSequenceAgain), forkSequence.mustRetry(cpu, begun) {
            undo()
            return 0
        }
        if isPin, cpu.lacks(.pinnedFlagFirst) { noteHasPinned(cpu) }
        return got
    }

    private func grabFast(_ cpu: CPU, _ page: UInt64, _ flags: FollowFlags) -> FrameNumber? {
        guard page < tables.format.userEnd else { return nil }
        let pmdTable = tables.table(cpu, page, level: 1)
        guard !pmdTable.isNone else { return nil }
        let index = tables.format.index(page, level: 1)
        let pmdEntry = tables.load(cpu, pmdTable, index)
        if tables.format.isLeaf(pmdEntry) {
            let head = tables.format.frame(pmdEntry)
            let frame = memory.page(head, tables.format.index(page, level: 0))
            return grabFast(cpu, pmdEntry, frame, exclusiveIn: head, flags) {
                tables.load(cpu, pmdTable, index) == pmdEntry
            }
        }
        guard tables.format.isValidForHardware(pmdEntry) else { return nil }
        let table = tables.format.frame(pmdEntry)
        let place = tables.format.index(page, level: 0)
        let entry = tables.load(cpu, table, place)
        let frame = tables.format.frame(entry)
        return grabFast(cpu, entry, frame, exclusiveIn: frame, flags) {
            tables.load(cpu, pmdTable, index) == pmdEntry && tables.load(cpu, table, place) == entry
        }
    }

    private func grabFast(
        _ cpu: CPU, _ entry: Entry, _ frame: FrameNumber, exclusiveIn owner: FrameNumber, _ flags: FollowFlags,
        _ isUnchanged: () -> Bool
    ) -> FrameNumber? {
        let format = tables.format
        guard format.isValidForHardware(entry), !flags.contains(.write) || format.isWritable(entry),
            memory.kind(cpu, frame) != .zero, memory.tryGrab(cpu, frame, flags)
        else { return nil }
        // Whether the area is private is not known here: a file's page to be kept for long goes the slow way.
        // A device's may be nothing that anybody can refer to (pte_special).
        let isFile = memory.kind(cpu, frame) == .file
        let isDevice = isFile && core.files[core.files.handle(at: memory.mapping(frame))].kind == .device
        let isExclusive = memory.has(cpu, owner, FrameFlags.anonExclusive)
        guard cpu.lacks(.entryAfterGrab) || isUnchanged(), !isDevice, !(isFile && flags.contains(.longTerm)),
            !mustUnshare(cpu, frame, isExclusive, flags, isCopyOnWrite: true)
        else {
            memory.ungrab(cpu, frame, flags)
            return nil
        }
        memory.flags(memory.head(cpu, frame)).set(cpu, bits: FrameFlags.referenced, .frameFlags)
        return frame
    }
}

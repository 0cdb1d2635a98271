// What must hold between two calls, checked by tests and debug runs: the tree of areas, the page tables against
// their counts, the counters of resident pages, the reverse of everything that a frame says of itself.
// O(memory mapped).

extension Machine {
    /// Traps, with what is broken, where an invariant of the machine does not hold: what is promised is the sum of what
    /// areas and files say they are charged. Those of each address space are `Process.checkInvariants`. O(areas).
    public func checkInvariants() {
        var charged: UInt64 = 0
        var files: Set<UInt32> = []
        for space in spaces {
            var cursor = space.areas.first
            while !cursor.isNone {
                let area = core.areas[space.areas.area(at: cursor)]
                precondition(!area.flags.isSuperset(of: [.account, .chargedByPage]), "an area is charged in two ways")
                if area.flags.contains(.account) { charged += area.pages }
                if area.flags.contains(.chargedByPage) {
                    charged += space.countAnonymous(cpu(0), area.start, area.end)
                }
                files.insert(area.file.index)
                cursor = space.areas.next(cursor)
            }
        }
        for process in processes {
            for descriptor in process.descriptors.values { files.insert(descriptor.file.index) }
        }
        for file in namedFiles.values { files.insert(file.index) }
        for index in files where index != 0 {
            let file = core.files.handle(at: index)
            switch core.files[file].charge {
            case .none: continue
            case .whole: charged += core.pages(of: file)
            case .byPage: charged += core.files[file].indexedPages
            }
        }
        let promised = committedPages
        precondition(charged == promised, "areas and files are charged \(charged), \(promised) are promised")
    }
}

extension AddressSpace {
    /// Traps with what is broken.
    func checkInvariants(_ cpu: CPU) {
        areas.checkInvariants()
        checkTotals(cpu)
        var found = TableCensus()
        census(cpu, tables.root, tables.format.levels - 1, 0, &found)
        for level in 0..<(tables.format.levels - 1) {
            let counted = tables.tables(cpu, level: level)
            cpu.require(
                found.tables[level] == counted, "level \(level): \(found.tables[level]) tables, counted \(counted)")
        }
        cpu.require(found.empty == tables.emptyTables, "\(found.empty) empty tables, counted \(tables.emptyTables)")
        cpu.require(found.anonymous == count(SpaceCounter.anonymous), "RssAnon is off")
        cpu.require(found.file == count(SpaceCounter.file), "RssFile is off")
        cpu.require(found.shared == count(SpaceCounter.shared), "RssShmem is off")
        checkPins(cpu)
        checkTLBs(cpu)
    }

    private func checkTotals(_ cpu: CPU) {
        var total: UInt64 = 0
        var locked: UInt64 = 0
        var cursor = areas.first
        while !cursor.isNone {
            let area = core.areas[areas.area(at: cursor)]
            total += area.pages
            if area.flags.contains(.locked) { locked += area.pages }
            cpu.require(area.space == number, "an area of another address space")
            cpu.require(area.start & Page.offsetMask == 0 && area.end & Page.offsetMask == 0, "an unaligned area")
            let lock = core.areaLock(at: areas.area(at: cursor).index)
            cpu.require(!lock.isLocked, "an area's lock is held, and by nobody")
            cursor = areas.next(cursor)
        }
        cpu.require(total == numbers.totalPages, "areas have \(total) pages, VmSize says \(numbers.totalPages)")
        cpu.require(locked + numbers.strandedLockedPages == numbers.lockedPages, "VmLck is off")
    }

    private struct TableCensus {
        var tables: InlineArray<5, Int> = InlineArray(repeating: 0)
        var empty = 0
        var anonymous: Int64 = 0, file: Int64 = 0, shared: Int64 = 0
    }

    private func census(_ cpu: CPU, _ table: FrameNumber, _ level: Int, _ base: UInt64, _ found: inout TableCensus) {
        var entries = 0
        var leaves = 0
        for index in 0..<512 {
            let entry = tables.load(cpu, table, index)
            if entry.isNone { continue }
            entries += 1
            let address = base + UInt64(index) << tables.format.shift(ofLevel: level)
            if level == 1, tables.format.isLeaf(entry) {
                leaves += 1
                countHuge(cpu, entry, address, &found)
            } else if level > 0 {
                cpu.require(tables.format.isValidForHardware(entry), "a table entry that is not valid")
                found.tables[level - 1] += 1
                census(cpu, tables.format.frame(entry), level - 1, address, &found)
            } else {
                countLeaf(cpu, entry, address, &found)
            }
        }
        cpu.require(
            entries == tables.populated(table), "a table has \(entries) entries, counted \(tables.populated(table))")
        if level == 0, entries == 0 { found.empty += 1 }
        if level == 0 { tables.checkBlocks(cpu, table, base: base) }
        guard level == 1 else { return }
        cpu.require(
            tables.deposited(with: table) == leaves, "\(leaves) leaves, but another number of deposited tables")
        found.tables[0] += leaves
    }

    private func countHuge(_ cpu: CPU, _ entry: Entry, _ address: UInt64, _ found: inout TableCensus) {
        let area = areas.find(address)
        cpu.require(
            !area.isNone && core.areas[area].start <= address && address + tables.hugeSize <= core.areas[area].end,
            "a leaf that its area does not cover")
        if isHugeZero(cpu, entry) { return }
        let head = tables.format.frame(entry)
        cpu.require(memory.wholeMappings(cpu, head) > 0, "a leaf that its folio does not count")
        checkReverse(cpu, head, address, area)
        found.anonymous += Int64(hugePages)
        let isExclusive = memory.has(cpu, head, FrameFlags.anonExclusive)
        cpu.require(isExclusive || !tables.format.isWritable(entry), "a writable folio is not exclusive")
        cpu.require(!isExclusive || memory.mappings(cpu, head) == 1, "an exclusive folio has several mappings")
    }

    /// INV-RMAP: whoever follows the folio's anon_vma comes to this area, and by the page offset to this address.
    private func checkReverse(_ cpu: CPU, _ frame: FrameNumber, _ address: UInt64, _ area: Handle<Area>) {
        cpu.require(
            memory.pageOffset(cpu, frame) == core.areas[area].pageOffset(of: address), "a page at a wrong offset")
        let anonVMA = memory.mapping(memory.head(cpu, frame))
        cpu.require(core.isTied(area, to: anonVMA), "an area that its page's anon_vma does not lead to")
    }

    private func countLeaf(_ cpu: CPU, _ entry: Entry, _ address: UInt64, _ found: inout TableCensus) {
        let area = areas.find(address)
        cpu.require(!area.isNone && core.areas[area].start <= address, "an entry outside of every area")
        guard tables.format.isPresent(entry) else { return }
        cpu.require(
            !tables.format.isWritable(entry) || core.areas[area].flags.contains(.write),
            "an entry gives a right that its area does not")
        let frame = tables.format.frame(entry)
        if frame == core.zeroFrame {
            cpu.require(!tables.format.isWritable(entry), "the zero page is writable")
            return
        }
        cpu.require(memory.mappings(cpu, ofPage: frame) > 0, "a mapped frame counts no mapping")
        let head = memory.head(cpu, frame)
        cpu.require(
            memory.refcount(head).load(cpu, .refcount) >= memory.mappings(cpu, head),
            "a folio has more mappings than references")
        if memory.kind(cpu, frame) == .anonymous {
            found.anonymous += 1
            checkReverse(cpu, frame, address, area)
            // INV-EXCL: a writable anonymous page belongs to this mapping alone, and one that does has no other.
            let isExclusive = memory.has(cpu, frame, FrameFlags.anonExclusive)
            cpu.require(isExclusive || !tables.format.isWritable(entry), "a writable page is not exclusive")
            cpu.require(
                !isExclusive || memory.mappings(cpu, ofPage: frame) == 1, "an exclusive page has several mappings")
        } else {
            let file = core.files.handle(at: memory.mapping(frame))
            cpu.require(
                core.cached(cpu, file, memory.index(frame)) == frame, "a mapped page that its file's cache lacks")
            if memory.folioFlags(cpu, frame) & FrameFlags.swapBacked != 0 { found.shared += 1 } else { found.file += 1 }
        }
    }
}

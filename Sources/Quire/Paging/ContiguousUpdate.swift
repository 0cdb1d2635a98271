// What replacing one entry, and accessed and dirty, do to a contiguous block. Linux: contpte_ptep_set_access_flags,
// contpte_ptep_test_and_clear_young, contpte_ptep_clear_flush_young.

extension StoredPageTables {
    @inline(never)
    func updateInBlock(_ cpu: CPU, _ table: FrameNumber, _ index: Int, _ entry: Entry) {
        tables.updateInBlock(cpu, table, index, entry)
    }
}

extension PageTables {
    /// `update` where blocks may be folded. If nothing changes but that accessed or dirty come on, all entries get
    /// them and the block stays; else it is unfolded first.
    func updateInBlock(_ cpu: CPU, _ table: FrameNumber, _ index: Int, _ entry: Entry) {
        let word = Entry(memory.word(table, index).load(cpu, .entry))
        if format.isFolded(word) {
            let seen = loadBlock(cpu, table, index, word)
            if format.withoutAge(entry) == format.withoutAge(seen), format.hasAge(entry, of: seen) {
                return addAge(cpu, table, index, of: entry)
            }
            unfold(cpu, table, index)
        }
        memory.word(table, index).store(cpu, entry.rawValue, .entry)
        cpu.count(.pteWrites)
        if folding == .any { foldIfComplete(cpu, table, index) }
    }

    /// Adds another entry's accessed and dirty to a present one, and to all of its block, without losing what hardware sets
    /// at the same time (ptep_set_access_flags).
    func addAge(_ cpu: CPU, _ table: FrameNumber, _ index: Int, of entry: Entry) {
        let isFolded = isFolded(cpu, table, index)
        let first = isFolded ? format.blockStart(index) : index
        let count = isFolded ? format.contiguousEntries : 1
        for place in first..<(first + count) { change(cpu, table, place) { format.addingAge($0, of: entry) } }
        cpu.count(.pteWrites, UInt64(count))
        cpu.count(.pteWritesBatched, UInt64(count - 1))
    }

    /// Changes a word that hardware may change at the same time, and returns what it was changed to.
    @discardableResult
    @inline(__always)
    func change(_ cpu: CPU, _ table: FrameNumber, _ index: Int, _ body: (Entry) -> Entry) -> Entry {
        let word = memory.word(table, index)
        while true {
            let seen = Entry(word.loadRelaxed(cpu, .entry))
            let wanted = body(seen)
            if wanted == seen || word.replace(cpu, seen.rawValue, with: wanted.rawValue, .entry) { return wanted }
            if cpu.lacks(.compareOfEntries) {
                word.store(cpu, wanted.rawValue, .entry)
                return wanted
            }
        }
    }

    /// Whether a present entry was used since the last call; afterwards it counts as not used. Of a folded block this is
    /// asked once for all entries, and it stays folded (ptep_test_and_clear_young). Translations may go on unnoticed until
    /// somebody flushes. The table's lock is held.
    func testAndClearYoung(_ cpu: CPU, _ table: FrameNumber, _ index: Int) -> Bool {
        let isFolded = isFolded(cpu, table, index)
        let first = isFolded ? format.blockStart(index) : index
        var wasUsed = false
        for place in first..<(isFolded ? first + format.contiguousEntries : first + 1) {
            change(cpu, table, place) { word in
                if format.isAccessed(word) { wasUsed = true }
                return format.old(word)
            }
        }
        return wasUsed
    }

    /// The same, and translations go too, though nobody waits for that: a stale accessed flag does no harm
    /// (ptep_clear_flush_young).
    func clearYoungFlush(_ cpu: CPU, _ table: FrameNumber, _ index: Int) -> Bool {
        let isFolded = isFolded(cpu, table, index)
        guard testAndClearYoung(cpu, table, index) else { return false }
        let start = address(table, isFolded ? format.blockStart(index) : index)
        let pages = isFolded ? format.contiguousEntries : 1
        invalidateRange(cpu, start, start &+ UInt64(pages) << format.pageShift)
        return true
    }

    /// Lets a run of present entries look unused, and unwritten too; translations may go on until the caller flushes. Whole
    /// blocks stay folded, those at the ends that it covers in part do not (clear_young_dirty_ptes). False: they did already.
    func clearAge(_ cpu: CPU, _ table: FrameNumber, _ first: Int, count: Int, andDirty: Bool) -> Bool {
        var changed = false
        if folding != .off { unfoldEnds(cpu, table, first, count) }
        for index in first..<(first + count) {
            change(cpu, table, index) { old in
                let new = andDirty ? format.withoutAge(old) : format.old(old)
                if new != old { changed = true }
                return new
            }
        }
        cpu.count(.pteWrites, UInt64(count))
        cpu.count(.pteWritesBatched, UInt64(count - 1))
        return changed
    }

    /// Whether an entry stands in a folded block.
    @inline(__always) func isFolded(_ cpu: CPU, _ table: FrameNumber, _ index: Int) -> Bool {
        folding != .off && format.isFolded(Entry(memory.word(table, index).loadRelaxed(cpu, .entry)))
    }
}

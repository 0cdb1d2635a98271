// Folding and unfolding by break-before-make: all entries of the block become none, its translations go, all are written
// anew. In place it may not be done: a walk would find a mixture, and a TLB could hold two sizes for one address.
// The PTE table's lock is held throughout. Linux: contpte_convert, __contpte_try_fold, __contpte_try_unfold.

extension StoredPageTables {
    @inline(never)
    func foldIfComplete(_ cpu: CPU, _ table: FrameNumber, _ index: Int) { tables.foldIfComplete(cpu, table, index) }

    @inline(never)
    func unfold(_ cpu: CPU, _ table: FrameNumber, _ index: Int) { tables.unfold(cpu, table, index) }
}

extension PageTables {
    /// Folds the block that ends with the entry just set, if all of it qualifies.
    func foldIfComplete(_ cpu: CPU, _ table: FrameNumber, _ index: Int) {
        let count = format.contiguousEntries
        guard index & (count - 1) == count - 1, memory.level(table) == 0 else { return }
        let start = index - (count - 1)
        guard foldable(cpu, table, start) != nil else { return }
        convert(cpu, table, start, fold: true)
        cpu.count(.contpteFolds)
    }

    /// Makes the block of an entry plain, if it is folded.
    func unfold(_ cpu: CPU, _ table: FrameNumber, _ index: Int) {
        guard format.isFolded(Entry(memory.word(table, index).loadRelaxed(cpu, .entry))) else { return }
        convert(cpu, table, format.blockStart(index), fold: false)
        cpu.count(.contpteUnfolds)
    }

    /// Makes the blocks plain that a run covers only in part (contpte_try_unfold_partial).
    func unfoldEnds(_ cpu: CPU, _ table: FrameNumber, _ first: Int, _ count: Int) {
        let inside = format.contiguousEntries - 1
        if first & inside != 0 { unfold(cpu, table, first) }
        if (first + count) & inside != 0 { unfold(cpu, table, first + count - 1) }
    }

    private func convert(_ cpu: CPU, _ table: FrameNumber, _ start: Int, fold: Bool) {
        if cpu.lacks(.breakBeforeMake) { return convertInPlace(cpu, table, start, fold: fold) }
        let count = format.contiguousEntries
        let first = format.plain(takeForConversion(cpu, table, start), at: start)
        var entry = format.addingAge(format.withoutAge(first), of: first)
        for place in 1..<count { entry = format.addingAge(entry, of: takeForConversion(cpu, table, start + place)) }
        let address = address(table, start)
        flushRange(cpu, address, address &+ UInt64(count) << format.pageShift)
        for place in 0..<count {
            let page = format.entry(entry, pagesOn: place)
            memory.word(table, start + place).store(cpu, (fold ? format.folded(page) : page).rawValue, .entry)
        }
        cpu.count(.pteWrites, 2 * UInt64(count))
        cpu.count(.pteWritesBatched, 2 * UInt64(count - 1))
    }

    /// An entry, cleared. The exchange, not a read before it: hardware sets accessed and dirty up to this moment.
    private func takeForConversion(_ cpu: CPU, _ table: FrameNumber, _ index: Int) -> Entry {
        let word = memory.word(table, index)
        guard cpu.lacks(.ageOfBlock) else { return Entry(word.exchange(cpu, 0, .entry)) }
        let seen = word.load(cpu, .entry)
        word.store(cpu, 0, .entry)
        return Entry(seen)
    }

    /// What must not be done, for explorers: entry by entry, with the flush behind it.
    private func convertInPlace(_ cpu: CPU, _ table: FrameNumber, _ start: Int, fold: Bool) {
        let count = format.contiguousEntries
        for index in start..<(start + count) {
            change(cpu, table, index) { fold ? format.folded($0) : format.plain($0, at: index) }
        }
        let address = address(table, start)
        flushRange(cpu, address, address &+ UInt64(count) << format.pageShift)
    }
}

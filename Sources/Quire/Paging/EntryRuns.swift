// Runs of entries of one PTE table that map consecutive pages of one folio: found, written, taken out and
// write-protected at once. Blocks that a run covers wholly are never unfolded; callers know nothing of blocks.
// Linux: folio_pte_batch, set_ptes, get_and_clear_full_ptes, wrprotect_ptes, modify_prot_commit_ptes.

/// What the entries of a run must agree in, besides mapping page after page of one folio.
enum RunMatch: BitwiseCopyable {
    /// Nothing: it is about the pages.
    case pages
    /// Whether they may be written; accessed and dirty may differ.
    case write
    /// Rights and dirty; only accessed may differ.
    case rights
}

extension PageTables {
    // MARK: Finding

    /// How many entries from `first` on, at most `limit`, map the pages of one folio that follow each other; `seen` is what
    /// the first one reads. O(result), a folded block at a time.
    func run(
        _ cpu: CPU, _ table: FrameNumber, _ first: Int, _ seen: Entry, limit: Int, _ match: RunMatch
    ) -> Int {
        let frame = format.firstFrame(seen)
        let head = memory.head(cpu, frame)
        let left = (1 << memory.order(cpu, head) - memory.pageNumber(frame, of: head)) / format.framesPerEntry
        let most = Swift.min(limit, left)
        var count = batch(cpu, table, first, limit: most)
        while count < most {
            let next = load(cpu, table, first + count)
            let expected = format.entry(seen, pagesOn: count)
            switch match {
            case .pages:
                guard format.isPresent(next), format.firstFrame(next) == format.firstFrame(expected) else {
                    return count
                }
            case .write:
                guard format.isPresent(next), format.firstFrame(next) == format.firstFrame(expected),
                    format.isWritable(next) == format.isWritable(seen)
                else { return count }
            case .rights: guard format.old(next) == format.old(expected) else { return count }
            }
            count += batch(cpu, table, first + count, limit: most - count)
        }
        return count
    }

    /// How many entries from `first` on, at most `limit`, are sure to be of one kind, without a look at them: what is left
    /// of a folded block, or one (pte_batch_hint).
    @inline(__always) func batch(_ cpu: CPU, _ table: FrameNumber, _ first: Int, limit: Int) -> Int {
        guard isFolded(cpu, table, first) else { return 1 }
        return Swift.min(limit, format.contiguousEntries - (first & (format.contiguousEntries - 1)))
    }

    /// Whether a run covers a whole block that is not folded, and may be when the run is written anew.
    func coversPlainBlock(_ cpu: CPU, _ table: FrameNumber, _ first: Int, _ count: Int) -> Bool {
        guard folding != .off else { return false }
        let size = format.contiguousEntries
        let start = (first + size - 1) & ~(size - 1)
        for block in stride(from: start, to: (first + count) & ~(size - 1), by: size)
        where !isFolded(cpu, table, block) { return true }
        return false
    }

    // MARK: Writing

    /// Writes entries where there were none, for `count` pages of one folio that follow each other; `entry` is the first
    /// one's (set_ptes). Whole blocks that qualify are folded from the start.
    func installRun(_ cpu: CPU, _ table: FrameNumber, _ first: Int, count: Int, _ entry: Entry) {
        updateRun(cpu, table, first, count: count, entry)
        added(cpu, table, count)
    }

    /// Writes entries again that `takeOutRun` took out and nobody counted down.
    func updateRun(_ cpu: CPU, _ table: FrameNumber, _ first: Int, count: Int, _ entry: Entry) {
        cpu.count(.pteWrites, UInt64(count))
        cpu.count(.pteWritesBatched, UInt64(count - 1))
        guard folding != .off else { return write(cpu, table, first, first + count, entry) }
        writeBlocks(cpu, table, first, count, entry)
        if folding == .any { foldIfComplete(cpu, table, first + count - 1) }
    }

    private func writeBlocks(_ cpu: CPU, _ table: FrameNumber, _ first: Int, _ count: Int, _ entry: Entry) {
        let size = format.contiguousEntries
        let end = first + count
        let start = (first + size - 1) & ~(size - 1)
        let stop = end & ~(size - 1)
        guard start < stop, format.isValidForHardware(entry),
            format.beginsBlock(format.entry(entry, pagesOn: start - first)), isOneFolio(cpu, entry, pages: count)
        else { return write(cpu, table, first, end, entry) }
        write(cpu, table, first, start, entry)
        for index in start..<stop {
            let page = format.entry(entry, pagesOn: index - first)
            memory.word(table, index).store(cpu, format.folded(page).rawValue, .entry)
        }
        write(cpu, table, stop, end, format.entry(entry, pagesOn: stop - first))
        cpu.count(.contpteBlocksSet, UInt64((stop - start) / size))
    }

    private func write(_ cpu: CPU, _ table: FrameNumber, _ first: Int, _ end: Int, _ entry: Entry) {
        for index in first..<end {
            memory.word(table, index).store(cpu, format.entry(entry, pagesOn: index - first).rawValue, .entry)
        }
    }

    // MARK: Taking out

    /// Takes entries out that map page after page, and returns the first as hardware left it, with accessed and dirty of
    /// any of them (get_and_clear_full_ptes). The caller counts them down by `removed`.
    func takeOutRun(_ cpu: CPU, _ table: FrameNumber, _ first: Int, count: Int) -> Entry {
        if folding != .off { unfoldEnds(cpu, table, first, count) }
        var entry = format.plain(Entry(memory.word(table, first).exchange(cpu, 0, .entry)), at: first)
        for place in 1..<Swift.max(count, 1) {
            entry = format.addingAge(entry, of: Entry(memory.word(table, first + place).exchange(cpu, 0, .entry)))
        }
        cpu.count(.pteWrites, UInt64(count))
        cpu.count(.pteWritesBatched, UInt64(count - 1))
        return entry
    }

    /// Takes the right to store from an entry that maps a small folio, which is in no contiguous block, and returns it as it is
    /// now, with what hardware noted meanwhile (ptep_set_wrprotect). The caller counts it.
    @inline(__always) func writeProtectSmall(_ cpu: CPU, _ table: FrameNumber, _ index: Int) -> Entry {
        change(cpu, table, index) { format.writeProtected($0) }
    }

    /// Takes the right to store from entries that map page after page, and returns the first as it is now, with accessed and
    /// dirty of any of them (wrprotect_ptes). Until the caller flushes, stores may still go through.
    func writeProtectRun(_ cpu: CPU, _ table: FrameNumber, _ first: Int, count: Int) -> Entry {
        if folding != .off { unfoldEnds(cpu, table, first, count) }
        var entry = format.plain(change(cpu, table, first) { format.writeProtected($0) }, at: first)
        for place in 1..<Swift.max(count, 1) {
            entry = format.addingAge(entry, of: change(cpu, table, first + place) { format.writeProtected($0) })
        }
        cpu.count(.pteWrites, UInt64(count))
        cpu.count(.pteWritesBatched, UInt64(count - 1))
        return entry
    }
}

// Contiguous blocks of entries: what one is, who may look at one without a lock, and the check that every block is one of
// two things, plain or folded. Conversion between the two is ContiguousConversion.swift, what each entry operation does
// to a block ContiguousUpdate.swift, whole runs EntryRuns.swift. docs/contpte.md has the rules.
// Linux: arch/arm64/mm/contpte.c: contpte_ptep_get, contpte_ptep_get_lockless, contpte_try_fold.

/// When entries are folded into contiguous blocks.
public enum FoldPolicy: UInt8, BitwiseCopyable, Sendable {
    /// Never.
    case off
    /// Where one ranged operation writes a whole block.
    case range
    /// There, and when the last entry of a block is set and all of it qualifies.
    case any
}

extension StoredPageTables {
    @inline(never)
    func loadBlock(_ cpu: CPU, _ table: FrameNumber, _ index: Int, _ word: Entry) -> Entry {
        tables.loadBlock(cpu, table, index, word)
    }
}

extension PageTables {
    // MARK: Reading

    /// An entry of a folded block as callers see it: its own frame, the block's accessed and dirty, no contiguous bit. `word`
    /// was just read. Needs no lock, by the anchor protocol: every entry of the block must agree with the one asked for, or it
    /// is read again; what is returned was true of the whole block at once, or is a word that stands alone.
    func loadBlock(_ cpu: CPU, _ table: FrameNumber, _ index: Int, _ word: Entry) -> Entry {
        var anchor = word
        var turn = 0
        while format.isFolded(anchor) {
            if let entry = merged(cpu, table, index, anchor) { return entry }
            precondition(!cpu.isSequential, "a block is neither plain nor folded")
            // Once it has changed meanwhile; twice, somebody is at it, and holds the table's lock. Any word of the block may
            // be the one that changes next, so it is the lock that is waited for.
            if turn > 0 { pteLock(table).waitWhileHeld(cpu, turn: turn - 1) }
            turn += 1
            anchor = Entry(memory.word(table, index).load(cpu, .entry))
        }
        return anchor
    }

    /// The entry at `index` with what all entries of the block say of accessed and dirty; nil where one disagrees.
    private func merged(_ cpu: CPU, _ table: FrameNumber, _ index: Int, _ anchor: Entry) -> Entry? {
        let start = format.blockStart(index)
        var entry = format.withoutAge(format.plain(anchor, at: index))
        let first = format.entry(entry, pagesOn: start - index)
        for place in 0..<format.contiguousEntries {
            let word = Entry(memory.word(table, start + place).load(cpu, .entry))
            let expected = format.folded(format.entry(first, pagesOn: place))
            guard format.withoutAge(word) == expected || cpu.lacks(.wholeBlock) else { return nil }
            entry = format.addingAge(entry, of: word)
        }
        return entry
    }

    // MARK: Whether a block may be folded

    /// The first entry of a plain block, without accessed and dirty, if the block qualifies: all entries valid, one folio,
    /// frame after frame from an aligned one, the same attributes. Nil if it does not. The table's lock is held.
    func foldable(_ cpu: CPU, _ table: FrameNumber, _ start: Int) -> Entry? {
        let count = format.contiguousEntries
        // From the last one, which was just set: a block that is still being filled fails at once.
        let last = Entry(memory.word(table, start + count - 1).loadRelaxed(cpu, .entry))
        guard format.isValidForHardware(last), !format.isFolded(last) else { return nil }
        let first = format.entry(format.withoutAge(last), pagesOn: 1 - count)
        guard format.beginsBlock(first), isOneFolio(cpu, first, pages: count) else { return nil }
        for place in 0..<(count - 1) {
            let entry = Entry(memory.word(table, start + place).loadRelaxed(cpu, .entry))
            guard format.withoutAge(entry) == format.entry(first, pagesOn: place) else { return nil }
        }
        return first
    }

    /// Whether the pages from an entry's on belong to one folio that programs share or own. O(1).
    func isOneFolio(_ cpu: CPU, _ entry: Entry, pages: Int) -> Bool {
        let frame = format.firstFrame(entry)
        guard frame.rawValue != 0, frame.rawValue < memory.frameCount else { return false }
        let head = memory.head(cpu, frame)
        let kind = memory.kind(cpu, head)
        guard kind == .anonymous || kind == .file else { return false }
        return memory.pageNumber(frame, of: head) + pages * format.framesPerEntry <= 1 << memory.order(cpu, head)
    }

    // MARK: Where a block lies

    /// The first address that a PTE table covers.
    func base(of table: FrameNumber) -> UInt64 {
        UInt64(memory.next(table).rawValue) << Page.shift | UInt64(memory.previous(table).rawValue) << (32 + Page.shift)
    }

    /// Notes where a PTE table is hung in, so that a conversion knows what to invalidate.
    func setBase(of table: FrameNumber, _ address: UInt64) {
        let span = (1 as UInt64) << format.granuleShift(ofLevel: 1)
        let page = (address & ~(span - 1)) >> Page.shift
        memory.setNext(table, FrameNumber(UInt32(truncatingIfNeeded: page)))
        memory.setPrevious(table, FrameNumber(UInt32(truncatingIfNeeded: page >> 32)))
    }

    /// Notes where the PTE tables are hung in that an entry of `level` leads to: one of level 1 to one, one of level 2 to
    /// all below it. Where nothing is folded nobody asks.
    func setBases(_ cpu: CPU, below entry: Entry, _ address: UInt64, level: Int) {
        guard folding != .off else { return }
        let table = format.frame(entry)
        if level == 1 { return setBase(of: table, address) }
        for index in 0..<format.entriesPerTable {
            let entry = load(cpu, table, index)
            guard format.isValidForHardware(entry), !format.isHuge(entry) else { continue }
            setBase(of: format.frame(entry), address &+ UInt64(index) << format.granuleShift(ofLevel: 1))
        }
    }

    /// The address of an entry of a PTE table.
    func address(_ table: FrameNumber, _ index: Int) -> UInt64 {
        base(of: table) &+ UInt64(truncatingIfNeeded: index) << format.pageShift
    }

    // MARK: INV-CONT

    /// Hardware has come to an entry of a PTE table: ends an explored run where the block's valid entries do not agree in
    /// whether they are folded. With TLBs it shows by what they then hold.
    @inline(never)
    func checkWalkedBlock(_ cpu: CPU, _ table: FrameNumber, _ index: Int) {
        guard folding != .off, tlbs == nil else { return }
        let start = format.blockStart(index)
        var folded = 0
        var plain = 0
        for place in start..<(start + format.contiguousEntries) {
            let word = Entry(memory.wordNow(table, place))
            guard format.isValidForHardware(word) else { continue }
            if format.isFolded(word) { folded += 1 } else { plain += 1 }
        }
        cpu.require(
            folded == 0 || plain == 0, "hardware walks a block that is neither plain nor folded (INV-CONT)")
    }

    /// Traps with what is wrong with a block of a PTE table that covers the addresses from `base` on.
    func checkBlocks(_ cpu: CPU, _ table: FrameNumber, base: UInt64) {
        guard folding != .off else { return }
        cpu.require(self.base(of: table) == base, "a table says that it hangs elsewhere")
        let count = format.contiguousEntries
        for start in stride(from: 0, to: format.entriesPerTable, by: count) {
            let words = (0..<count).map { Entry(memory.word(table, start + $0).loadRelaxed(cpu, .entry)) }
            guard words.contains(where: { format.isFolded($0) }) else { continue }
            let first = format.withoutAge(format.plain(words[0], at: start))
            cpu.require(format.beginsBlock(first), "a folded block begins at a frame that is not aligned")
            cpu.require(isOneFolio(cpu, first, pages: count), "a folded block is not of one folio")
            for place in 0..<count {
                cpu.require(
                    format.withoutAge(words[place]) == format.folded(format.entry(first, pagesOn: place)),
                    "a block is neither plain nor folded")
            }
        }
    }
}

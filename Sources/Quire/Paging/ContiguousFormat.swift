// What a format says of contiguous blocks and of its granule, as functions of data: the bit, what stands in the frame
// field of a folded entry, the distance from one page's entry to the next one's. Everything that folds, unfolds and handles
// runs (Contiguous*.swift, EntryRuns.swift) reads a format through these functions alone, so that another granule or RISC-V's
// Svnapot is another table of numbers. Machines run with pages of 4 KiB; docs/contpte.md says what more it would take.

extension PageTableFormat {
    // MARK: The granule

    /// log2 of the bytes that an entry of the level maps, in a format of any granule.
    func granuleShift(ofLevel level: Int) -> UInt64 { pageShift + indexBits * UInt64(truncatingIfNeeded: level) }

    /// The index of an address in its table of the level, in a format of any granule.
    func granuleIndex(_ address: UInt64, level: Int) -> Int {
        Int(truncatingIfNeeded: (address >> granuleShift(ofLevel: level)) & (1 << indexBits - 1))
    }

    /// Entries of a table; of the top-level one there may be fewer in use.
    var entriesPerTable: Int { 1 << Int(indexBits) }

    /// Frames of 4 KiB that an entry of a PTE table maps.
    var framesPerEntry: Int { 1 << Int(pageShift - Page.shift) }

    /// The first frame that a present entry names, in a format of any granule.
    func firstFrame(_ entry: Entry) -> FrameNumber {
        FrameNumber(UInt32(truncatingIfNeeded: (entry.rawValue & frameMask) >> frameShift))
    }

    /// A leaf for a page's first frame, in a format of any granule.
    func pageLeaf(_ frame: FrameNumber, read: Bool, write: Bool, execute: Bool) -> Entry {
        Entry(leaf(.none, read: read, write: write, execute: execute).rawValue | UInt64(frame.rawValue) << frameShift)
    }

    /// An entry that points to a table, in a format of any granule.
    func pageTable(_ frame: FrameNumber) -> Entry { Entry(tableBase | UInt64(frame.rawValue) << frameShift) }

    /// The entry of the page `count` pages on: same rights, `count` times a page's frames further.
    @inline(__always) func entry(_ entry: Entry, pagesOn count: Int) -> Entry {
        Entry(entry.rawValue &+ UInt64(truncatingIfNeeded: count) &* frameStep)
    }

    /// What the frame field grows by from a page to the next.
    @inline(__always) var frameStep: UInt64 { 1 << (frameShift &+ pageShift &- Page.shift) }

    // MARK: Blocks

    /// Whether a word stands in a folded block.
    @inline(__always) func isFolded(_ entry: Entry) -> Bool {
        entry.rawValue & contiguous != 0 && isValidForHardware(entry)
    }

    /// The word that a folded block holds for a plain entry. Svnapot: the low bits of the frame give way to a pattern that
    /// tells the size, so that all words of the block are the same.
    @inline(__always) func folded(_ entry: Entry) -> Entry {
        Entry((entry.rawValue & ~blockPatternMask) | blockPattern | contiguous)
    }

    /// The plain entry that a word of a folded block stands for; a plain one is itself. The frame's low bits come from the
    /// index where the word has them not.
    @inline(__always) func plain(_ word: Entry, at index: Int) -> Entry {
        guard isFolded(word) else { return word }
        let bits = word.rawValue & ~contiguous
        if blockPatternMask == 0 { return Entry(bits) }
        let place = UInt64(truncatingIfNeeded: index & (contiguousEntries - 1))
        return Entry((bits & ~blockPatternMask) | place &* frameStep)
    }

    /// An entry without accessed and dirty, which belong to the whole block: what must agree.
    @inline(__always) func withoutAge(_ entry: Entry) -> Entry { old(cleaned(entry)) }

    /// An entry with another's accessed and dirty added.
    @inline(__always) func addingAge(_ entry: Entry, of other: Entry) -> Entry {
        var sum = entry
        if isAccessed(other) { sum = used(sum) }
        if isDirty(other) { sum = dirtied(sum) }
        return sum
    }

    /// Whether an entry is accessed and dirty where another is.
    @inline(__always) func hasAge(_ entry: Entry, of other: Entry) -> Bool {
        (isAccessed(entry) || !isAccessed(other)) && (isDirty(entry) || !isDirty(other))
    }

    /// Whether a present entry's frames could begin a block.
    @inline(__always) func beginsBlock(_ entry: Entry) -> Bool {
        entry.rawValue & frameMask & (UInt64(contiguousEntries - 1) &* frameStep) == 0
    }

    /// The first entry of the block that an index lies in.
    @inline(__always) func blockStart(_ index: Int) -> Int { index & ~(contiguousEntries - 1) }
}

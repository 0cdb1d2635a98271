// Flushes: translations of a range or of a whole address space go from the TLBs of all CPUs, by interrupts (x86-64) or by
// operations that reach every CPU (arm64), and what that takes is counted. Without TLBs only the flush is.
// Linux: flush_tlb_mm_range, flush_tlb_func, native_flush_tlb_multi; __flush_tlb_range, flush_tlb_mm.

extension PageTables {
    /// Flushes a range of this address space, whose entries were of 2^`shift` bytes each, and returns when no CPU
    /// uses a translation of it any more (flush_tlb_range; tlb_flush).
    func flushRange(_ cpu: CPU, _ start: UInt64, _ end: UInt64, by shift: UInt64 = Page.shift) {
        invalidateRange(cpu, start, end, by: shift)
        completeFlush(cpu)
    }

    /// The first half of `flushRange`: several ranges may share the second (__flush_tlb_range_nosync).
    func invalidateRange(_ cpu: CPU, _ start: UInt64, _ end: UInt64, by shift: UInt64 = Page.shift) {
        cpu.count(.tlbFlushes)
        cpu.count(.tlbFlushedPages, (end &- start) >> Page.shift)
        announceFlush(cpu)
        if cpu.isExplored, cpu.isAblated(.tlb) { return }
        tlbs?.invalidate(cpu, self, FlushRange(start: start, end: end, shift: shift))
    }

    /// The second half: waits until every CPU has left the access that it is in, if it is in one.
    func completeFlush(_ cpu: CPU) {
        cpu.count(.tlbBarriers)
        if cpu.isExplored, cpu.isAblated(.tlb) { return }
        memory.accesses.waitForOthers(cpu)
    }

    /// Flushes a leaf above the PTE level (flush_pmd_tlb_range): on x86-64 Linux counts it by its pages, and flushes the whole
    /// address space.
    func flushLeaf(_ cpu: CPU, _ start: UInt64) {
        let shift = format.shift(ofLevel: 1)
        flushRange(cpu, start, start &+ 1 << shift, by: format.broadcastsInvalidations ? shift : Page.shift)
    }

    /// Flushes all of this address space (flush_tlb_mm).
    func flushSpace(_ cpu: CPU) {
        cpu.count(.tlbFlushes)
        announceFlush(cpu)
        tlbs?.invalidate(cpu, self, .all)
        completeFlush(cpu)
    }
}

/// Before what translations are flushed, for processors whose TLBs cannot stand two of one address: the two hooks of the RFC,
/// and what they do not cover. Linux 6.18 has none of the three. docs/races.md says who would need which.
struct FlushHooks: OptionSet, BitwiseCopyable, Sendable {
    let rawValue: UInt8
    /// A leaf of 2 MiB takes the place of nothing (arch_flush_tlb_before_set_huge_page).
    static let hugeEntry = FlushHooks(rawValue: 1)
    /// A PTE table does (arch_flush_tlb_before_set_pte_page).
    static let table = FlushHooks(rawValue: 2)
    /// A zap gives up the PTE table's lock, or cuts the table out.
    static let zap = FlushHooks(rawValue: 4)

    private static let names = ["off", "huge", "table", "both", "zap", "huge+zap", "table+zap", "all"]
    var name: String { Self.names[Int(rawValue)] }
    init(rawValue: UInt8) { self.rawValue = rawValue }
    init?(name: String) {
        guard let place = Self.names.firstIndex(of: name) else { return nil }
        rawValue = UInt8(place)
    }
}

extension PageTables {
    /// Flushes the 2 MiB around an address, if the machine asks for that before something takes the place of nothing there. The
    /// PMD table's lock is held, so that nothing can come back.
    @inline(__always) func flushBefore(_ cpu: CPU, _ hook: FlushHooks, _ address: UInt64) {
        if let tlbs, tlbs.hooks.contains(hook) { flushSpan(cpu, hook, address) }
    }

    @inline(never) private func flushSpan(_ cpu: CPU, _ hook: FlushHooks, _ address: UInt64) {
        if cpu.lacks(hook == .hugeEntry ? .flushBeforeHugeEntry : .flushBeforeTable) { return }
        let start = address & ~(hugeSize - 1)
        flushRange(cpu, start, start &+ hugeSize)
    }
}

/// What is to be flushed of an address space.
struct FlushRange: BitwiseCopyable {
    var start: UInt64
    var end: UInt64
    /// log2 of the bytes of each entry of the range.
    var shift: UInt64

    static var all: FlushRange { FlushRange(start: 0, end: .max, shift: Page.shift) }

    var isAll: Bool { end == .max }

    /// Entries of the size, rounded up.
    var entries: UInt64 { (end &- start) >> shift &+ ((end &- start) & (1 << shift &- 1) == 0 ? 0 : 1) }
}

/// The operations that carry a flush out.
private struct FlushOperations {
    /// The whole address space instead of the range.
    var isWhole = false
    var pages: UInt64 = 0, ranges: UInt64 = 0

    /// x86-64: one INVLPG for each entry, up to a number of them.
    init(_ range: FlushRange, ceiling: UInt64) {
        isWhole = range.isAll || range.entries > ceiling
        pages = isWhole ? 0 : range.entries
    }

    /// arm64: one TLBI for each entry of less than 512, or as few as cover the pages two and more at a time.
    init(_ range: FlushRange, hasRanges: Bool) {
        let covered = (range.end &- range.start &+ Page.offsetMask) >> Page.shift
        guard hasRanges else {
            isWhole = range.isAll || range.entries >= 512
            pages = isWhole ? 0 : range.entries
            return
        }
        isWhole = range.isAll || covered > 1 << 21
        guard !isWhole else { return }
        // An operation covers 2 × (1 … 32) × 32^n pages: one for each digit of half the pages that is not 0.
        pages = covered & 1
        var half = covered >> 1
        for _ in 0..<3 {
            if half & 31 != 0 { ranges += 1 }
            half >>= 5
        }
        if half != 0 { ranges += 1 }
    }
}

extension TLBs {
    /// Takes translations out of the TLBs.
    @inline(never) func invalidate(_ cpu: CPU, _ tables: PageTables, _ range: FlushRange) {
        if broadcasts { broadcast(cpu, tables, range) } else { interrupt(cpu, tables, range) }
    }

    private func interrupt(_ cpu: CPU, _ tables: PageTables, _ range: FlushRange) {
        let operations = FlushOperations(range, ceiling: ceiling)
        let generation = tables.tlbWord.add(cpu, 1, .tlb)
        var executing: UInt64 = 0
        var interrupted: UInt64 = 0
        for index in 0..<cpus {
            let isOther = index != cpu.index
            if isOther { tables.memory.accesses.wait(cpu, for: index) }
            let tlb = self[index]
            tlb.lock(cpu)
            if tlb.runs(tables.owner) {
                drop(cpu, tlb, tlb.tag, operations.isWhole, range)
                tlb.noteFlushed(generation)
                executing += 1
                if isOther { interrupted += 1 }
            }
            tlb.unlock(cpu)
        }
        cpu.count(.tlbInvalidatePage, executing * operations.pages)
        if operations.isWhole { cpu.count(.tlbInvalidateSpace, executing) }
        cpu.count(.tlbInterrupts, interrupted)
        if interrupted > 0 { cpu.count(.tlbShootdowns) }
    }

    private func broadcast(_ cpu: CPU, _ tables: PageTables, _ range: FlushRange) {
        let operations = FlushOperations(range, hasRanges: hasRanges)
        var word: UInt64
        repeat {
            // Where tags began anew meanwhile, translations may have come back under another one.
            word = tables.tlbWord.load(cpu, .tlb)
            for index in 0..<cpus {
                if index != cpu.index { tables.memory.accesses.wait(cpu, for: index) }
                let tlb = self[index]
                tlb.lock(cpu)
                drop(cpu, tlb, (word & 0xffff) << TLBKey.tagShift, operations.isWhole, range)
                tlb.unlock(cpu)
            }
        } while tables.tlbWord.load(cpu, .tlb) != word
        cpu.count(.tlbInvalidatePage, operations.pages)
        cpu.count(.tlbInvalidateRange, operations.ranges)
        if operations.isWhole { cpu.count(.tlbInvalidateSpace) }
    }

    private func drop(_ cpu: CPU, _ tlb: TLB, _ tag: UInt64, _ isWhole: Bool, _ range: FlushRange) {
        let dropped = isWhole ? tlb.drop(tag) : tlb.drop(tag, range.start, range.end)
        cpu.count(.tlbFlushedEntries, UInt64(dropped))
    }
}

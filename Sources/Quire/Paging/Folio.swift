// Folios: 2^order frames that live and die together. The first frame's record, the head, is the folio's; the others are
// tails, which name the head and lend their unused fields to the folio's counts. docs/folios.md has the layout. Who maps
// a folio and how often is FolioMappings.swift; the frames come from the buddy allocator.
// Linux: struct folio, page_folio, prep_compound_page, free_unref_folios.

/// Where the folio's own counts lie in its tails' records.
enum FolioField {
    /// Tail 1: all mappings (large_mapcount), mappings by PMD entries, how often each owner maps it, the lock.
    static let mappings = 4, wholeMappings = 12, firstCount = 16, secondCount = 20, lock = 28
    /// Tail 2: pins, the two owners (address spaces; 0 is nobody).
    static let pins = 4, firstOwner = 12, secondOwner = 16
    /// Tail 3: pages that an entry of a PTE table maps.
    static let mappedPages = 4
}

/// A folio's frames as an order: 2^order of them, 0…10. Orders of 1 do not occur: the counts need three tails.
struct FolioOrder {
    /// The order of a PMD mapping: 2 MiB.
    static let huge = 9
}

extension PhysicalMemory {
    /// The head of the folio that a frame belongs to, O(1) (page_folio).
    @inline(__always) func head(_ cpu: CPU, _ frame: FrameNumber) -> FrameNumber {
        isTail(cpu, frame) ? next(frame) : frame
    }

    /// Whether a frame is not the first of its folio.
    @inline(__always) func isTail(_ cpu: CPU, _ frame: FrameNumber) -> Bool {
        flags(frame).loadRelaxed(cpu, .frameFlags) & FrameFlags.kind == FrameKind.tail.rawValue
    }

    /// The order of a folio by its head (folio_order).
    @inline(__always) func order(_ cpu: CPU, _ head: FrameNumber) -> Int {
        Int((flags(head).loadRelaxed(cpu, .frameFlags) & FrameFlags.order) >> FrameFlags.orderShift)
    }

    /// Whether a folio has more than one page, by its head.
    @inline(__always) func isLarge(_ cpu: CPU, _ head: FrameNumber) -> Bool {
        flags(head).loadRelaxed(cpu, .frameFlags) & FrameFlags.order != 0
    }

    /// Whether a frame belongs to a folio of more than one page.
    @inline(__always) func isPartOfLarge(_ cpu: CPU, _ frame: FrameNumber) -> Bool {
        flags(frame).loadRelaxed(cpu, .frameFlags) & FrameFlags.large != 0
    }

    /// The n-th page of a folio.
    @inline(__always) func page(_ head: FrameNumber, _ number: Int) -> FrameNumber {
        FrameNumber(head.rawValue &+ UInt32(truncatingIfNeeded: number))
    }

    /// Which page of its folio a frame is.
    @inline(__always) func pageNumber(_ frame: FrameNumber, of head: FrameNumber) -> Int {
        Int(frame.rawValue &- head.rawValue)
    }

    /// The page offset in its mapping of any page of a folio.
    @inline(__always) func pageOffset(_ cpu: CPU, _ frame: FrameNumber) -> UInt64 {
        let head = head(cpu, frame)
        return index(head) &+ UInt64(pageNumber(frame, of: head))
    }

    /// Takes the frames of a folio; none where there is no block of that order. The caller initialises it.
    func allocateFolio(_ cpu: CPU, order: Int, _ context: AllocationContext) -> FrameNumber {
        guard order > 0 else { return allocate(cpu, context) }
        let head = allocateBlock(cpu, order: order, context)
        guard !head.isNone, context.contains(.zeroed) else { return head }
        cpu.count(.pagesCleared, 1 << UInt64(order))
        for number in 0..<(1 << order) { readAsZero(cpu, page(head, number)) }
        return head
    }

    /// Sets the records of a folio that was just allocated and that nobody else sees yet: no mapping, `references`
    /// references. `pageFlags` go to every page, `flags` to the head alone.
    func initializeFolio(
        _ cpu: CPU, _ head: FrameNumber, order: Int, _ kind: FrameKind, flags: UInt32, pageFlags: UInt32,
        references: UInt32, mapping: UInt32, index: UInt64
    ) {
        precondition(order != 1 && order <= Self.maximumOrder, "no folio has order \(order)")
        initialize(
            cpu, head, kind, flags: flags | pageFlags | UInt32(order) << FrameFlags.orderShift, references: references,
            mappings: 0, mapping: mapping, index: index)
        guard order > 0 else { return }
        for number in 1..<(1 << order) {
            let tail = page(head, number)
            initialize(cpu, tail, .tail, flags: pageFlags, references: 0, mappings: 0, mapping: 0, index: 0)
            setNext(tail, head)
            setPrevious(tail, .none)
        }
    }

    /// Drops references to a folio; the last one gives its frames back (folio_put_refs).
    @inline(__always) func put(_ cpu: CPU, folio head: FrameNumber, count: UInt32) {
        let left = refcount(head).subtract(cpu, count, .refcount)
        if cpu.isExplored { checkDropped(cpu, head, left) }
        if left == 0 { freeFolio(cpu, head) }
    }

    /// Gives the frames of a folio back. Nobody refers to it any more.
    @inline(__always) func freeFolio(_ cpu: CPU, _ head: FrameNumber) {
        let order = order(cpu, head)
        if order == 0 { free(cpu, head, unmovable: false) } else { freeLargeFolio(cpu, head, order) }
    }

    @inline(never)
    private func freeLargeFolio(_ cpu: CPU, _ head: FrameNumber, _ order: Int) {
        precondition(mappings(cpu, head) == 0, "a folio is freed that is mapped")
        leaveSplitQueue(cpu, head)
        if kind(cpu, head) == .anonymous { cpu.count(.anonymous, order: order, -1) }
        freeBlock(cpu, head, order: order)
    }

    /// Takes a large folio apart into folios of order 0, each with the head's folio bits and mapping. Nothing maps it and it
    /// has no references; each page gets one, the first `referencesOfHead`. Its lock is held and stays the first page's
    /// (__split_unmapped_folio).
    func splitRecords(_ cpu: CPU, _ head: FrameNumber, order: Int, referencesOfHead: UInt32) {
        leaveSplitQueue(cpu, head)
        let headFlags = flags(head).loadRelaxed(cpu, .frameFlags)
        let folioBits = headFlags & FrameFlags.ofFolio
        let lockBits = headFlags & (FrameFlags.folioLock | FrameFlags.folioSleepers)
        let kind = kind(cpu, head)
        let (mapping, offset) = (mapping(head), index(head))
        if kind == .anonymous { cpu.count(.anonymous, order: order, -1) }
        for number in 0..<(1 << order) {
            let frame = page(head, number)
            let isHead = number == 0
            initialize(
                cpu, frame, kind, flags: folioBits | (isHead ? lockBits : 0),
                references: isHead ? referencesOfHead : 1, mappings: 0, mapping: mapping,
                index: offset &+ UInt64(number))
        }
    }
}

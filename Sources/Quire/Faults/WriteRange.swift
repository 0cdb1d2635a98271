// Beyond Linux, with `cow.range=on`: a write fault on a page of a large folio makes more than that page writable, or copies
// more than that page. What may be written at once is the longest run around the page that belongs to this mapping alone
// (S2-05). What is copied at once becomes one new folio, in place of entries of which none is exclusive: an exclusive page
// may be pinned by somebody who takes no lock, and must stay what is mapped (S2-06, S2-08).
//
//     entries   0  1  2  3  4  5  6  7        x exclusive, s maybe shared, – not of this folio
//               s  x  x  –  s  s  s  s        fault at 2: 1–2 become writable; fault at 6: 4–7 are copied

/// The ranges, apart from page tables: `accepts` says what of an entry.
enum WriteRange {
    /// The longest range of accepted entries around one within bounds; the one is accepted.
    static func run(around index: Int, in bounds: Range<Int>, accepts: (Int) -> Bool) -> Range<Int> {
        var first = index
        while first > bounds.lowerBound, accepts(first - 1) { first -= 1 }
        var end = index + 1
        while end < bounds.upperBound, accepts(end) { end += 1 }
        return first..<end
    }

    /// The largest aligned range around an entry whose order is in the set and whose entries are all within bounds and
    /// accepted; nil where only the one would remain.
    static func block(
        around index: Int, in bounds: Range<Int>, _ orders: Orders, accepts: (Int) -> Bool
    ) -> (first: Int, order: Int)? {
        let run = run(around: index, in: bounds, accepts: accepts)
        var left = orders
        while let order = left.largest {
            left.remove(Orders(order: order))
            let first = index & ~(1 << order - 1)
            if first >= run.lowerBound, first + 1 << order <= run.upperBound { return (first, order) }
        }
        return nil
    }
}

extension AddressSpace {
    /// The entries of the fault's table that its area covers.
    private func bounds(_ context: FaultContext, _ index: Int) -> Range<Int> {
        let area = core.area(context.area)
        let below = Swift.min(UInt64(index), (context.page - area.start) >> Page.shift)
        let above = Swift.min(UInt64(512 - index), (area.end - context.page) >> Page.shift)
        return index - Int(below)..<index + Int(above)
    }

    // MARK: Reuse

    /// Makes entries around the fault's writable whose pages are this mapping's alone, as the fault's own is; `isProven`
    /// says that the whole folio is. The table's lock is held.
    func reuseAround(
        _ cpu: CPU, _ context: FaultContext, _ table: FrameNumber, _ index: Int, _ frame: FrameNumber, isProven: Bool
    ) {
        let format = tables.format
        let range = WriteRange.run(around: index, in: bounds(context, index)) { place in
            isNeighbour(cpu, table, place, of: index, frame)
                && (isProven || memory.has(cpu, page(frame, place - index), FrameFlags.anonExclusive))
        }
        for place in range where place != index {
            let entry = tables.load(cpu, table, place)
            if format.isWritable(entry) { continue }
            memory.flags(page(frame, place - index)).set(cpu, bits: FrameFlags.anonExclusive, .frameFlags)
            tables.update(cpu, table, place, format.writable(entry))
        }
        cpu.count(.pagesReused, UInt64(range.count - 1))
    }

    /// Whether an entry maps the page of the same folio that its distance from another implies.
    private func isNeighbour(
        _ cpu: CPU, _ table: FrameNumber, _ place: Int, of index: Int, _ frame: FrameNumber
    ) -> Bool {
        let entry = tables.load(cpu, table, place)
        let wanted = page(frame, place - index)
        return tables.format.isPresent(entry) && tables.format.frame(entry) == wanted
            && memory.head(cpu, wanted) == memory.head(cpu, frame)
    }

    private func page(_ frame: FrameNumber, _ distance: Int) -> FrameNumber {
        FrameNumber(UInt32(truncatingIfNeeded: Int(frame.rawValue) + distance))
    }

    // MARK: Copy

    /// Copies the largest range around the fault that a folio may be had for. Nil: one page must do.
    func copyRange(
        _ cpu: CPU, _ context: FaultContext, _ position: TablePosition, _ index: Int, _ seen: Entry
    ) -> FaultOutcome? {
        let frame = tables.format.frame(seen)
        let orders = allowedOrders(context.area, .fault).subtracting(.huge)
        guard frame == core.zeroFrame || memory.kind(cpu, frame) == .anonymous,
            let block = WriteRange.block(
                around: index, in: bounds(context, index), orders,
                accepts: { mayReplace(cpu, position.table, $0, index, frame) })
        else { return nil }
        let isZero = frame == core.zeroFrame
        let head = newAnonymousFolio(cpu, context, order: block.order, zeroed: isZero)
        guard !head.isNone else { return nil }
        let pages = 1 << block.order
        if !isZero {
            let first = page(frame, block.first - index)
            for number in 0..<pages {
                memory.copy(cpu, from: page(first, number), to: memory.page(head, number))
            }
        }
        guard tables.lockIfAttached(cpu, position, context.page) else {
            memory.put(cpu, folio: head, count: 1)
            return .retry
        }
        defer { tables.pteLock(position.table).unlock(cpu) }
        // What was copied must still be there, and still be nobody's own.
        let all = block.first..<(block.first + pages)
        guard cpu.lacks(.rangeAfterLock) || all.allSatisfy({ mayReplace(cpu, position.table, $0, index, frame) }) else {
            memory.put(cpu, folio: head, count: 1)
            return .retry
        }
        replaceRange(cpu, context, position.table, index, block.first, pages, frame, with: head)
        return .done(major: false)
    }

    /// Whether an entry may give way to a copy with its neighbour `index`, which maps `frame`: it maps the zero page like
    /// that one, or the page of the same folio that is in its place, and nobody may write it or rely on it.
    private func mayReplace(
        _ cpu: CPU, _ table: FrameNumber, _ place: Int, _ index: Int, _ frame: FrameNumber
    ) -> Bool {
        let entry = tables.load(cpu, table, place)
        if cpu.lacks(.exclusiveStaysOut) { return isNeighbour(cpu, table, place, of: index, frame) }
        guard tables.format.isPresent(entry), !tables.format.isWritable(entry) else { return false }
        if frame == core.zeroFrame { return tables.format.frame(entry) == frame }
        return isNeighbour(cpu, table, place, of: index, frame)
            && !memory.has(cpu, page(frame, place - index), FrameFlags.anonExclusive)
    }

    /// The old entries go, the TLBs are flushed, and only then come the new ones.
    private func replaceRange(
        _ cpu: CPU, _ context: FaultContext, _ table: FrameNumber, _ index: Int, _ first: Int, _ pages: Int,
        _ frame: FrameNumber, with head: FrameNumber
    ) {
        let start = context.page &- UInt64(index - first) << Page.shift
        _ = tables.takeOutRun(cpu, table, first, count: pages)
        tables.removed(cpu, table, pages)
        tables.flushRange(cpu, start, start + UInt64(pages) << Page.shift)
        let flags = core.areas[context.area].flags
        if frame == core.zeroFrame {
            tables.counters.add(cpu, SpaceCounter.anonymous, Int64(pages))
        } else {
            let old = memory.head(cpu, frame)
            if flags.contains(.locked) { memory.countLocked(cpu, old, more: false) }
            memory.removeMappings(cpu, page(frame, first - index), count: pages, owner: number)
            memory.put(cpu, folio: old, count: UInt32(pages))
        }
        memory.refcount(head).add(cpu, UInt32(pages - 1), .refcount)
        memory.mapPages(cpu, head, first: 0, count: pages, owner: number)
        if flags.contains(.locked) { memory.countLocked(cpu, head, more: true) }
        let format = tables.format
        let entry = format.leaf(
            head, read: !flags.isDisjoint(with: .rights), write: flags.contains(.write),
            execute: flags.contains(.execute))
        tables.installRun(cpu, table, first, count: pages, format.dirtied(entry))
    }
}

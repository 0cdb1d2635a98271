// brk: the heap's end moves; growth is an anonymous mapping that joins the area below it. Linux: sys_brk,
// do_brk_flags.

extension AddressSpace {
    /// The system call: the heap's end after it. Never fails; an end that cannot be had leaves the old one. The mmap
    /// lock is held for write.
    func setHeapEnd(_ cpu: CPU, _ wanted: UInt64) -> UInt64 {
        let numbers = numbers
        guard numbers.heapStart != 0, wanted >= numbers.heapStart, wanted <= tables.format.userEnd else {
            return numbers.heapEnd
        }
        guard wanted - numbers.heapStart <= numbers.limits.data.soft else { return numbers.heapEnd }
        let new = Page.ceiling(wanted)
        let old = Page.ceiling(numbers.heapEnd)
        if new < old {
            // Where the program has unmapped what would go, the end stays.
            let lowest = areas.find(new)
            guard !lowest.isNone, core.areas[lowest].start < old, (try? makeHole(cpu, new, old)) != nil else {
                return numbers.heapEnd
            }
        } else if new > old {
            guard growHeap(cpu, old, new) else { return numbers.heapEnd }
        }
        self.numbers.heapEnd = wanted
        return wanted
    }

    private func growHeap(_ cpu: CPU, _ start: UInt64, _ end: UInt64) -> Bool {
        guard end <= tables.format.userEnd else { return false }
        let above = areas.find(start)
        if !above.isNone, core.areas[above].startWithGap(core.settings.stackGuardGap) < end + Page.size { return false }
        var flags: AreaFlags = [.read, .write, .account]
        flags.formUnion(.allMay)
        flags.formUnion(numbers.defaultFlags)
        if numbers.mergesAll { flags.insert(.mergeable) }
        let pages = (end - start) >> Page.shift
        guard !flags.contains(.locked) || mayLock(pages: pages), mayExpand(flags, pages: pages),
            areas.count <= core.settings.maxMapCount, (try? commit(cpu, pages: pages)) != nil
        else { return false }
        let record = Area(
            start: start, end: end, flags: flags, pageOffset: start >> Page.shift, kind: .anonymous, space: number)
        let proposal = Proposal(
            start: start, end: end, pageOffset: record.pageOffset, attributes: AreaAttributes(record))
        let place = areas.cursor(atOrAbove: start)
        // The heap never joins what ends where it begins (vma_prev_limit).
        let mayMerge = start > numbers.heapStart
        do throws(Errno) {
            let merged = mayMerge ? try mergeNew(cpu, proposal, below: place) : .none
            if merged.isNone { try insertArea(cpu, record, .below(place)) }
        } catch {
            core.uncommit(cpu, pages: pages)
            return false
        }
        account(flags, pages: Int64(pages))
        if flags.contains(.locked) { numbers.lockedPages += pages }
        return true
    }
}

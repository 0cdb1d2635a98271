// Splitting a large anonymous folio into folios of one page: freeze every mapping, make sure that nobody else has it, take
// the records apart, thaw. Pages that nothing mapped are free afterwards, and mapped pages of zeroes give way to the zero
// page. Linux: split_folio, __folio_split, split_huge_page_to_list_to_order.

/// What came of an attempt to split a folio.
enum FolioSplit: BitwiseCopyable {
    case done
    /// Nothing maps it (EBUSY).
    case unmapped
    /// Somebody else has a reference (EAGAIN).
    case referenced
}

extension MachineCore {
    /// Splits a folio. The caller holds its lock and `held` references, and keeps both on the first page.
    func splitFolio(_ cpu: CPU, _ head: FrameNumber, held: UInt32 = 1) -> FolioSplit {
        let order = memory.order(cpu, head)
        let outcome = trySplit(cpu, head, order, held)
        cpu.count(outcome == .done ? .split : .splitFailed, order: order)
        if order == FolioOrder.huge { cpu.count(outcome == .done ? .foliosSplit : .splitsFailed) }
        return outcome
    }

    private func trySplit(_ cpu: CPU, _ head: FrameNumber, _ order: Int, _ held: UInt32) -> FolioSplit {
        guard let anonVMA = lockAnonVMA(cpu, of: head) else { return .unmapped }
        defer { lock(of: anonVMA).writeUnlock(cpu) }
        let expected = memory.mappings(cpu, head) + held
        guard memory.refcount(head).load(cpu, .refcount) == expected else { return .referenced }
        let (offset, pages) = (memory.index(head), UInt64(1) << UInt64(order))
        eachMapping(anonVMA, pageOffset: offset, pages: pages) { freeze(cpu, head, $0) }
        // From here on a lock-free reader finds no reference to take.
        let isAlone = cpu.lacks(.countBeforeSplit) || memory.refcount(head).replace(cpu, held, with: 0, .refcount)
        if isAlone { memory.splitRecords(cpu, head, order: order, referencesOfHead: held) }
        // Whether a page of zeroes is given up depends on whether a locked area has it back already.
        eachMappingInOrder(anonVMA, pageOffset: offset, pages: pages) { thaw(cpu, head, $0, dropsZeroes: isAlone) }
        guard isAlone else { return .referenced }
        for number in 1..<(1 << order) { memory.put(cpu, memory.page(head, number)) }
        return .done
    }

    /// Splits a folio that somebody found mapped and has a reference to, which this drops. False: it is still whole.
    func trySplitAndPut(_ cpu: CPU, _ head: FrameNumber) -> Bool {
        let lock = memory.folioLock(head)
        guard lock.tryLock(cpu) else {
            memory.put(cpu, folio: head, count: 1)
            return false
        }
        let isSplit = splitFolio(cpu, head) == .done
        lock.unlock(cpu)
        memory.put(cpu, head)
        return isSplit
    }
}

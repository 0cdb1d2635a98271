// Freeing PTE pages that a zap left empty. Lock order is PMD before PTE; the zap holds the PTE lock, so the fast path
// may only try the PMD lock. The slow path takes both in order and looks at all 512 entries again, because the table
// may have been filled meanwhile, or be gone. The RFC's way is a separate scan after the zap (RFCReclaim.swift); what neither
// gets is left to the background (AsyncReclaim.swift).
// Linux: mm/pt_reclaim.c: try_get_and_clear_pmd, try_to_free_pte, free_pte.

extension AddressSpace {
    /// With the PTE lock held and every entry of the span just cleared: cuts the table out if the PMD lock is free.
    func detachFast(_ cpu: CPU, _ position: TablePosition, _ address: UInt64) -> Bool {
        let pmdLock = tables.pmdLock(position.pmdTable)
        guard !core.settings.failTryLock, !cpu.happens(.tryLockFails) else { return false }
        if cpu.lacks(.tryLockOfPMD) {
            pmdLock.lock(cpu)
        } else {
            guard pmdLock.tryLock(cpu) else { return false }
        }
        let attached = detach(cpu, position, address)
        pmdLock.unlock(cpu)
        return attached
    }

    /// Clears the PMD entry if it still names the table. The PMD lock is held.
    func detach(_ cpu: CPU, _ position: TablePosition, _ address: UInt64) -> Bool {
        let index = tables.format.index(address, level: 1)
        guard cpu.lacks(.secondLookAtPMD) || tables.load(cpu, position.pmdTable, index) == position.pmdEntry else {
            return false
        }
        tables.clear(cpu, position.pmdTable, index)
        tables.removed(cpu, position.pmdTable, 1)
        return true
    }

    /// The table may be empty but could not be cut out in passing: looks again under both locks.
    func reclaimSlowly(_ cpu: CPU, _ gather: inout Gather, _ position: TablePosition, _ address: UInt64) {
        guard detachIfEmpty(cpu, position, address) else { return }
        cpu.count(.tablesFreedSlow)
        // Outside of the locks: the gather may have to flush at once.
        freeDetached(cpu, &gather, position.table, address)
    }

    /// With neither lock held: takes both, and cuts the table out if it still hangs there and is empty.
    private func detachIfEmpty(_ cpu: CPU, _ position: TablePosition, _ address: UInt64) -> Bool {
        underBothLocks(cpu, position, address) {
            guard cpu.lacks(.secondLookAtEntries) || isEmpty(cpu, position.table) else {
                cpu.count(.reclaimRetried)
                return false
            }
            return detach(cpu, position, address)
        }
    }

    /// With neither lock held: takes the PMD table's and the PTE table's, in order, and runs `body` if the one still hangs
    /// in the other; else false.
    func underBothLocks(_ cpu: CPU, _ position: TablePosition, _ address: UInt64, _ body: () -> Bool) -> Bool {
        let pmdLock = tables.pmdLock(position.pmdTable)
        let pteLock = tables.pteLock(position.table)
        pmdLock.lock(cpu)
        defer { pmdLock.unlock(cpu) }
        let pmdEntry = tables.load(cpu, position.pmdTable, tables.format.index(address, level: 1))
        guard cpu.lacks(.secondLookAtPMD) || pmdEntry == position.pmdEntry else { return false }
        let nested = !pteLock.isSame(as: pmdLock)
        if nested { pteLock.lock(cpu) }
        defer { if nested { pteLock.unlock(cpu) } }
        return body()
    }

    /// Whether all 512 entries of a table are none.
    func isEmpty(_ cpu: CPU, _ table: FrameNumber) -> Bool {
        for index in 0..<512 where !tables.load(cpu, table, index).isNone { return false }
        return true
    }

    /// Hands a table that was cut out to the gather and counts it down (free_pte).
    func freeDetached(_ cpu: CPU, _ gather: inout Gather, _ table: FrameNumber, _ address: UInt64) {
        tables.uncounted(cpu, table, level: 0)
        let shift = tables.format.shift(ofLevel: 1)
        gather.addTable(table, at: address & ~(1 << shift - 1), by: shift)
    }
}

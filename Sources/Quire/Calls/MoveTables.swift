// Moving entries from one range to another: whole PMD or PTE tables where both ranges cover the same part of an entry's
// span, else entry by entry under both tables' locks. The mmap lock is held for write, which is what makes any order
// of the two locks legal. Linux: move_page_tables, move_normal_pud, move_normal_pmd, move_ptes.

extension AddressSpace {
    /// Makes the tables that `moveTables` will need at the target, so that it cannot fail half-way with pages on both
    /// sides. False where memory is used up; what was made is then the caller's to free. (Linux moves what it can, and
    /// back again where it cannot go on.)
    func makeTargetTables(_ cpu: CPU, from: UInt64, to: UInt64, length: UInt64) -> Bool {
        memory.rcu.enter(cpu)
        defer { memory.rcu.exit(cpu) }
        var moved: UInt64 = 0
        while moved < length {
            let (source, target) = (from + moved, to + moved)
            let upper = stepLength(source, target, length - moved, level: 2)
            if tables.table(cpu, source, level: 1).isNone {
                moved += upper
                continue
            }
            // A table above the PMD level is made wherever the source has one, even if nothing is to be moved.
            guard let upperTable = tables.allocatingTable(cpu, target, level: 2) else { return false }
            if upper == span(2), tables.load(cpu, upperTable, tables.format.index(target, level: 2)).isNone {
                moved += upper
                continue
            }
            let step = stepLength(source, target, length - moved, level: 1)
            moved += step
            if tables.position(cpu, source).table.isNone { continue }
            if step == span(1) {
                guard let pmdTable = tables.allocatingTable(cpu, target, level: 1) else { return false }
                if tables.load(cpu, pmdTable, tables.format.index(target, level: 1)).isNone { continue }
            }
            if tables.allocatingPosition(cpu, target) == nil { return false }
        }
        return true
    }

    /// Moves what is mapped in [from, from + length) to `to`, where `area` is. `makeTargetTables` has been called.
    func moveTables(_ cpu: CPU, _ area: Handle<Area>, from: UInt64, to: UInt64, length: UInt64) {
        // Afterwards, for the same reason as in a zap.
        defer { movePins(cpu, from: from, to: to, length: length) }
        // Whoever follows a folio to its mappings finds each entry at one of the two places (take_rmap_locks).
        let (file, anonVMA) = (core.areas[area].file, core.areas[area].anonVMA)
        if !file.isNone { core.areasLock(file).writeLock(cpu) }
        defer { if !file.isNone { core.areasLock(file).writeUnlock(cpu) } }
        if !anonVMA.isNone { core.lock(of: anonVMA).writeLock(cpu) }
        defer { if !anonVMA.isNone { core.lock(of: anonVMA).writeUnlock(cpu) } }
        var moved: UInt64 = 0
        while moved < length {
            let (source, target) = (from + moved, to + moved)
            let upper = stepLength(source, target, length - moved, level: 2)
            if tables.table(cpu, source, level: 1).isNone
                || upper == span(2) && moveWholeTable(cpu, source, target, level: 2)
            {
                moved += upper
                continue
            }
            let step = stepLength(source, target, length - moved, level: 1)
            let whole =
                moveLeaf(cpu, area, source, target, step)
                || step == span(1) && moveWholeTable(cpu, source, target, level: 1)
            if !whole { moveEntries(cpu, source, target, step) }
            moved += step
        }
    }

    /// The bytes that an entry of a level covers.
    private func span(_ level: Int) -> UInt64 { 1 << tables.format.shift(ofLevel: level) }

    /// How far the range reaches within one entry of a level on either side.
    private func stepLength(_ source: UInt64, _ target: UInt64, _ left: UInt64, level: Int) -> UInt64 {
        let span = span(level)
        return Swift.min(span - source & (span - 1), span - target & (span - 1), left)
    }

    /// Hangs the table below the source's entry of a level below the target's, if there is none yet. True where there is
    /// nothing to move, too.
    private func moveWholeTable(_ cpu: CPU, _ source: UInt64, _ target: UInt64, level: Int) -> Bool {
        memory.rcu.enter(cpu)
        defer { memory.rcu.exit(cpu) }
        let from = tables.table(cpu, source, level: level)
        let sourceIndex = tables.format.index(source, level: level)
        guard !from.isNone, tables.format.isValidForHardware(tables.load(cpu, from, sourceIndex)) else { return true }
        guard let to = tables.allocatingTable(cpu, target, level: level) else { return false }
        let index = tables.format.index(target, level: level)
        guard tables.load(cpu, to, index).isNone else { return false }
        let lock = level == 1 ? tables.pmdLock(from) : tables.pageTableLock
        let other = level == 1 ? tables.pmdLock(to) : tables.pageTableLock
        lock.lock(cpu)
        let entry = tables.takeOut(cpu, from, sourceIndex)
        tables.removed(cpu, from, 1)
        lock.unlock(cpu)
        tables.flushRange(cpu, source, source + span(level))
        other.lock(cpu)
        tables.setBases(cpu, below: entry, target, level: level)
        tables.install(cpu, to, index, entry)
        other.unlock(cpu)
        return true
    }

    /// Moves the entries of a range that lies in one table on either side.
    private func moveEntries(_ cpu: CPU, _ source: UInt64, _ target: UInt64, _ length: UInt64) {
        memory.rcu.enter(cpu)
        defer { memory.rcu.exit(cpu) }
        let from = tables.position(cpu, source)
        guard !from.table.isNone else { return }
        guard let to = tables.allocatingPosition(cpu, target), !to.table.isNone else {
            preconditionFailure("a table that was made for a move is gone")
        }
        tables.pteLock(from.table).lock(cpu)
        let nested = !tables.pteLock(to.table).isSame(as: tables.pteLock(from.table))
        if nested { tables.pteLock(to.table).lock(cpu) }
        var taken = 0
        var wasMapped = false
        let sourceIndex = tables.format.index(source, level: 0)
        let targetIndex = tables.format.index(target, level: 0)
        let count = Int(length >> Page.shift)
        let batches = core.settings.batchMoves
        var place = 0
        while place < count {
            let index = sourceIndex + place
            let seen = tables.load(cpu, from.table, index)
            if seen.isNone {
                place += 1
                continue
            }
            wasMapped = wasMapped || tables.format.isPresent(seen)
            // At most what is left of a folded block: of it one value says all (docs/contpte.md, Q6).
            let batch = batches ? tables.batch(cpu, from.table, index, limit: count - place) : 1
            if batch > 1 {
                let entry = tables.takeOutRun(cpu, from.table, index, count: batch)
                tables.installRun(cpu, to.table, targetIndex + place, count: batch, entry)
            } else {
                tables.install(cpu, to.table, targetIndex + place, tables.takeOut(cpu, from.table, index))
            }
            taken += batch
            place += batch
        }
        tables.removed(cpu, from.table, taken)
        // Before anybody can take the pages from their new place: truncation of a file holds no lock that we hold.
        if wasMapped { tables.flushRange(cpu, source, source + length) }
        if nested { tables.pteLock(to.table).unlock(cpu) }
        tables.pteLock(from.table).unlock(cpu)
    }
}

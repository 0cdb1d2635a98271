// Moving entries from one range to another: whole PTE tables where both ranges cover the same part of their 2 MiB
// span, else entry by entry under both tables' locks. The mmap lock is held for write, which is what makes any order
// of the two locks legal. Linux: move_page_tables, move_normal_pmd, move_ptes.

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
            let step = stepLength(source, target, length - moved)
            moved += step
            let position = tables.position(cpu, source)
            if position.table.isNone { continue }
            if step == 512 * Page.size {
                guard let pmdTable = tables.allocatingTable(cpu, target, level: 1) else { return false }
                if tables.load(cpu, pmdTable, tables.format.index(target, level: 1)).isNone { continue }
            }
            if tables.populated(position.table) > 0, tables.allocatingPosition(cpu, target) == nil { return false }
        }
        return true
    }

    /// Moves what is mapped in [from, from + length) to `to`. `makeTargetTables` has been called.
    func moveTables(_ cpu: CPU, _ area: Handle<Area>, from: UInt64, to: UInt64, length: UInt64) {
        movePins(from: from, to: to, length: length)
        var moved: UInt64 = 0
        while moved < length {
            let (source, target) = (from + moved, to + moved)
            let step = stepLength(source, target, length - moved)
            let whole =
                moveLeaf(cpu, area, source, target, step)
                || step == 512 * Page.size && moveWholeTable(cpu, source, target)
            if !whole { moveEntries(cpu, source, target, step) }
            moved += step
        }
    }

    /// How far the range reaches within one table on either side.
    private func stepLength(_ source: UInt64, _ target: UInt64, _ left: UInt64) -> UInt64 {
        let span = 512 * Page.size
        return Swift.min(span - source & (span - 1), span - target & (span - 1), left)
    }

    /// Hangs the PTE table of a whole span below the target's PMD entry, if there is none yet.
    private func moveWholeTable(_ cpu: CPU, _ source: UInt64, _ target: UInt64) -> Bool {
        memory.rcu.enter(cpu)
        defer { memory.rcu.exit(cpu) }
        let position = tables.position(cpu, source)
        guard !position.table.isNone else { return true }
        guard let targetPMD = tables.allocatingTable(cpu, target, level: 1) else { return false }
        let index = tables.format.index(target, level: 1)
        guard tables.load(cpu, targetPMD, index).isNone else { return false }
        let lock = tables.pmdLock(position.pmdTable)
        let other = tables.pmdLock(targetPMD)
        lock.lock(cpu)
        let sourceIndex = tables.format.index(source, level: 1)
        let entry = tables.takeOut(cpu, position.pmdTable, sourceIndex)
        tables.removed(cpu, position.pmdTable, 1)
        lock.unlock(cpu)
        tables.flushRange(cpu, source, source + 512 * Page.size)
        other.lock(cpu)
        tables.setBase(of: tables.format.frame(entry), target)
        tables.install(cpu, targetPMD, index, entry)
        other.unlock(cpu)
        return true
    }

    /// Moves the entries of a range that lies in one table on either side.
    private func moveEntries(_ cpu: CPU, _ source: UInt64, _ target: UInt64, _ length: UInt64) {
        memory.rcu.enter(cpu)
        defer { memory.rcu.exit(cpu) }
        let from = tables.position(cpu, source)
        guard !from.table.isNone,
            let to = tables.allocatingPosition(cpu, target)
        else { return }
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
        if wasMapped { tables.flushRange(cpu, source, source + length) }
        if nested { tables.pteLock(to.table).unlock(cpu) }
        tables.pteLock(from.table).unlock(cpu)
    }
}

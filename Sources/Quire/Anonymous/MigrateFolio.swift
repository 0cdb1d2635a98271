// Moving an anonymous folio to other frames while programs use it: out of every mapping, copied, mapped again where it went.
// Whoever touches it meanwhile waits at a migration entry. A pin keeps a folio where it is.
// Linux: migrate_folio_unmap, migrate_folio_move, folio_migrate_mapping.

extension MachineCore {
    /// Moves a folio and returns its new head. The caller has found it mapped and holds a reference, which this drops. Nil:
    /// it stays where it is, since it is pinned, somebody else refers to it, nothing maps it, or there is no memory.
    func migrate(_ cpu: CPU, _ head: FrameNumber) -> FrameNumber? {
        defer { memory.put(cpu, folio: head, count: 1) }
        let order = memory.order(cpu, head)
        let new = memory.allocateFolio(cpu, order: order, .maySleep)
        guard !new.isNone else { return nil }
        let lock = memory.folioLock(head)
        lock.lock(cpu)
        defer { lock.unlock(cpu) }
        let isMoved = move(cpu, head, order, to: new)
        if !isMoved {
            if order == 0 { memory.free(cpu, new, unmovable: false) } else { memory.freeBlock(cpu, new, order: order) }
        }
        return isMoved ? new : nil
    }

    private func move(_ cpu: CPU, _ head: FrameNumber, _ order: Int, to new: FrameNumber) -> Bool {
        guard memory.kind(cpu, head) == .anonymous, let unmapped = tryToUnmap(cpu, head, as: .migration) else {
            return false
        }
        // From here on nobody finds a reference to take; the caller's is the last.
        guard unmapped.isComplete,
            cpu.lacks(.countBeforeMigration) || memory.refcount(head).replace(cpu, 1, with: 0, .refcount)
        else {
            putBack(cpu, unmapped)
            return false
        }
        let isPart = memory.has(cpu, head, FrameFlags.partlyMapped)
        copy(cpu, head, order, to: new)
        putBack(cpu, unmapped, at: new)
        if isPart { memory.joinSplitQueue(cpu, new) }
        memory.refcount(head).store(cpu, 1, .refcount)
        // What nothing maps any more goes at once.
        memory.put(cpu, folio: new, count: 1)
        return true
    }

    /// The new folio's record, with a reference of its own, and its contents.
    private func copy(_ cpu: CPU, _ head: FrameNumber, _ order: Int, to new: FrameNumber) {
        let bits = memory.flags(head).loadRelaxed(cpu, .frameFlags) & FrameFlags.ofFolio
        memory.initializeFolio(
            cpu, new, order: order, .anonymous, flags: bits, pageFlags: 0, references: 1, mapping: memory.mapping(head),
            index: memory.index(head))
        if order > 0 { cpu.count(.anonymous, order: order) }
        for number in 0..<(1 << order) {
            let (from, to) = (memory.page(head, number), memory.page(new, number))
            memory.copy(cpu, from: from, to: to)
        }
    }
}

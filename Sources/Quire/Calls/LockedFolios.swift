// Which folios a locked area keeps in memory: each counts the areas that have locked it. A large folio is locked only where
// its pages are all mapped in the area; whoever unmaps a part of one ends that, and reclaim would find the rest. The count
// may lag behind, and never goes below none. Linux: mlock_pte_range, allow_mlock_munlock, munlock_vma_folio.

extension AddressSpace {
    /// Tells the folios that are mapped in a range that one more area has them locked, or one less.
    func countLockedFolios(_ cpu: CPU, _ area: Handle<Area>, _ start: UInt64, _ end: UInt64, more: Bool) {
        eachLeaf(cpu, area, start, end) { _, entry, _ in
            if !isHugeZero(cpu, entry) { memory.countLocked(cpu, tables.format.frame(entry), more: more) }
        }
        eachTable(cpu, start, end) { table, from, to in
            var index = tables.format.index(from, level: 0)
            let limit = index + Int((to - from) >> Page.shift)
            while index < limit {
                let (head, pages) = run(cpu, table, index, limit - index)
                index += pages
                guard let head else { continue }
                if !more || pages == 1 << memory.order(cpu, head) { memory.countLocked(cpu, head, more: more) }
            }
        }
    }
}

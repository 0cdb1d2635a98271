// PTE tables that wait beside a PMD table, one for each of its entries that maps anonymous memory itself, so that such an
// entry can always be split. They count in VmPTE. The list hangs on the PMD table's record and changes under its lock.
// Linux: pgtable_trans_huge_deposit, pgtable_trans_huge_withdraw.

extension PageTables {
    /// Leaves an empty table, which is counted, with a PMD table.
    func deposit(_ cpu: CPU, _ table: FrameNumber, with pmdTable: FrameNumber) {
        memory.setNext(table, memory.previous(pmdTable))
        memory.setPrevious(pmdTable, table)
        counters.add(cpu, SpaceCounter.emptyTables, -1)
    }

    /// Takes a deposited table back, for its use. There is one for each leaf.
    func withdraw(_ cpu: CPU, from pmdTable: FrameNumber) -> FrameNumber {
        let table = memory.previous(pmdTable)
        precondition(!table.isNone, "a PMD leaf has no deposited table")
        memory.setPrevious(pmdTable, memory.next(table))
        memory.setNext(table, .none)
        counters.add(cpu, SpaceCounter.emptyTables, 1)
        return table
    }

    /// Takes a deposited table back and frees it (zap_deposited_table).
    func freeDeposited(_ cpu: CPU, from pmdTable: FrameNumber) {
        let table = withdraw(cpu, from: pmdTable)
        uncounted(cpu, table, level: 0)
        discard(cpu, table)
    }

    /// The number of tables that wait with a PMD table. O(their number).
    func deposited(with pmdTable: FrameNumber) -> Int {
        var count = 0
        var at = memory.previous(pmdTable)
        while !at.isNone {
            count += 1
            at = memory.next(at)
        }
        return count
    }
}

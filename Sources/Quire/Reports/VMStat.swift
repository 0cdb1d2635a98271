// What /proc/vmstat says of huge pages and of faults under an area's lock. Linux: vmstat_text, THP_*, and VMA_LOCK_*, which
// a kernel has that was built with CONFIG_PER_VMA_LOCK_STATS.

extension Machine {
    /// The lines of /proc/vmstat that the model counts, in the kernel's order; what cannot happen here is 0.
    public var vmstat: [(name: String, value: UInt64)] {
        let counters = counters
        return Self.vmstatNames.map { name in (name, counters.first { $0.name == name }?.value ?? 0) }
    }

    private static let vmstatNames = [
        "thp_migration_success", "thp_migration_fail", "thp_migration_split", "thp_fault_alloc", "thp_fault_fallback",
        "thp_fault_fallback_charge", "thp_collapse_alloc", "thp_collapse_alloc_failed", "thp_file_alloc",
        "thp_file_fallback", "thp_file_fallback_charge", "thp_file_mapped", "thp_split_page", "thp_split_page_failed",
        "thp_deferred_split_page", "thp_underused_split_page", "thp_split_pmd", "thp_scan_exceed_none_pte",
        "thp_scan_exceed_swap_pte", "thp_scan_exceed_share_pte", "thp_split_pud", "thp_zero_page_alloc",
        "thp_zero_page_alloc_failed", "thp_swpout", "thp_swpout_fallback", "vma_lock_success", "vma_lock_abort",
        "vma_lock_retry", "vma_lock_miss",
    ]
}

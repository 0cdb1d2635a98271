// What a zap is told: whether pages copied on write go as well, and whether PTE pages that become empty may be
// freed. Linux: struct zap_details, should_zap_cows, reclaim_pt_is_enabled.

/// The orders of one zap; nil at a call means unmap: everything goes, and the tables are freed elsewhere.
struct ZapDetails: BitwiseCopyable {
    /// Zap private copies of file pages too, not only the file's own.
    var evenCows = false
    /// Free PTE pages that become empty: MADV_DONTNEED alone asks for it.
    var reclaimTables = false

    /// Whether private copies go: without details, with even_cows, or when tables are to be reclaimed.
    static func zapsCows(_ details: ZapDetails?) -> Bool {
        guard let details else { return true }
        return details.evenCows || details.reclaimTables
    }

    /// Whether the call may free the PTE page of a span: it asked for it and covers 2 MiB in this span.
    static func reclaims(_ details: ZapDetails?, _ start: UInt64, _ end: UInt64, _ policy: EmptyTableReclaim) -> Bool {
        guard policy == .sync, let details else { return false }
        return details.reclaimTables && end - start >= 512 * Page.size
    }
}

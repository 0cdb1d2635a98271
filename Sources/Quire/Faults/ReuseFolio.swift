// Whether a write may go to a page that is not known to be this mapping's alone. It is decided for the whole folio, by one of
// four policies (`cow.reuse`); the fault then marks the one page, under the table's lock (S3-01, S3-02).
// Linux: wp_can_reuse_anon_folio, __wp_can_reuse_large_anon_folio; the scan is a proposal that was not merged (S2-10).

/// How a fault finds out that a large folio is mapped by nobody else. Of a small one the one reference always tells.
public enum ReusePolicy: UInt8, BitwiseCopyable, Sendable {
    /// The folio remembers who maps it: two address spaces at most, others are taken for sharers. As Linux since 6.15.
    case owner
    /// If there are no more references than pages, the entries around the fault are counted: all references must be theirs.
    case scan
    /// One reference: of a folio of which several pages are mapped all but the last are copied. As Linux before 6.15.
    case count
    /// A large folio is never reused.
    case small
}

extension AddressSpace {
    /// Whether nobody else refers to a folio at all. `frame` is the page of it that entry `index` of a table maps; the
    /// table's lock is held. O(1), but for the policy `scan` O(pages of the folio).
    func canReuse(_ cpu: CPU, _ head: FrameNumber, _ frame: FrameNumber, _ table: FrameNumber, _ index: Int) -> Bool {
        let references = memory.refcount(head).load(cpu, .refcount)
        guard memory.isLarge(cpu, head) else { return references == 1 }
        switch core.settings.reuse {
        case .owner: return isOwner(cpu, head, references)
        case .scan: return hasAllReferences(cpu, head, references, table, index - memory.pageNumber(frame, of: head))
        case .count: return references == 1
        case .small: return false
        }
    }

    /// The scan where no lock keeps the counts still: for explorers.
    func canReuseSeen(_ cpu: CPU, _ frame: FrameNumber, _ table: FrameNumber, _ index: Int) -> Bool {
        let head = memory.head(cpu, frame)
        let own = ownEntries(cpu, head, table, index - memory.pageNumber(frame, of: head))
        return memory.refcount(head).load(cpu, .refcount) == own
    }

    /// Whether one address space alone maps a large folio, and by all of its references. The last mapped page is copied,
    /// so that the rest of the folio becomes free.
    private func isOwner(_ cpu: CPU, _ head: FrameNumber, _ references: UInt32) -> Bool {
        let mappings = memory.mappings(cpu, head)
        guard mappings > 1, references == mappings, memory.isMappedByOneSpace(cpu, head) else { return false }
        // Worth the lock: without it counts may be of different moments (RaceRegressionTests).
        return cpu.lacks(.ownerUnderLock) || memory.isOwnedByOneSpace(cpu, head)
    }

    /// Whether all references to a large folio are entries of this table, counted where its pages lie if page 0 is at entry
    /// `first`, which may be outside of the table. Entries elsewhere make it say no: that is a copy more, never a page lost.
    private func hasAllReferences(
        _ cpu: CPU, _ head: FrameNumber, _ references: UInt32, _ table: FrameNumber, _ first: Int
    ) -> Bool {
        let pages = 1 << memory.order(cpu, head)
        return references <= UInt32(pages) && references == ownEntries(cpu, head, table, first)
    }

    /// The entries of a table that map a folio's pages where they lie if page 0 is at entry `first`.
    private func ownEntries(_ cpu: CPU, _ head: FrameNumber, _ table: FrameNumber, _ first: Int) -> UInt32 {
        let pages = 1 << memory.order(cpu, head)
        var own: UInt32 = 0
        for place in Swift.max(first, 0)..<Swift.min(first + pages, 512) {
            let entry = tables.load(cpu, table, place)
            let isOwn =
                tables.format.isPresent(entry) && tables.format.frame(entry) == memory.page(head, place - first)
            if isOwn { own += 1 }
        }
        return own
    }
}

// Where a mapping goes whose place the caller leaves open: the hint if it is free, else the highest free range below
// mmap_base; anonymous mappings of whole 2 MiB are aligned to 2 MiB. MAP_32BIT, which x86 alone has, looks from 1 GiB up
// to 2 GiB. Linux: get_unmapped_area, arch_get_unmapped_area_topdown, thp_get_unmapped_area.

extension AddressSpace {
    /// The address for `length` bytes (a multiple of the page size). Throws ENOMEM or EINVAL.
    func unmappedArea(
        _ hint: UInt64, _ length: UInt64, fixed: Bool, alignsHuge: Bool, low32: Bool = false
    ) throws(Errno) -> UInt64 {
        let userEnd = tables.format.userEnd
        guard length <= userEnd else { throw .ENOMEM }
        if fixed {
            guard hint <= userEnd - length else {
                // The kernel carries errors as the highest addresses: such an address reads as one.
                throw hint > 0 &- 4096 ? Errno(rawValue: Int32(0 &- hint)) ?? .ENOMEM : .ENOMEM
            }
            guard hint & Page.offsetMask == 0 else { throw .EINVAL }
            return hint
        }
        let low32 = low32 && tables.format.checksUpperBits
        let end = low32 ? Swift.max(low32End, length) : userEnd
        if hint != 0, hint <= end - length, isFree(hint, length) { return hint }
        let huge: UInt64 = 512 * Page.size
        if alignsHuge, hint == 0, length & (huge - 1) == 0, let padded = search(length &+ huge, low32) {
            let offset = (0 &- padded) & (huge - 1)
            return padded + (offset == 0 ? huge : offset)
        }
        guard let found = search(length, low32) else { throw .ENOMEM }
        return found
    }

    /// Whether a range is free and keeps its distance from a stack above.
    private func isFree(_ start: UInt64, _ length: UInt64) -> Bool {
        guard start >= core.settings.mmapMinAddress else { return false }
        let above = areas.find(start)
        return above.isNone || start + length <= core.areas[above].startWithGap(core.settings.stackGuardGap)
    }

    private var low32End: UInt64 { 1 << 31 }

    private func search(_ length: UInt64, _ low32: Bool) -> UInt64? {
        let settings = core.settings
        if low32 {
            return areas.lowestGap(
                length: length, low: 1 << 30, high: low32End, guardGap: settings.stackGuardGap)
        }
        let low = Swift.max(Page.size, settings.mmapMinAddress)
        if let found = areas.highestGap(
            length: length, low: low, high: settings.mmapBase, guardGap: settings.stackGuardGap)
        {
            return found
        }
        return areas.lowestGap(
            length: length, low: Page.floor(tables.format.userEnd / 3), high: tables.format.userEnd,
            guardGap: settings.stackGuardGap)
    }
}

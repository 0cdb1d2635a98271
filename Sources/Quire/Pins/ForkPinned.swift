// fork and pins: a page that may be pinned through this address space stays its own. The child gets a copy at once, which
// belongs to it alone. Linux: folio_needs_cow_for_dma, copy_present_page.

extension AddressSpace {
    /// Whether fork must copy a page now instead of sharing it.
    func isPinned(_ cpu: CPU, _ frame: FrameNumber) -> Bool {
        memory.kind(cpu, frame) == .anonymous && memory.has(cpu, frame, FrameFlags.anonExclusive)
            && memory.mayBePinned(cpu, memory.head(cpu, frame))
    }

    /// Gives the child a copy of a pinned page in `spare`; `copy` is its area. Both tables' locks are held.
    func copyPinned(
        _ cpu: CPU, _ area: Area, _ frame: FrameNumber, into child: AddressSpace, _ copy: Handle<Area>,
        _ table: FrameNumber, _ index: Int, _ spare: FrameNumber
    ) {
        let offset = memory.pageOffset(cpu, frame)
        memory.copy(cpu, from: frame, to: spare)
        let anonVMA = core.areas[copy].anonVMA
        memory.initialize(
            cpu, spare, .anonymous, flags: FrameFlags.swapBacked | FrameFlags.anonExclusive, references: 1, mappings: 1,
            mapping: anonVMA.index, index: offset)
        child.tables.counters.add(cpu, SpaceCounter.anonymous, 1)
        let format = tables.format
        let entry = format.leaf(
            spare, read: !area.flags.isDisjoint(with: .rights), write: area.flags.contains(.write),
            execute: area.flags.contains(.execute))
        child.tables.install(cpu, table, index, format.dirtied(entry))
    }
}

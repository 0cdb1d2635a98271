// The lock of a folio: whoever splits it, moves it elsewhere or takes it from every mapping holds it, and whoever only
// wants to know whether the folio is quiet tries it. The bits stand in the head's flags.
// Linux: folio_lock, folio_trylock, folio_unlock.

extension PhysicalMemory {
    /// The lock of a folio, by its head. The caller has a reference, so that the head stays one.
    @inline(__always) func folioLock(_ head: FrameNumber) -> BitLock {
        BitLock(flags(head), held: FrameFlags.folioLock, sleepers: FrameFlags.folioSleepers, .folio)
    }
}

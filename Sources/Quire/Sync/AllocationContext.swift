// What an allocation may do and what it is for. Whoever holds a spin lock may not sleep, and so may not ask in a way that
// sleeps: debug builds trap (docs/locking.md). Linux: gfp_t; GFP_KERNEL is `[.maySleep, .mayReclaim]`, GFP_ATOMIC `[]`.

/// The context of an allocation.
struct AllocationContext: OptionSet, BitwiseCopyable {
    let rawValue: UInt8
    /// Tables and other frames that cannot be moved.
    static let unmovable = AllocationContext(rawValue: 1)
    /// The frame must read as zero.
    static let zeroed = AllocationContext(rawValue: 2)
    /// The caller may sleep (and so may wait for memory).
    static let maySleep = AllocationContext(rawValue: 4)
    /// Others may be made to give memory back. Only fork's bulk asks so far (Machine/Reclaim).
    static let mayReclaim = AllocationContext(rawValue: 8)
}

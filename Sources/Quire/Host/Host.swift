// What a machine asks of the system it runs on. A `Host` is a small value of functions: reserve and release
// memory, give pages back, park and unpark a thread. `QuireHost` has the one for Linux; a bare-metal embedder or a
// test hands in its own. Nothing below or beside this file may be called by the core to reach the outside world.

/// The functions that a machine needs from the system underneath it.
///
/// All sizes are bytes and multiples of 4,096. Memory that `reserve` returned reads as zero until it is written,
/// costs nothing until then, and is aligned to 4,096 bytes at least.
@safe public struct Host: Sendable {
    /// Reserves address space without committing memory; nil where the host has none left.
    public var reserve: @Sendable (_ bytes: Int) -> UnsafeMutableRawPointer?
    /// Ends a reservation made by `reserve`, whole.
    public var release: @Sendable (_ start: UnsafeMutableRawPointer, _ bytes: Int) -> Void
    /// Gives the memory of a page-aligned range back; the range reads as zero afterwards.
    public var discard: @Sendable (_ start: UnsafeMutableRawPointer, _ bytes: Int) -> Void
    /// Sleeps while the word has the expected value; may return for no reason (a futex wait).
    public var park: @Sendable (_ word: UnsafeMutablePointer<UInt32>, _ expected: UInt32) -> Void
    /// Wakes at most `count` threads that are parked on the word.
    public var unpark: @Sendable (_ word: UnsafeMutablePointer<UInt32>, _ count: Int) -> Void
    /// Lets other threads run: called in loops that spin.
    public var relax: @Sendable () -> Void

    /// Puts a host together from its functions.
    public init(
        reserve: @escaping @Sendable (Int) -> UnsafeMutableRawPointer?,
        release: @escaping @Sendable (UnsafeMutableRawPointer, Int) -> Void,
        discard: @escaping @Sendable (UnsafeMutableRawPointer, Int) -> Void,
        park: @escaping @Sendable (UnsafeMutablePointer<UInt32>, UInt32) -> Void,
        unpark: @escaping @Sendable (UnsafeMutablePointer<UInt32>, Int) -> Void,
        relax: @escaping @Sendable () -> Void
    ) {
        unsafe self.reserve = reserve
        unsafe self.release = release
        unsafe self.discard = discard
        unsafe self.park = park
        unsafe self.unpark = unpark
        self.relax = relax
    }
}

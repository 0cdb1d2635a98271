// What of physical memory is in use, for a checkpoint: the allocator's state, the frames' records up to the frontier, and the
// frames that may hold something other than zeroes. Part of the unsafe floor. Machine/Checkpoint.swift puts it together.

extension PhysicalMemory {
    /// What of the memory is in use.
    func extents(cpus: Int) -> [Extent] {
        let layout = Layout(frames: Int(frameCount), cpus: cpus)
        var all = unsafe [
            Extent(UnsafeMutableRawPointer(mutating: parts), layout.stateBytes),
            Extent(records, frontier * Self.recordBytes),
        ]
        // What a free frame holds nobody reads: whoever takes it zeroes it.
        for number in 1..<frontier where mayHoldSomething(number) && !isFree(number) {
            unsafe all.append(Extent(base + number << Int(Page.shift), Int(Page.size)))
        }
        return all
    }

    /// Which frames may have held something, by number, up to the frontier of that moment.
    struct SavedFlags {
        fileprivate let mayHoldSomething: [Bool]
    }

    /// Which frames may hold something now: a run may write to others.
    func savedFlags() -> SavedFlags { SavedFlags(mayHoldSomething: (0..<frontier).map(mayHoldSomething)) }

    /// Zeroes what a run has written to frames that held nothing when `saved` was made, and records beyond the frontier of
    /// then. Called before the memory of then is put back. O(frontier).
    func forgetDirtied(since saved: SavedFlags) {
        let known = saved.mayHoldSomething.count
        for number in 1..<frontier where mayHoldSomething(number) {
            if number < known, saved.mayHoldSomething[number] { continue }
            unsafe (base + number << Int(Page.shift)).initializeMemory(as: UInt64.self, repeating: 0, count: 512)
        }
        guard frontier > known else { return }
        unsafe (records + known * Self.recordBytes).initializeMemory(
            as: UInt8.self, repeating: 0, count: (frontier - known) * Self.recordBytes)
    }

    /// The first frame never handed out.
    private var frontier: Int { unsafe Int(zone.pointee.frontier) }

    private func isFree(_ number: Int) -> Bool {
        unsafe (records + number * Self.recordBytes).load(as: UInt32.self) & FrameFlags.kind == FrameKind.free.rawValue
    }

    private func mayHoldSomething(_ number: Int) -> Bool {
        guard number > 0 else { return false }
        return unsafe (records + number * Self.recordBytes).load(as: UInt32.self) & FrameFlags.notZero != 0
    }
}

// The innermost loop of every walk: from a table down to the one of a level, entry by entry. Masks and the arena's
// base are taken once; the schedule point of each load is asked for once as well, since whether a machine is explored
// never changes. 9 instructions a level instead of 18, measured by callgrind on touch + MADV_DONTNEED.

import Synchronization

/// What a table entry reads under `table`, and where its frame is.
struct WalkMasks: BitwiseCopyable {
    let table: UInt64, tableValue: UInt64, frame: UInt64
    /// log2 of the bytes that an entry of the top table maps.
    let topShift: UInt64

    init(_ format: PageTableFormat) {
        table = format.present | format.huge
        tableValue = format.presentValue | (format.huge & ~format.hugeValue)
        frame = format.frameMask
        topShift = format.shift(ofLevel: format.levels - 1)
    }
}

extension PhysicalMemory {
    /// The table at the level whose entries map 2^`last` bytes, starting at `root`; none where an entry on the way is
    /// not a table.
    @inline(__always)
    func descend(
        _ cpu: CPU, _ root: FrameNumber, _ address: UInt64, to last: UInt64
    ) -> FrameNumber {
        let masks = walkMasks
        if cpu.isExplored { return descendInSteps(cpu, root, address, to: last, masks) }
        let base = unsafe self.base
        var table = root.address
        // Shifted by three less, bits 3…11 of the address are the byte offset of the entry in its table.
        var shift = masks.topShift &- 3
        while shift > last &- 3 {
            let place = Int(truncatingIfNeeded: table | ((address &>> shift) & 0xff8))
            let cell = unsafe (base + place).assumingMemoryBound(to: Atomic<UInt64>.self)
            let entry = unsafe cell.pointee.load(ordering: .acquiring)
            if entry & masks.table != masks.tableValue { return .none }
            table = entry & masks.frame
            shift &-= 9
        }
        return FrameNumber(UInt32(truncatingIfNeeded: table >> Page.shift))
    }

    /// The same with a schedule point at each load.
    @inline(never)
    private func descendInSteps(
        _ cpu: CPU, _ root: FrameNumber, _ address: UInt64, to last: UInt64, _ masks: WalkMasks
    ) -> FrameNumber {
        var table = root
        var shift = masks.topShift
        while shift > last {
            let entry = word(table, Int(truncatingIfNeeded: (address >> shift) & 511)).load(cpu, .entry)
            if entry & masks.table != masks.tableValue { return .none }
            table = FrameNumber(UInt32(truncatingIfNeeded: (entry & masks.frame) >> Page.shift))
            shift -= 9
        }
        return table
    }
}

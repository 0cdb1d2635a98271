// The TLB of one CPU: look-up, fill, and taking translations out. A key is the tag of an address space, the class of the
// size and the page's number; the payload is the entry with the frame that the size begins at, and the size that the tables
// had (a level may hold a piece of it). A set has its ways in the order of their last use, as a list, so that most look-ups
// end at the first key and the last one is the victim. Owned by its CPU; in parallel mode its lock is held.
// Linux: the hardware itself. Design: docs/tlb.md.

import Synchronization

/// The places of the parts of keys and payloads.
enum TLBKey {
    /// Bits 0–43: the page's number in units of the size. 44–46: the class. 48–63: the tag, never 0.
    static let classShift: UInt64 = 44
    static let tagShift: UInt64 = 48
    static let number: UInt64 = 1 << classShift - 1
    static let tag: UInt64 = 0xffff << tagShift

    /// In a payload, bits 12–43 are the frame and 44–46 the class of the leaf in the tables: simulated memory ends at 2^44.
    static let frameField: UInt64 = 0xffff_ffff << Page.shift
    static let originField: UInt64 = 7 << 44

    @inline(__always) static func frame(_ payload: UInt64) -> UInt32 {
        UInt32(truncatingIfNeeded: payload >> Page.shift)
    }
    @inline(__always) static func origin(_ payload: UInt64) -> Int { Int(truncatingIfNeeded: payload >> 44 & 7) }
    @inline(__always) static func sizeClass(_ key: UInt64) -> Int { Int(truncatingIfNeeded: key >> classShift & 7) }
}

/// A handle on the TLB of one CPU.
@safe struct TLB: BitwiseCopyable, @unchecked Sendable {
    let shared: UnsafeMutablePointer<TLBShared>
    let state: UnsafeMutablePointer<TLBState>

    /// The pages of the size 2^`shift` that lie before the address in it.
    @inline(__always) private func pagesBefore(_ address: UInt64, _ shift: UInt64) -> UInt64 {
        (address >> Page.shift) & (1 << (shift &- Page.shift) &- 1)
    }

    @inline(__always) private func set(_ probe: UnsafeMutablePointer<TLBProbe>, _ number: UInt64) -> TLBSet {
        let place = unsafe Int(truncatingIfNeeded: number & probe.pointee.setMask) &* probe.pointee.setBytes
        return unsafe TLBSet(
            base: UnsafeMutableRawPointer(state) + (probe.pointee.sets &+ place), width: probe.pointee.width)
    }

    // MARK: Look-up

    /// The translation of an address of the running space: the entry, as the payload has it, and the frame of the address.
    /// Nil where no level has one.
    @inline(__always) func lookUp(_ address: UInt64) -> (entry: Entry, frame: FrameNumber)? {
        let tag = unsafe state.pointee.tag
        var probe = unsafe probes
        let end = unsafe probe + shared.pointee.probeCount
        while unsafe probe < end {
            if unsafe probe.pointee.populated != 0 {
                let number = unsafe address &>> probe.pointee.shift
                let key = unsafe tag | probe.pointee.classBits | number
                let set = unsafe self.set(probe, number)
                let way = set.find(key)
                if way >= 0 {
                    unsafe probe.pointee.hits &+= 1
                    let payload = set.payload(way)
                    let frame =
                        unsafe TLBKey.frame(payload)
                        &+ UInt32(truncatingIfNeeded: pagesBefore(address, probe.pointee.shift))
                    if unsafe probe.pointee.level > 1 { unsafe promote(address, payload, frame, probe) }
                    return (Entry(payload), FrameNumber(frame))
                }
            }
            unsafe probe += 1
        }
        return nil
    }

    /// Copies a translation that a lower level had to the levels above it.
    private func promote(
        _ address: UInt64, _ payload: UInt64, _ frame: UInt32, _ probe: UnsafeMutablePointer<TLBProbe>
    ) {
        let (sizeClass, levels) = unsafe (TLBKey.sizeClass(probe.pointee.classBits), probe.pointee.level)
        for level in 1..<levels { fill(address, level: level, sizeClass, payload, frame, isAbsent: true) }
    }

    // MARK: Fill

    /// Caches the translation of an address at every level: `entry` is the leaf of class `leaf`, `frame` the address's.
    /// `isAbsent`: a look-up has just found none. Levels above `first` are left alone.
    @inline(__always)
    func fill(
        _ address: UInt64, _ entry: Entry, leaf: Int, _ frame: FrameNumber, frameMask: UInt64, isAbsent: Bool,
        from first: Int = 1
    ) {
        let payload = (entry.rawValue & ~frameMask) | UInt64(truncatingIfNeeded: leaf) << 44
        let levels = unsafe shared.pointee.levels
        for level in first...levels { fill(address, level: level, leaf, payload, frame.rawValue, isAbsent: isAbsent) }
    }

    /// Caches the translation at one level, in the part for its size, or as the largest piece that the level holds.
    @inline(__always)
    private func fill(
        _ address: UInt64, level: Int, _ sizeClass: Int, _ payload: UInt64, _ frame: UInt32, isAbsent: Bool
    ) {
        let target = unsafe Int(shared.pointee.targets[(level &- 1) &* 8 &+ sizeClass])
        guard target >= 0 else { return }
        let probe = unsafe probes + target
        let number = unsafe address &>> probe.pointee.shift
        let key = unsafe state.pointee.tag | probe.pointee.classBits | number
        let set = unsafe self.set(probe, number)
        let base = unsafe UInt64(frame) &- pagesBefore(address, probe.pointee.shift)
        let whole = (payload & ~TLBKey.frameField) | (base << Page.shift) & TLBKey.frameField
        if !isAbsent {
            let way = set.find(key)
            if way >= 0 { return set.setPayload(way, whole) }
        }
        unsafe probe.pointee.misses &+= 1
        let old = set.replaceLast(key, whole)
        if old != 0 {
            let victim = unsafe self.probe(array: probe.pointee.array, old)
            unsafe victim.pointee.populated &-= 1
            unsafe victim.pointee.evictions &+= 1
        }
        unsafe probe.pointee.populated &+= 1
    }

    /// The probe that counts a key of an array.
    @inline(__always) private func probe(array: Int, _ key: UInt64) -> UnsafeMutablePointer<TLBProbe> {
        unsafe probes + Int(shared.pointee.probeOf[array &* 8 &+ TLBKey.sizeClass(key)])
    }

    // MARK: Taking out

    /// Drops the translations with the tag that overlap [start, end). Returns how many there were.
    func drop(_ tag: UInt64, _ start: UInt64, _ end: UInt64) -> Int {
        guard start < end else { return 0 }
        var dropped = 0
        let count = unsafe shared.pointee.probeCount
        for place in 0..<count {
            let probe = unsafe probes + place
            if unsafe probe.pointee.populated == 0 { continue }
            let (first, last) = unsafe (start >> probe.pointee.shift, (end &- 1) >> probe.pointee.shift)
            let bits = unsafe tag | probe.pointee.classBits
            if unsafe last &- first > probe.pointee.setMask {
                // As many as there are sets, or more: all sets once.
                unsafe dropped &+= drop(array: probe.pointee.array) { key in
                    key & ~TLBKey.number == bits && key & TLBKey.number >= first && key & TLBKey.number <= last
                }
            } else {
                for number in first...last {
                    let set = unsafe self.set(probe, number)
                    let way = set.find(bits | number)
                    if way >= 0 {
                        set.empty(way)
                        unsafe noteDropped(probe)
                        dropped &+= 1
                    }
                }
            }
        }
        return dropped
    }

    /// Drops the translations with the tag.
    func drop(_ tag: UInt64) -> Int { dropAll { $0 & TLBKey.tag == tag } }

    /// Drops everything.
    func dropAll() -> Int { dropAll { _ in true } }

    @inline(__always) private func dropAll(_ matches: (UInt64) -> Bool) -> Int {
        var dropped = 0
        let arrays = unsafe shared.pointee.arrayCount
        for array in 0..<arrays { dropped &+= drop(array: array, matches) }
        return dropped
    }

    @inline(__always) private func drop(array: Int, _ matches: (UInt64) -> Bool) -> Int {
        var dropped = 0
        eachSet(of: array) { set in
            for way in 0..<set.width {
                let key = set.key(way)
                if key == 0 || !matches(key) { continue }
                set.empty(way)
                unsafe noteDropped(probe(array: array, key))
                dropped &+= 1
            }
        }
        return dropped
    }

    @inline(__always) private func noteDropped(_ probe: UnsafeMutablePointer<TLBProbe>) {
        unsafe probe.pointee.populated &-= 1
        unsafe probe.pointee.flushed &+= 1
    }

    /// Every translation there is: its key and its payload.
    func each(_ body: (_ key: UInt64, _ payload: UInt64) -> Void) {
        let arrays = unsafe shared.pointee.arrayCount
        for array in 0..<arrays {
            eachSet(of: array) { set in
                for way in 0..<set.width where set.key(way) != 0 { body(set.key(way), set.payload(way)) }
            }
        }
    }

    /// The sets of an array, if it holds anything.
    @inline(__always) private func eachSet(of array: Int, _ body: (TLBSet) -> Void) {
        var held = 0
        for number in 0..<8 {
            let probe = unsafe Int(shared.pointee.probeOf[array &* 8 &+ number])
            if probe >= 0 { unsafe held &+= probes[probe].populated }
        }
        guard held > 0 else { return }
        let shape = unsafe shared.pointee.arrays[array]
        var set = unsafe TLBSet(base: UnsafeMutableRawPointer(state) + shape.offset, width: shape.width)
        for _ in 0..<shape.sets {
            body(set)
            set = unsafe TLBSet(base: set.base + shape.setBytes, width: shape.width)
        }
    }

    // MARK: The lock

    /// Keeps flushes of other CPUs out from a look-up to its fill, and the owner while one flushes. Explored, nothing runs in
    /// between anyway: there is no schedule point inside.
    @inline(__always) func lock(_ cpu: CPU) {
        if cpu.isSequential { return }
        if cpu.isExplored {
            unsafe schedulePoint(cpu, .readModifyWrite, state, .acquireRelease, .tlb)
        } else {
            lockShared(cpu)
        }
    }

    @inline(never) private func lockShared(_ cpu: CPU) {
        let word = lockWord
        var turn = 0
        while unsafe word.cell.pointee.exchange(1, ordering: .acquiring) != 0 {
            unsafe cpu.spinOnce(word.cell, .tlb, turn: turn)
            turn += 1
        }
    }

    @inline(__always) func unlock(_ cpu: CPU) {
        if cpu.isSequential || cpu.isExplored { return }
        unsafe lockWord.cell.pointee.store(0, ordering: .releasing)
    }

    private var lockWord: Word32 { unsafe Word32(at: UnsafeMutableRawPointer(state) + 8) }
}

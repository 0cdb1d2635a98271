// Physical memory: one arena of frames, reserved without commitment at one page-aligned base address, and beside it
// the frames' metadata (FrameRecord.swift), the allocator's state (FrameAllocator.swift) and the RCU domain. A
// `PhysicalMemory` is a handful of pointers: copying it copies nothing. Contents of data pages are off (never
// stored), lazy (zeroed when somebody looks) or eager (zeroed when allocated). Linux: mem_map, struct zone.

import Synchronization

/// What becomes of the bytes in data pages.
public enum Contents: String, BitwiseCopyable, Sendable {
    /// Not stored: stores are dropped, loads give no data. Costs no host memory.
    case off
    /// Stored; a fresh page is zeroed when somebody looks at it.
    case lazy
    /// Stored; a fresh page is zeroed when it is allocated, so that readers may come around the model.
    case eager
}

/// Where the parts of physical memory lie.
@safe struct PhysicalMemoryParts {
    let base: UnsafeMutableRawPointer
    let records: UnsafeMutableRawPointer
    let zone: UnsafeMutablePointer<ZoneState>
    let perCPU: UnsafeMutableRawPointer
    let rcu: RCU
    let accesses: AccessSections
    let format: UnsafePointer<PageTableFormat>
    let walkMasks: WalkMasks
    let frameCount: UInt32
    let contents: Contents
}

/// The frames of one machine: a pointer to where everything lies, so that handing it on copies one word.
@safe struct PhysicalMemory: BitwiseCopyable, @unchecked Sendable {
    let parts: UnsafePointer<PhysicalMemoryParts>

    static let recordBytes = 32

    /// The arena: physical address p lies at `base + p`.
    @inline(__always) var base: UnsafeMutableRawPointer { unsafe parts.pointee.base }
    /// The frames' records.
    @inline(__always) var records: UnsafeMutableRawPointer { unsafe parts.pointee.records }
    /// The allocator's state.
    @inline(__always) var zone: UnsafeMutablePointer<ZoneState> { unsafe parts.pointee.zone }
    /// Each CPU's lists and queues, a cache line apart.
    @inline(__always) var perCPU: UnsafeMutableRawPointer { unsafe parts.pointee.perCPU }
    @inline(__always) var rcu: RCU { unsafe parts.pointee.rcu }
    @inline(__always) var accesses: AccessSections { unsafe parts.pointee.accesses }
    @inline(__always) var frameCount: UInt32 { unsafe parts.pointee.frameCount }
    @inline(__always) var contents: Contents { unsafe parts.pointee.contents }
    @inline(__always) var walkMasks: WalkMasks { unsafe parts.pointee.walkMasks }
    /// The page-table format.
    @inline(__always) var formatAddress: UnsafePointer<PageTableFormat> { unsafe parts.pointee.format }

    /// Reserves the memory of a machine; nil where the host has no address space left.
    init?(host: Host, bytes: UInt64, cpus: Int, format: PageTableFormat, contents: Contents) {
        let frames = Int(bytes >> Page.shift)
        let layout = Layout(frames: frames, cpus: cpus)
        guard let records = unsafe host.reserve(layout.recordBytes),
            let base = unsafe host.reserve(layout.arenaBytes),
            let state = unsafe host.reserve(layout.stateBytes)
        else { return nil }
        let zone = unsafe (state + layout.zoneOffset + 64).bindMemory(to: ZoneState.self, capacity: 1)
        unsafe zone.initialize(to: ZoneState(limit: UInt32(frames)))
        let formatAddress = unsafe (state + layout.formatOffset).bindMemory(to: PageTableFormat.self, capacity: 1)
        unsafe formatAddress.initialize(to: format)
        let parts = unsafe state.bindMemory(to: PhysicalMemoryParts.self, capacity: 1)
        unsafe parts.initialize(
            to: PhysicalMemoryParts(
                base: base, records: records, zone: zone, perCPU: state + layout.perCPUOffset,
                rcu: RCU(at: state + layout.rcuOffset, cpus: cpus),
                accesses: AccessSections(besideRCUAt: state + layout.rcuOffset, cpus: cpus),
                format: UnsafePointer(formatAddress),
                walkMasks: WalkMasks(format), frameCount: UInt32(frames),
                contents: contents))
        unsafe self.parts = UnsafePointer(parts)
    }

    /// Gives everything back to the host.
    func release(to host: Host, cpus: Int) {
        let layout = Layout(frames: Int(frameCount), cpus: cpus)
        unsafe host.release(records, layout.recordBytes)
        unsafe host.release(base, layout.arenaBytes)
        unsafe host.release(UnsafeMutableRawPointer(mutating: parts), layout.stateBytes)
    }

    struct Layout {
        let arenaBytes: Int, recordBytes: Int, stateBytes: Int
        let zoneOffset: Int, formatOffset: Int, rcuOffset: Int, perCPUOffset: Int

        init(frames: Int, cpus: Int) {
            func pages(_ bytes: Int) -> Int { (bytes + 4095) & ~4095 }
            arenaBytes = pages(frames << Int(Page.shift))
            recordBytes = pages(frames * PhysicalMemory.recordBytes)
            zoneOffset = pages(MemoryLayout<PhysicalMemoryParts>.stride)
            formatOffset = zoneOffset + pages(64 + MemoryLayout<ZoneState>.stride)
            rcuOffset = formatOffset + pages(MemoryLayout<PageTableFormat>.stride)
            perCPUOffset = rcuOffset + pages(RCU.bytes(cpus: cpus))
            stateBytes = perCPUOffset + pages(cpus * PhysicalMemory.perCPUStride)
        }
    }

    // MARK: Bytes

    /// A word of a table or cache node: `index` counts words of 8 bytes.
    @inline(__always) func word(_ frame: FrameNumber, _ index: Int) -> Word64 {
        unsafe Word64(at: base + (Int(truncatingIfNeeded: frame.address) &+ index &* 8))
    }

    /// Sets a frame to zero.
    @inline(__always) func zero(_ cpu: CPU, _ frame: FrameNumber) {
        unsafe (base + Int(frame.address)).initializeMemory(as: UInt64.self, repeating: 0, count: 512)
        cpu.count(.pagesZeroed)
    }

    /// Lets a data frame that was just allocated read as zero: at once (eager), when somebody looks (lazy).
    @inline(__always) func readAsZero(_ cpu: CPU, _ frame: FrameNumber) {
        guard contents != .off, has(cpu, frame, FrameFlags.notZero) else { return }
        if contents == .eager {
            zero(cpu, frame)
            flags(frame).clear(cpu, bits: FrameFlags.notZero, .frameFlags)
        } else {
            flags(frame).set(cpu, bits: FrameFlags.needsZero, .frameFlags)
        }
    }

    /// Makes the bytes of a data frame real before somebody looks at them.
    @inline(__always) func materialize(_ cpu: CPU, _ frame: FrameNumber) {
        if has(cpu, frame, FrameFlags.needsZero) { zeroOnce(cpu, frame) }
    }

    /// Zeroes a frame that only reads as zero; of several CPUs one does it and the others wait.
    @inline(never) private func zeroOnce(_ cpu: CPU, _ frame: FrameNumber) {
        var turn = 0
        while flags(frame).set(cpu, bits: FrameFlags.zeroing, .frameFlags) & FrameFlags.zeroing != 0 {
            unsafe cpu.spinOnce(flags(frame).cell, .frameFlags, turn: turn)
            turn += 1
        }
        if has(cpu, frame, FrameFlags.needsZero) { zero(cpu, frame) }
        flags(frame).clear(cpu, bits: FrameFlags.zeroing | FrameFlags.needsZero, .frameFlags)
    }

    /// Writes one byte `count` times; the range lies within the frame. Nothing where contents are off.
    func fill(_ cpu: CPU, _ frame: FrameNumber, offset: Int, count: Int, byte: UInt8) {
        guard contents != .off else { return }
        materialize(cpu, frame)
        markNotZero(cpu, frame)
        // Bytes of programs are shared without a lock: relaxed atomics.
        if cpu.isExplored { return fillInSteps(cpu, frame, offset: offset, count: count, byte: byte) }
        let start = unsafe (base + Int(frame.address) + offset).assumingMemoryBound(to: Atomic<UInt8>.self)
        for position in 0..<count { unsafe start[position].store(byte, ordering: .relaxed) }
    }

    /// Notes that a frame's memory may hold something other than zeroes.
    @inline(__always) func markNotZero(_ cpu: CPU, _ frame: FrameNumber) {
        if !has(cpu, frame, FrameFlags.notZero) { flags(frame).set(cpu, bits: FrameFlags.notZero, .frameFlags) }
    }

    /// A byte of a data frame; 0 where contents are off.
    func byte(_ cpu: CPU, _ frame: FrameNumber, offset: Int) -> UInt8 {
        guard contents != .off, !has(cpu, frame, FrameFlags.needsZero) else { return 0 }
        let cell = unsafe (base + Int(frame.address) + offset).assumingMemoryBound(to: Atomic<UInt8>.self)
        return unsafe cell.pointee.load(ordering: .relaxed)
    }

    /// Whether a frame is known to hold nothing but zeroes; false where contents are off.
    func isZero(_ cpu: CPU, _ frame: FrameNumber) -> Bool {
        guard contents != .off else { return false }
        if has(cpu, frame, FrameFlags.needsZero) || !has(cpu, frame, FrameFlags.notZero) { return true }
        for index in 0..<512 where unsafe word(frame, index).cell.pointee.load(ordering: .relaxed) != 0 { return false }
        return true
    }

    /// Writes a byte of a data frame.
    func setByte(_ cpu: CPU, _ frame: FrameNumber, offset: Int, _ value: UInt8) {
        fill(cpu, frame, offset: offset, count: 1, byte: value)
    }

    /// Copies a whole page.
    func copy(_ cpu: CPU, from source: FrameNumber, to target: FrameNumber) {
        cpu.count(.pagesCopied)
        if cpu.isExplored { checkCopied(cpu, source) }
        guard contents != .off else { return }
        if has(cpu, source, FrameFlags.needsZero) || !has(cpu, source, FrameFlags.notZero) {
            readAsZero(cpu, target)
            return
        }
        flags(target).clear(cpu, bits: FrameFlags.needsZero, .frameFlags)
        markNotZero(cpu, target)
        unsafe (base + Int(target.address)).copyMemory(from: base + Int(source.address), byteCount: Int(Page.size))
    }
}

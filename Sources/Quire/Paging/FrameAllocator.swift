// The buddy allocator: blocks of 2^0…2^10 frames, split on demand and merged when their buddy is free, behind lists
// of single frames for each CPU. Frames never used before lie beyond a frontier and cost nothing, not even their
// metadata, so a machine of a terabyte starts as fast as one of a megabyte. Tables (unmovable) and data (movable)
// come from different blocks of 4 MiB, so that the memory of tables is dense and can be given back in runs.
// Linux: __alloc_pages, free_one_page, per_cpu_pages, migratetypes.

/// The allocator's state, in raw memory; the zone lock guards all but the lists of each CPU.
struct ZoneState: BitwiseCopyable {
    /// The first frame never handed out; blocks of the largest order are taken from here whole.
    var frontier: UInt32 = 1
    var limit: UInt32
    /// Frames in the buddy lists.
    var freeInLists: UInt32 = 0
    /// Lets an allocation fail (tests): 0 off, else counts down to 1.
    var failCountdown: UInt32 = 0
    /// Heads of the free lists: [movable, unmovable] × orders 0…10.
    var heads: InlineArray<22, UInt32> = InlineArray(repeating: 0)
}

extension PhysicalMemory {
    static let maximumOrder = 10
    static let perCPUStride = 64
    private static let batch = 63
    /// Frames that a CPU keeps for itself before it gives a batch back; Linux tunes this between 4 batches and far
    /// more by how often the lists run dry. Above two tables' worth, a touch-and-discard loop stays in the lists.
    private static let high = 1197

    /// In a line of its own before the state that it guards: whoever waits does not disturb the holder.
    private var zoneLock: SpinLock { unsafe SpinLock(Word32(at: UnsafeMutableRawPointer(zone) - 64), .zone) }

    /// A CPU's list: head and count for movable, then for unmovable frames.
    @inline(__always) private func list(_ cpu: CPU, _ unmovable: Bool) -> UnsafeMutablePointer<UInt32> {
        unsafe (perCPU + cpu.index * Self.perCPUStride + (unmovable ? 8 : 0)).assumingMemoryBound(to: UInt32.self)
    }

    /// Takes one frame; none where memory is used up. Its metadata must be initialised by the caller.
    @inline(__always) func allocate(_ cpu: CPU, _ context: AllocationContext) -> FrameNumber {
        if context.contains(.maySleep) { cpu.mightSleep() }
        let unmovable = context.contains(.unmovable)
        let list = unsafe list(cpu, unmovable)
        if unsafe list[0] == 0 || zone.pointee.failCountdown != 0 {
            guard unsafe refill(cpu, list, unmovable) else { return .none }
        }
        let frame = unsafe FrameNumber(list[0])
        unsafe list[0] = next(frame).rawValue
        unsafe list[1] -= 1
        cpu.count(.framesAllocated)
        if context.contains(.zeroed) {
            cpu.count(.pagesCleared)
            readAsZero(cpu, frame)
        }
        return frame
    }

    /// Gives one frame back. Nobody may refer to it any more.
    @inline(__always) func free(_ cpu: CPU, _ frame: FrameNumber, unmovable: Bool) {
        let kept = flags(frame).loadRelaxed(cpu, .frameFlags)
        let needsZero = kept & FrameFlags.needsZero
        flags(frame).storeRelaxed(
            cpu,
            (kept & (FrameFlags.notZero | FrameFlags.unmovableBlock)) | FrameFlags.perCPU
                | (needsZero != 0 ? FrameFlags.notZero : 0), .frameFlags)
        let list = unsafe list(cpu, unmovable)
        unsafe setNext(frame, FrameNumber(list[0]))
        unsafe list[0] = frame.rawValue
        unsafe list[1] += 1
        cpu.count(.framesFreed)
        if unsafe list[1] > Self.high { unsafe drain(cpu, list, down: Self.high - Self.batch) }
    }

    /// Takes 2^order frames, aligned to their number; none where there is no such block.
    func allocateBlock(_ cpu: CPU, order: Int, _ context: AllocationContext) -> FrameNumber {
        if order == 0 { return allocate(cpu, context) }
        if context.contains(.maySleep) { cpu.mightSleep() }
        zoneLock.lock(cpu)
        defer { zoneLock.unlock(cpu) }
        guard !mustFail() else { return .none }
        let frame = takeBlock(cpu, order, context.contains(.unmovable))
        if !frame.isNone { cpu.count(.framesAllocated, 1 << UInt64(order)) }
        return frame
    }

    /// Gives a block of 2^order frames back.
    func freeBlock(_ cpu: CPU, _ frame: FrameNumber, order: Int) {
        zoneLock.lock(cpu)
        for tail in 0..<UInt32(1 << order) { clearFlags(cpu, FrameNumber(frame.rawValue + tail)) }
        putBlock(cpu, frame, order)
        zoneLock.unlock(cpu)
        cpu.count(.framesFreed, 1 << UInt64(order))
    }

    /// Lets the allocation after `count` more slow ones fail, once; a negative count ends that. For tests.
    func fail(after count: Int) { unsafe zone.pointee.failCountdown = count < 0 ? 0 : UInt32(count) + 1 }

    /// Has each allocation ask an explorer whether it fails, or no longer.
    func chooseFailures(_ isOn: Bool) { unsafe zone.pointee.failCountdown = isOn ? .max : 0 }

    /// Empties the CPU's own lists into the buddy lists.
    func drain(_ cpu: CPU) {
        unsafe drain(cpu, list(cpu, false), down: 0)
        unsafe drain(cpu, list(cpu, true), down: 0)
    }

    /// Frames not handed out: beyond the frontier, in the buddy lists and in the given CPUs' own lists.
    func freeFrames(cpus: Int) -> UInt64 {
        var total = unsafe UInt64(zone.pointee.limit - zone.pointee.frontier) + UInt64(zone.pointee.freeInLists)
        for cpu in 0..<cpus {
            let lists = unsafe (perCPU + cpu * Self.perCPUStride).assumingMemoryBound(to: UInt32.self)
            total += unsafe UInt64(lists[1]) + UInt64(lists[3])
        }
        return total
    }

    // MARK: The slow side, under the zone lock

    private func mustFail() -> Bool {
        guard unsafe zone.pointee.failCountdown != 0, unsafe zone.pointee.failCountdown != .max else { return false }
        unsafe zone.pointee.failCountdown -= 1
        return unsafe zone.pointee.failCountdown == 0
    }

    @inline(never)
    private func refill(_ cpu: CPU, _ list: UnsafeMutablePointer<UInt32>, _ unmovable: Bool) -> Bool {
        if unsafe zone.pointee.failCountdown == .max {
            // An explorer chooses; whoever has a frame of its own needs no refill.
            if cpu.happens(.allocationFails) { return false }
            if unsafe list[0] != 0 { return true }
        }
        zoneLock.lock(cpu)
        defer { zoneLock.unlock(cpu) }
        if mustFail() { return false }
        while unsafe list[1] < UInt32(Self.batch) {
            let frame = takeBlock(cpu, 0, unmovable)
            if frame.isNone { break }
            unsafe setNext(frame, FrameNumber(list[0]))
            unsafe list[0] = frame.rawValue
            unsafe list[1] += 1
        }
        return unsafe list[1] != 0
    }

    @inline(never)
    private func drain(_ cpu: CPU, _ list: UnsafeMutablePointer<UInt32>, down target: Int) {
        zoneLock.lock(cpu)
        while unsafe Int(list[1]) > target {
            let frame = unsafe FrameNumber(list[0])
            unsafe list[0] = next(frame).rawValue
            unsafe list[1] -= 1
            putBlock(cpu, frame, 0)
        }
        zoneLock.unlock(cpu)
    }

    private func takeBlock(_ cpu: CPU, _ order: Int, _ unmovable: Bool) -> FrameNumber {
        var found = takeFromLists(cpu, order, unmovable)
        if found.frame.isNone { found = takeFromFrontier(cpu, order, unmovable) }
        if found.frame.isNone { found = takeFromLists(cpu, order, !unmovable) }
        guard !found.frame.isNone else { return .none }
        var have = found.order
        while have > order {
            have -= 1
            push(cpu, FrameNumber(found.frame.rawValue + 1 << UInt32(have)), have, isUnmovable(cpu, found.frame))
        }
        return found.frame
    }

    private func takeFromLists(_ cpu: CPU, _ order: Int, _ unmovable: Bool) -> (frame: FrameNumber, order: Int) {
        for size in order...Self.maximumOrder {
            let head = unsafe FrameNumber(zone.pointee.heads[size + (unmovable ? 11 : 0)])
            if head.isNone { continue }
            remove(cpu, head, size, unmovable)
            return (head, size)
        }
        return (.none, 0)
    }

    /// Takes the next block that was never used; the first one lacks frame 0, and the last may be short.
    private func takeFromFrontier(_ cpu: CPU, _ order: Int, _ unmovable: Bool) -> (frame: FrameNumber, order: Int) {
        let block: UInt32 = 1 << UInt32(Self.maximumOrder)
        while true {
            let start = unsafe zone.pointee.frontier
            let end = unsafe Swift.min((start / block + 1) * block, zone.pointee.limit)
            guard start < end else { return (.none, 0) }
            unsafe zone.pointee.frontier = end
            if unmovable {
                flags(FrameNumber(Swift.max(start / block * block, 1))).set(
                    cpu, bits: FrameFlags.unmovableBlock, .frameFlags)
            }
            if end - start == block { return (FrameNumber(start), Self.maximumOrder) }
            // A partial block: into the lists by its alignment, then served from there.
            var at = start
            while at < end {
                var size = Swift.min(at.trailingZeroBitCount, Self.maximumOrder)
                while at + (1 << UInt32(size)) > end { size -= 1 }
                push(cpu, FrameNumber(at), size, unmovable)
                at += 1 << UInt32(size)
            }
            let found = takeFromLists(cpu, order, unmovable)
            if !found.frame.isNone { return found }
        }
    }

    /// Puts a block into the lists, merged with its free buddies.
    private func putBlock(_ cpu: CPU, _ block: FrameNumber, _ order: Int) {
        var frame = block.rawValue
        var size = order
        let unmovable = isUnmovable(cpu, block)
        while size < Self.maximumOrder {
            let buddy = frame ^ (1 << UInt32(size))
            guard buddy != 0, unsafe buddy < zone.pointee.frontier, isFree(cpu, FrameNumber(buddy), size) else { break }
            remove(cpu, FrameNumber(buddy), size, unmovable)
            frame &= buddy
            size += 1
        }
        push(cpu, FrameNumber(frame), size, unmovable)
    }

    private func isUnmovable(_ cpu: CPU, _ frame: FrameNumber) -> Bool {
        let head = Swift.max(frame.rawValue & ~(1 << UInt32(Self.maximumOrder) - 1), 1)
        return has(cpu, FrameNumber(head), FrameFlags.unmovableBlock)
    }

    private func isFree(_ cpu: CPU, _ frame: FrameNumber, _ order: Int) -> Bool {
        let value = flags(frame).loadRelaxed(cpu, .frameFlags)
        return value & (FrameFlags.buddy | FrameFlags.order)
            == FrameFlags.buddy | UInt32(order) << FrameFlags.orderShift
    }

    private func clearFlags(_ cpu: CPU, _ frame: FrameNumber) {
        let value = flags(frame).loadRelaxed(cpu, .frameFlags)
        let notZero = value & FrameFlags.needsZero != 0 ? FrameFlags.notZero : 0
        flags(frame).storeRelaxed(
            cpu, value & (FrameFlags.notZero | FrameFlags.unmovableBlock) | notZero, .frameFlags)
    }

    private func push(_ cpu: CPU, _ frame: FrameNumber, _ order: Int, _ unmovable: Bool) {
        let slot = order + (unmovable ? 11 : 0)
        let head = unsafe FrameNumber(zone.pointee.heads[slot])
        let kept = flags(frame).loadRelaxed(cpu, .frameFlags) & (FrameFlags.notZero | FrameFlags.unmovableBlock)
        flags(frame).storeRelaxed(
            cpu, kept | FrameFlags.buddy | UInt32(order) << FrameFlags.orderShift, .frameFlags)
        setNext(frame, head)
        setPrevious(frame, .none)
        if !head.isNone { setPrevious(head, frame) }
        unsafe zone.pointee.heads[slot] = frame.rawValue
        unsafe zone.pointee.freeInLists += 1 << UInt32(order)
    }

    private func remove(_ cpu: CPU, _ frame: FrameNumber, _ order: Int, _ unmovable: Bool) {
        let before = previous(frame)
        let after = next(frame)
        if before.isNone {
            unsafe zone.pointee.heads[order + (unmovable ? 11 : 0)] = after.rawValue
        } else {
            setNext(before, after)
        }
        if !after.isNone { setPrevious(after, before) }
        let kept = flags(frame).loadRelaxed(cpu, .frameFlags) & (FrameFlags.notZero | FrameFlags.unmovableBlock)
        flags(frame).storeRelaxed(cpu, kept, .frameFlags)
        unsafe zone.pointee.freeInLists -= 1 << UInt32(order)
    }
}

// Pools: records of one trivially copyable type in reserved host memory, reached by handles that are checked
// against a generation. Areas, anon_vmas, files and tree nodes live in pools: no reference counting, no
// allocation on a hot path, stable addresses, and a stale handle traps instead of reading somebody else's record.
// Linux: kmem_cache with SLAB_TYPESAFE_BY_RCU.

import Synchronization

/// A reference to a record of a pool. Index 0 is none.
public struct Handle<Record>: Hashable, BitwiseCopyable, Sendable {
    /// The record's place in its pool; 0 is none.
    public var index: UInt32
    var generation: UInt32

    /// No record.
    public static var none: Handle { Handle(index: 0, generation: 0) }
    /// Whether there is no record.
    public var isNone: Bool { index == 0 }
    /// Place and generation as one number: two records never have the same one.
    var number: UInt64 { UInt64(generation) << 32 | UInt64(index) }
}

/// A pool of records. The caller's locks guard the records; the pool's own lock guards its free list.
@safe struct Pool<Record: BitwiseCopyable>: BitwiseCopyable, @unchecked Sendable {
    /// The head: word 0 the lock, 1 the free list, 2 the frontier, 3 records in use, 4 failure countdown (all ones:
    /// nothing is given out), 5 not 0 where readers look at records without a lock, on other threads, 6 and 7 visits
    /// counted (debug builds).
    let head: UnsafeMutablePointer<UInt32>
    let generations: UnsafeMutablePointer<UInt32>
    let records: UnsafeMutablePointer<Record>
    /// Two words beside each record, on a cache line of their own, which no allocation touches; only in pools that asked for
    /// them.
    let sideWords: UnsafeMutablePointer<UInt32>
    let capacity: UInt32
    let hasSideWords: Bool

    /// Reserves room for `capacity` records; nil where the host has none.
    init?(host: Host, capacity: Int, hasSideWords: Bool = false) {
        let headBytes = 4096
        let generationBytes = (capacity * 4 + 4095) & ~4095
        let recordBytes = (capacity * MemoryLayout<Record>.stride + 4095) & ~4095
        let sideBytes = hasSideWords ? (capacity * PoolMemory.sideStride + 4095) & ~4095 : 0
        guard let base = unsafe host.reserve(headBytes + generationBytes + recordBytes + sideBytes) else { return nil }
        unsafe head = base.assumingMemoryBound(to: UInt32.self)
        unsafe generations = (base + headBytes).assumingMemoryBound(to: UInt32.self)
        unsafe records = (base + headBytes + generationBytes).assumingMemoryBound(to: Record.self)
        unsafe sideWords = (base + headBytes + generationBytes + recordBytes).assumingMemoryBound(to: UInt32.self)
        self.hasSideWords = hasSideWords
        unsafe self.head[2] = 1
        // No handle has this generation: `.none` fails the check like any other stale handle.
        unsafe self.generations[0] = .max
        self.capacity = UInt32(capacity)
    }

    /// The pool as memory, whatever its records are.
    var memory: PoolMemory {
        unsafe PoolMemory(
            head: head, generations: generations, records: records, sideWords: hasSideWords ? sideWords : nil,
            capacity: Int(capacity), stride: MemoryLayout<Record>.stride)
    }

    var lock: SpinLock { unsafe SpinLock(Word32(at: UnsafeMutableRawPointer(head)), .pool) }

    /// The number of records in use.
    var used: Int { unsafe Int(usedCount.cell.pointee.load(ordering: .relaxed)) }

    /// The same as a word: it changes under the lock, and is read without.
    private var usedCount: Word32 { unsafe Word32(at: UnsafeMutableRawPointer(head + 3)) }

    func countUsed(_ change: Int) {
        unsafe usedCount.cell.pointee.store(UInt32(used + change), ordering: .relaxed)
    }

    /// The first place that no record has had yet.
    var frontier: UInt32 { unsafe frontierWord.cell.pointee.load(ordering: .relaxed) }

    private var frontierWord: Word32 { unsafe Word32(at: UnsafeMutableRawPointer(head + 2)) }

    /// Takes the first place that no record has had; the lock is held. Checks of debug builds look without.
    func takeFrontier() -> UInt32 {
        let index = frontier
        unsafe frontierWord.cell.pointee.store(index + 1, ordering: .relaxed)
        return index
    }

    /// Lets the allocation after `count` more ones fail, once; a negative count ends that.
    func fail(after count: Int) { unsafe head[4] = count < 0 ? 0 : UInt32(count) + 1 }

    /// Lets every allocation fail until `withhold(false)`; for tests. Stands for memory that is all in use.
    func withhold(_ isOn: Bool) { unsafe head[4] = isOn ? .max : 0 }

    /// Whether the failure that was asked for is still to come.
    var isFailing: Bool { unsafe head[4] != 0 }

    /// Takes a record and sets it to `value`; nil where the pool is full (or told to fail).
    func allocate(_ cpu: CPU, _ value: Record) -> Handle<Record>? {
        lock.lock(cpu)
        defer { lock.unlock(cpu) }
        if unsafe head[4] != 0, mustFail(1) { return nil }
        var index = unsafe head[1]
        if index != 0 {
            unsafe head[1] = UnsafeMutableRawPointer(records + Int(index)).loadUnaligned(as: UInt32.self)
        } else {
            guard frontier < capacity else { return nil }
            index = takeFrontier()
        }
        countUsed(1)
        initialize(index, value)
        return unsafe Handle(index: index, generation: generations[Int(index)])
    }

    /// Counts allocations towards the failure that was asked for; true: it is one of them. The lock is held.
    @inline(never) func mustFail(_ count: Int) -> Bool {
        if unsafe head[4] == .max { return true }
        let isHit = unsafe Int(head[4]) <= count
        unsafe head[4] = isHit ? 0 : head[4] - UInt32(count)
        return isHit
    }

    /// Gives a record back; handles to it are stale from now on.
    func free(_ cpu: CPU, _ handle: Handle<Record>) {
        check(handle)
        lock.lock(cpu)
        unsafe generations[Int(handle.index)] &+= 1
        unsafe setLink(handle.index, head[1])
        unsafe head[1] = handle.index
        countUsed(-1)
        lock.unlock(cpu)
    }

    /// A word inside a record, for the lock that lives there. `offset` is in bytes and a multiple of 4.
    @inline(__always) func word(_ handle: Handle<Record>, offset: Int) -> Word32 {
        check(handle)
        return unsafe Word32(at: UnsafeMutableRawPointer(records + Int(handle.index)) + offset)
    }

    /// A wide word inside a record, for a number that changes without a lock. `offset` is in bytes and a multiple of 8.
    @inline(__always) func wideWord(_ handle: Handle<Record>, offset: Int) -> Word64 {
        check(handle)
        return unsafe Word64(at: UnsafeMutableRawPointer(records + Int(handle.index)) + offset)
    }

    /// A word of the record at a place, whoever's it is by now: the memory never goes away.
    @inline(__always) func word(at index: UInt32, offset: Int) -> Word32 {
        unsafe Word32(at: bytes(index, offset, 4))
    }

    /// The handle of the record at a place, as it is now.
    @inline(__always) func handle(at index: UInt32) -> Handle<Record> {
        unsafe Handle(index: index, generation: index == 0 ? 0 : generations[Int(index)])
    }

    @inline(__always) private func check(_ handle: Handle<Record>) {
        #if DEBUG
            precondition(handle.index < capacity, "a handle of another pool is used")
        #endif
        unsafe precondition(generations[Int(handle.index)] == handle.generation, "a stale handle is used")
    }

    /// The record behind a handle; traps for a stale one.
    @inline(__always) subscript(_ handle: Handle<Record>) -> Record {
        unsafeAddress {
            check(handle)
            return unsafe UnsafePointer(records + Int(handle.index))
        }
        nonmutating unsafeMutableAddress {
            check(handle)
            return unsafe records + Int(handle.index)
        }
    }

    /// Where the record behind a handle lies; traps for a stale one.
    @inline(__always) func pointer(to handle: Handle<Record>) -> UnsafeMutablePointer<Record> {
        check(handle)
        return unsafe records + Int(handle.index)
    }

    // MARK: Records by their place

    // For structures whose records name each other by place, under one lock: what is named is in use, so there is no
    // generation to compare. A subscript of an `InlineArray` in a record would copy the whole array first; the functions
    // with an offset (in bytes) work in place.

    /// The record at a place.
    @inline(__always) subscript(at index: UInt32) -> Record {
        unsafeAddress {
            checkPlace(index)
            return unsafe UnsafePointer(records + Int(index))
        }
        nonmutating unsafeMutableAddress {
            checkPlace(index)
            return unsafe records + Int(index)
        }
    }

    /// Reads a value inside a record.
    @inline(__always)
    func load<Value: BitwiseCopyable>(at index: UInt32, offset: Int, as type: Value.Type) -> Value {
        unsafe bytes(index, offset, MemoryLayout<Value>.size).load(as: type)
    }

    /// Writes a value inside a record.
    @inline(__always)
    func store<Value: BitwiseCopyable>(at index: UInt32, offset: Int, _ value: Value) {
        unsafe bytes(index, offset, MemoryLayout<Value>.size).storeBytes(of: value, as: Value.self)
    }

    /// Moves bytes inside a record; the ranges may overlap.
    @inline(__always)
    func moveBytes(at index: UInt32, from: Int, to: Int, count: Int) {
        unsafe bytes(index, to, count).copyMemory(from: bytes(index, from, count), byteCount: count)
    }

    /// The first of a record's 32 ascending words, from byte `offset` on, that is above `key`; 31 where none is. Counts
    /// in two rounds instead of halving: the words of a round do not wait for one another's cache lines.
    @inline(__always)
    func search(at index: UInt32, offset: Int, above key: UInt64) -> Int {
        let words = unsafe bytes(index, offset, 32 * 8).assumingMemoryBound(to: UInt64.self)
        var place = 0
        for block in 1..<4 { place &+= unsafe words[block &* 8 &- 1] <= key ? 8 : 0 }
        let block = unsafe words + place
        for word in 0..<7 { place &+= unsafe block[word] <= key ? 1 : 0 }
        return place
    }

    @inline(__always)
    private func bytes(_ index: UInt32, _ offset: Int, _ size: Int) -> UnsafeMutableRawPointer {
        checkPlace(index)
        precondition(offset >= 0 && size >= 0 && offset &+ size <= MemoryLayout<Record>.stride, "beyond the record")
        return unsafe UnsafeMutableRawPointer(records + Int(index)) + offset
    }

    @inline(__always) private func checkPlace(_ index: UInt32) {
        #if DEBUG
            precondition(index != 0 && index < frontier, "a place of no record is used")
        #endif
    }

    // MARK: Counting

    /// Counts a visit of a record, in debug builds: tests of how a cost grows need no clock.
    @inline(__always) func countVisit() {
        #if DEBUG
            unsafe Word64(at: UnsafeMutableRawPointer(head + 6)).cell.pointee.wrappingAdd(1, ordering: .relaxed)
        #endif
    }

    #if DEBUG
        /// The visits that were counted.
        var visits: UInt64 {
            unsafe Word64(at: UnsafeMutableRawPointer(head + 6)).cell.pointee.load(ordering: .relaxed)
        }
    #endif
}

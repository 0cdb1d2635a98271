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
}

/// A pool of records. The caller's locks guard the records; the pool's own lock guards its free list.
@safe struct Pool<Record: BitwiseCopyable>: BitwiseCopyable, @unchecked Sendable {
    /// The head: word 0 the lock, 1 the free list, 2 the frontier, 3 records in use, 4 failure countdown.
    private let head: UnsafeMutablePointer<UInt32>
    private let generations: UnsafeMutablePointer<UInt32>
    private let records: UnsafeMutablePointer<Record>
    private let capacity: UInt32

    /// Reserves room for `capacity` records; nil where the host has none.
    init?(host: Host, capacity: Int) {
        let headBytes = 4096
        let generationBytes = (capacity * 4 + 4095) & ~4095
        let recordBytes = (capacity * MemoryLayout<Record>.stride + 4095) & ~4095
        guard let base = unsafe host.reserve(headBytes + generationBytes + recordBytes) else { return nil }
        unsafe head = base.assumingMemoryBound(to: UInt32.self)
        unsafe generations = (base + headBytes).assumingMemoryBound(to: UInt32.self)
        unsafe records = (base + headBytes + generationBytes).assumingMemoryBound(to: Record.self)
        unsafe self.head[2] = 1
        // No handle has this generation: `.none` fails the check like any other stale handle.
        unsafe self.generations[0] = .max
        self.capacity = UInt32(capacity)
    }

    /// Gives the pool's memory back to the host.
    func release(to host: Host) {
        let generationBytes = (Int(capacity) * 4 + 4095) & ~4095
        let recordBytes = (Int(capacity) * MemoryLayout<Record>.stride + 4095) & ~4095
        unsafe host.release(UnsafeMutableRawPointer(head), 4096 + generationBytes + recordBytes)
    }

    /// What of the pool's memory is in use.
    var extents: [Extent] {
        let used = unsafe Int(head[2])
        return unsafe [
            Extent(UnsafeMutableRawPointer(head), 32),
            Extent(UnsafeMutableRawPointer(generations), used * 4),
            Extent(UnsafeMutableRawPointer(records), used * MemoryLayout<Record>.stride),
        ]
    }

    /// Forgets the generations of records from the frontier on, which an earlier run had used.
    func forgetBeyondFrontier(upTo other: UInt32) {
        for index in unsafe Int(head[2])..<Swift.max(Int(other), Int(head[2])) { unsafe generations[index] = 0 }
    }

    /// The first record that was never used.
    var frontier: UInt32 { unsafe head[2] }

    private var lock: SpinLock { unsafe SpinLock(Word32(at: UnsafeMutableRawPointer(head)), .pool) }

    /// The number of records in use.
    var used: Int { unsafe Int(head[3]) }

    /// Lets the allocation after `count` more ones fail, once; a negative count ends that.
    func fail(after count: Int) { unsafe head[4] = count < 0 ? 0 : UInt32(count) + 1 }

    /// Whether the failure that was asked for is still to come.
    var isFailing: Bool { unsafe head[4] != 0 }

    /// Takes a record and sets it to `value`; nil where the pool is full (or told to fail).
    func allocate(_ cpu: CPU, _ value: Record) -> Handle<Record>? {
        lock.lock(cpu)
        defer { lock.unlock(cpu) }
        if unsafe head[4] != 0 {
            unsafe head[4] -= 1
            if unsafe head[4] == 0 { return nil }
        }
        var index = unsafe head[1]
        if index != 0 {
            unsafe head[1] = UnsafeMutableRawPointer(records + Int(index)).loadUnaligned(as: UInt32.self)
        } else {
            index = unsafe head[2]
            guard index < capacity else { return nil }
            unsafe head[2] = index + 1
        }
        unsafe head[3] += 1
        unsafe (records + Int(index)).initialize(to: value)
        return unsafe Handle(index: index, generation: generations[Int(index)])
    }

    /// Gives a record back; handles to it are stale from now on.
    func free(_ cpu: CPU, _ handle: Handle<Record>) {
        check(handle)
        lock.lock(cpu)
        unsafe generations[Int(handle.index)] &+= 1
        unsafe UnsafeMutableRawPointer(records + Int(handle.index)).storeBytes(of: head[1], as: UInt32.self)
        unsafe head[1] = handle.index
        unsafe head[3] -= 1
        lock.unlock(cpu)
    }

    /// A word inside a record, for the lock that lives there. `offset` is in bytes and a multiple of 4.
    @inline(__always) func word(_ handle: Handle<Record>, offset: Int) -> Word32 {
        check(handle)
        return unsafe Word32(at: UnsafeMutableRawPointer(records + Int(handle.index)) + offset)
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

    // MARK: Words of a record

    // A subscript of an `InlineArray` in a record copies the whole array first; these work in place.

    /// Reads a value inside a record; `offset` is in bytes.
    @inline(__always)
    func load<Value: BitwiseCopyable>(_ handle: Handle<Record>, offset: Int, as type: Value.Type) -> Value {
        checkInside(handle, offset, MemoryLayout<Value>.size)
        return unsafe UnsafeRawPointer(records + Int(handle.index)).load(fromByteOffset: offset, as: type)
    }

    /// Writes a value inside a record; `offset` is in bytes.
    @inline(__always)
    func store<Value: BitwiseCopyable>(_ handle: Handle<Record>, offset: Int, _ value: Value) {
        checkInside(handle, offset, MemoryLayout<Value>.size)
        unsafe UnsafeMutableRawPointer(records + Int(handle.index)).storeBytes(
            of: value, toByteOffset: offset, as: Value.self)
    }

    /// Moves bytes inside a record; the ranges may overlap.
    @inline(__always)
    func moveBytes(_ handle: Handle<Record>, from: Int, to: Int, count: Int) {
        checkInside(handle, Swift.max(from, to), count)
        let base = unsafe UnsafeMutableRawPointer(records + Int(handle.index))
        unsafe (base + to).copyMemory(from: base + from, byteCount: count)
    }

    @inline(__always) private func checkInside(_ handle: Handle<Record>, _ offset: Int, _ size: Int) {
        check(handle)
        precondition(offset >= 0 && size >= 0 && offset &+ size <= MemoryLayout<Record>.stride, "beyond the record")
    }

    /// The last of a record's `count` ascending words, from byte `offset` on, that is not above `key`; 0 if all are.
    @inline(__always)
    func search(_ handle: Handle<Record>, offset: Int, count: Int, notAbove key: UInt64) -> Int {
        let words = unsafe words(handle, offset, count)
        var low = 0
        var size = count
        while size > 1 {
            let half = size >> 1
            if unsafe words[low &+ half] <= key { low &+= half }
            size &-= half
        }
        return low
    }

    /// The largest of a record's `count` words from byte `offset` on; 0 of none.
    @inline(__always)
    func largest(_ handle: Handle<Record>, offset: Int, count: Int) -> UInt64 {
        let words = unsafe words(handle, offset, count)
        var most: UInt64 = 0
        for place in 0..<count { most = unsafe Swift.max(most, words[place]) }
        return most
    }

    @inline(__always)
    private func words(_ handle: Handle<Record>, _ offset: Int, _ count: Int) -> UnsafePointer<UInt64> {
        check(handle)
        precondition(offset & 7 == 0 && offset &+ count &* 8 <= MemoryLayout<Record>.stride, "beyond the record")
        let record = unsafe UnsafeRawPointer(records + Int(handle.index))
        return unsafe (record + offset).assumingMemoryBound(to: UInt64.self)
    }
}

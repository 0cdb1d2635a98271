// A pool as memory, whatever its records are: where it lies, what of it is in use, and giving it back. Pool.swift says what
// the words mean. Part of the unsafe floor.

/// The memory of a pool.
@safe struct PoolMemory: BitwiseCopyable, @unchecked Sendable {
    /// Bytes from the words beside one record to those beside the next: who locks one keeps nobody from another's line.
    static let sideStride = 64
    private let head: UnsafeMutablePointer<UInt32>
    private let generations: UnsafeMutablePointer<UInt32>
    private let records: UnsafeMutableRawPointer
    private let sideWords: UnsafeMutablePointer<UInt32>?
    private let capacity: Int
    private let stride: Int

    /// The memory of the pool with these parts; `stride` is the bytes from one record to the next.
    init(
        head: UnsafeMutablePointer<UInt32>, generations: UnsafeMutablePointer<UInt32>,
        records: UnsafeMutableRawPointer, sideWords: UnsafeMutablePointer<UInt32>?, capacity: Int, stride: Int
    ) {
        unsafe self.head = head
        unsafe self.generations = generations
        unsafe self.records = records
        unsafe self.sideWords = sideWords
        self.capacity = capacity
        self.stride = stride
    }

    /// The first record that was never used.
    var frontier: Int { unsafe Int(head[2]) }

    /// The number of records in use.
    var used: Int { unsafe Int(head[3]) }

    /// What is in use: the head's words, and generations, records and what lies beside them up to the frontier.
    var extents: [Extent] {
        var extents = unsafe [
            Extent(UnsafeMutableRawPointer(head), 32), Extent(UnsafeMutableRawPointer(generations), frontier * 4),
            Extent(records, frontier * stride),
        ]
        if let words = unsafe sideWords {
            unsafe extents.append(Extent(UnsafeMutableRawPointer(words), frontier * Self.sideStride))
        }
        return extents
    }

    /// What lies at an address: nil, the head with the lock, or a record's number.
    func place(_ address: UInt64) -> (isHead: Bool, record: Int)? {
        let start = unsafe UInt64(UInt(bitPattern: head))
        let first = unsafe UInt64(UInt(bitPattern: records))
        if address >= start, address < start + 4096 { return (true, 0) }
        guard address >= first, address < first + UInt64(capacity * stride) else { return nil }
        return (false, Int(address - first) / stride)
    }

    /// Zeroes what a run has used beyond the frontier, which was `earlier` when it ended.
    func forgetBeyondFrontier(upTo earlier: Int) {
        guard earlier > frontier else { return }
        let count = earlier - frontier
        unsafe (generations + frontier).update(repeating: 0, count: count)
        unsafe (records + frontier * stride).initializeMemory(as: UInt8.self, repeating: 0, count: count * stride)
        if let words = unsafe sideWords {
            let halfWords = Self.sideStride / 4
            unsafe (words + frontier * halfWords).update(repeating: 0, count: count * halfWords)
        }
    }

    /// Gives the memory back to the host.
    func release(to host: Host) {
        let generationBytes = (capacity * 4 + 4095) & ~4095
        let recordBytes = (capacity * stride + 4095) & ~4095
        let sideBytes = unsafe sideWords == nil ? 0 : (capacity * Self.sideStride + 4095) & ~4095
        unsafe host.release(UnsafeMutableRawPointer(head), 4096 + generationBytes + recordBytes + sideBytes)
    }
}

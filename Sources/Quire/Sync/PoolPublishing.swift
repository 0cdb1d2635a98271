// Records that others look at without a lock: what they may read is written as atomics with release order and read with
// acquire order, so that whoever sees a new value also sees what was written before it, and a sequence count read
// afterwards tells whether what was read fits together. Nothing here traps on what it reads: a record may be anybody's by
// then, but its memory never goes away. Neighbours: Pool.swift, SequenceCount.swift. Linux: SLAB_TYPESAFE_BY_RCU.

import Synchronization

extension Pool {
    /// Says that other threads will look at records without a lock.
    func share() { unsafe head[5] = 1 }

    /// Writes a word of a record.
    @inline(__always) func publish(at index: UInt32, offset: Int, _ value: UInt64) {
        unsafe Word64(at: place(index, offset)).cell.pointee.store(value, ordering: .releasing)
    }

    /// Writes a half word of a record.
    @inline(__always) func publish(at index: UInt32, offset: Int, _ value: UInt32) {
        unsafe Word32(at: place(index, offset)).cell.pointee.store(value, ordering: .releasing)
    }

    /// Reads a half word of the record at a place, whoever's it is by now; 0 beyond the pool.
    @inline(__always) func peekHalf(at index: UInt32, offset: Int) -> UInt32 {
        guard index < capacity else { return 0 }
        return unsafe Word32(at: place(index, offset)).cell.pointee.load(ordering: .acquiring)
    }

    /// The same of a word.
    @inline(__always) func peekWord(at index: UInt32, offset: Int) -> UInt64 {
        guard index < capacity else { return 0 }
        return unsafe Word64(at: place(index, offset)).cell.pointee.load(ordering: .acquiring)
    }

    /// A copy of a record that its handle keeps, beside those who publish words of it.
    @inline(__always) func copy(_ handle: Handle<Record>) -> Record {
        unsafe head[5] == 0 ? self[handle] : copyWords(handle)
    }

    @inline(never) private func copyWords(_ handle: Handle<Record>) -> Record {
        let words = unsafe UnsafeMutableRawPointer(pointer(to: handle)).assumingMemoryBound(to: Atomic<UInt64>.self)
        return unsafe withUnsafeTemporaryAllocation(of: Record.self, capacity: 1) { copy in
            let target = unsafe UnsafeMutableRawPointer(copy.baseAddress!).assumingMemoryBound(to: UInt64.self)
            for word in 0..<(MemoryLayout<Record>.stride / 8) {
                unsafe target[word] = words[word].load(ordering: .relaxed)
            }
            return unsafe copy[0]
        }
    }

    /// As `search`, by peeks: the first of a record's 32 ascending words, from byte `offset` on, that is above `key`; 31 where
    /// none is, and any number where the words change meanwhile.
    @inline(__always) func peekSearch(at index: UInt32, offset: Int, above key: UInt64) -> Int {
        guard index < capacity else { return 0 }
        func isAtMost(_ word: Int) -> Bool {
            unsafe Word64(at: place(index, offset &+ word &* 8)).cell.pointee.load(ordering: .acquiring) <= key
        }
        var found = 0
        for block in 1..<4 { found &+= isAtMost(block &* 8 &- 1) ? 8 : 0 }
        let block = found
        for word in 0..<7 { found &+= isAtMost(block &+ word) ? 1 : 0 }
        return found
    }

    /// Moves words inside a record; the ranges may overlap. Offsets are in bytes.
    func publishMove(at index: UInt32, from: Int, to: Int, words: Int) {
        guard unsafe head[5] != 0 else { return moveBytes(at: index, from: from, to: to, count: words * 8) }
        let source = unsafe place(index, from).assumingMemoryBound(to: Atomic<UInt64>.self)
        let target = unsafe place(index, to).assumingMemoryBound(to: Atomic<UInt64>.self)
        for step in 0..<words {
            let word = from < to ? words &- 1 &- step : step
            unsafe target[word].store(source[word].load(ordering: .relaxed), ordering: .releasing)
        }
    }

    /// The same with half words.
    func publishMove(at index: UInt32, from: Int, to: Int, halfWords: Int) {
        guard unsafe head[5] != 0 else { return moveBytes(at: index, from: from, to: to, count: halfWords * 4) }
        let source = unsafe place(index, from).assumingMemoryBound(to: Atomic<UInt32>.self)
        let target = unsafe place(index, to).assumingMemoryBound(to: Atomic<UInt32>.self)
        for step in 0..<halfWords {
            let word = from < to ? halfWords &- 1 &- step : step
            unsafe target[word].store(source[word].load(ordering: .relaxed), ordering: .releasing)
        }
    }

    /// Sets a record that was just taken.
    @inline(__always) func initialize(_ index: UInt32, _ value: Record) {
        if unsafe head[5] != 0 {
            publishWhole(index, value)
        } else {
            unsafe (records + Int(index)).initialize(to: value)
        }
    }

    @inline(never) private func publishWhole(_ index: UInt32, _ value: Record) {
        unsafe withUnsafeBytes(of: value) { bytes in
            for word in 0..<(MemoryLayout<Record>.stride / 8) {
                let value = unsafe bytes.loadUnaligned(fromByteOffset: word * 8, as: UInt64.self)
                publish(at: index, offset: word * 8, value)
            }
        }
    }

    // MARK: Beside the records

    /// One of the two words beside the record at a place within the pool, whoever's that is by now.
    @inline(__always) func sideWord(at index: UInt32, _ number: Int) -> Word32 {
        #if DEBUG
            precondition(hasSideWords && index < capacity && number < 2, "no word there")
        #endif
        return unsafe Word32(at: UnsafeMutableRawPointer(sideWords + Int(index) * (PoolMemory.sideStride / 4) + number))
    }

    @inline(__always) private func place(_ index: UInt32, _ offset: Int) -> UnsafeMutableRawPointer {
        unsafe UnsafeMutableRawPointer(records + Int(index)) + offset
    }
}

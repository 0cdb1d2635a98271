// process_madvise: advice for ranges of this process or another one. The vector is read before the process is looked
// up, as Linux does. Linux: import_iovec, pidfd_get_task, process_madvise_remote_valid, vector_madvise.

/// A range of a vector (struct iovec).
public struct AdviceRange: BitwiseCopyable, Sendable {
    public var start: UInt64
    public var length: UInt64
    /// A range.
    public init(start: UInt64, length: UInt64) {
        self.start = start
        self.length = length
    }
}

extension Task {
    /// PIDFD_SELF_THREAD and PIDFD_SELF_THREAD_GROUP.
    private static var selves: ClosedRange<Int> { -10001 ... -10000 }
    private static var mostRanges: UInt64 { 1024 }

    /// process_madvise. The vector is `ranges`, or, where they are nil, `count` ranges in memory from `address` on.
    /// Returns the bytes advised; what stops it counts only if it is the first range.
    public func processMadvise(
        _ descriptor: Int, _ ranges: [AdviceRange]?, at address: UInt64 = 0, count: UInt64, _ advice: UInt64,
        flags: UInt64 = 0
    ) throws(Errno) -> UInt64 {
        guard flags & 0xFFFF_FFFF == 0, count <= Task.mostRanges else { throw .EINVAL }
        let given: [AdviceRange]
        if let ranges { given = Array(ranges.prefix(Int(count))) } else { given = try vector(at: address, count) }
        let ranges = try imported(given)
        let target = try advised(descriptor)
        let advice = UInt64(UInt32(truncatingIfNeeded: advice))
        if target !== space {
            switch Advice(rawValue: advice) {
            case .cold, .pageOut, .willNeed, .collapse: break
            default: throw .EINVAL
            }
        }
        defer { afterCall() }
        let total = ranges.reduce(0) { $0 + $1.length }
        var done: UInt64 = 0
        do throws(Errno) {
            // Empty ranges behind the last that is not are never looked at.
            for range in ranges where done < total {
                try target.advise(cpu, range.start, range.length, advice) { machine.space($0) }
                done += range.length
            }
        } catch {
            if done == 0 { throw error }
        }
        return done
    }

    /// Reads a vector from memory.
    private func vector(at address: UInt64, _ count: UInt64) throws(Errno) -> [AdviceRange] {
        if count == 0 { return [] }
        let end = space.tables.format.userEnd
        guard address <= end, count * 16 <= end - address else { throw .EFAULT }
        var ranges: [AdviceRange] = []
        for place in 0..<count {
            var words: [UInt64] = [0, 0]
            var at = 0
            let access = load(address + place * 16, 16) { byte in
                words[at >> 3] |= UInt64(byte) << (8 * UInt64(at & 7))
                at += 1
            }
            guard access == .done else { throw .EFAULT }
            guard words[1] <= UInt64(Int64.max) else { throw .EINVAL }
            ranges.append(AdviceRange(start: words[0], length: words[1]))
        }
        return ranges
    }

    /// The checks of import_iovec, and what is left of the ranges within the most that one call takes.
    private func imported(_ ranges: [AdviceRange]) throws(Errno) -> [AdviceRange] {
        for range in ranges where range.length > UInt64(Int64.max) { throw .EINVAL }
        var ranges = ranges
        // Of a single range only what the call takes is looked at.
        if ranges.count == 1 { ranges[0].length = Swift.min(ranges[0].length, Task.mostMoved) }
        let end = space.tables.format.userEnd
        for range in ranges where range.start > end || range.length > end - range.start { throw .EFAULT }
        var left = Task.mostMoved
        return ranges.map { range in
            let length = Swift.min(range.length, left)
            left -= length
            return AdviceRange(start: range.start, length: length)
        }
    }

    /// The address space of the process that a descriptor stands for.
    private func advised(_ descriptor: Int) throws(Errno) -> AddressSpace {
        if Task.selves.contains(descriptor) { return space }
        guard case .process(let process)? = process.descriptors[descriptor]?.target else { throw .EBADF }
        guard !process.hasExited else { throw .ESRCH }
        return process.space
    }
}

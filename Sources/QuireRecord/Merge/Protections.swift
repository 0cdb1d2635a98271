// Which ranges of an address space may be written, as perf's mapping records say (the kernel writes one for each mmap
// and each mprotect). Only a recording without tracepoints asks: there a fault does not say whether it was a write.

/// A map from addresses to writability; later records win.
struct Protections {
    private struct Span {
        var start: UInt64
        var end: UInt64
        var writable: Bool
    }

    /// Sorted, without overlaps.
    private var spans: [Span] = []

    mutating func set(_ mapping: PerfEvent.Mapping) {
        let (end, overflow) = mapping.start.addingReportingOverflow(mapping.length)
        guard !overflow, mapping.length > 0 else { return }
        let new = Span(start: mapping.start, end: end, writable: mapping.permissions.contains("w"))
        let first = index(after: new.start)
        var last = first
        var pieces: [Span] = []
        while last < spans.count, spans[last].start < end {
            if spans[last].start < new.start {
                pieces.append(Span(start: spans[last].start, end: new.start, writable: spans[last].writable))
            }
            if spans[last].end > end {
                pieces.append(Span(start: end, end: spans[last].end, writable: spans[last].writable))
            }
            last += 1
        }
        pieces.append(new)
        spans.replaceSubrange(first..<last, with: pieces.sorted { $0.start < $1.start })
    }

    /// Nil where nothing is known to be mapped (the heap, a stack that has grown).
    func writable(_ address: UInt64) -> Bool? {
        let at = index(after: address)
        guard at < spans.count, spans[at].start <= address else { return nil }
        return spans[at].writable
    }

    /// The first span that ends behind `address`.
    private func index(after address: UInt64) -> Int {
        var low = 0
        var high = spans.count
        while low < high {
            let middle = (low + high) / 2
            if spans[middle].end <= address { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

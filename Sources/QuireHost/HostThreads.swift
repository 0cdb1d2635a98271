// Work on several real threads at once, awaited. Part of the unsafe floor: it lends a body that is not Sendable to other threads,
// which is sound because the caller waits for all of them and each call has a number of its own.

import Dispatch

/// Runs pieces of work side by side.
public enum HostThreads {
    /// What `body` gives for 0, 1, … `count` − 1, each on some thread, as many at once as the host has cores; returns when all are
    /// done. The calls must not share what they change without a lock.
    public static func map<Value>(_ count: Int, _ body: (Int) -> Value) -> [Value] {
        if count == 0 { return [] }
        return withoutActuallyEscaping(body) { body in
            let results = UnsafeMutableBufferPointer<Value?>.allocate(capacity: count)
            unsafe results.initialize(repeating: nil)
            defer {
                unsafe results.deinitialize()
                unsafe results.deallocate()
            }
            let lent = unsafe Lent((body: body, results: results))
            DispatchQueue.concurrentPerform(iterations: count) { number in
                unsafe lent.value.results[number] = unsafe lent.value.body(number)
            }
            return unsafe results.map { $0! }
        }
    }

    private struct Lent<Value>: @unchecked Sendable {
        let value: Value
        init(_ value: Value) { self.value = value }
    }
}

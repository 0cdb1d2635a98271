// Real threads for the tests of what real threads do.

import Foundation
import Synchronization

@testable import Quire

/// Runs `body` on `count` threads at once, let go together, and waits for all of them.
func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    let done = DispatchSemaphore(value: 0)
    let gate = Gate(count)
    for index in 0..<count {
        Thread.detachNewThread {
            gate.pass()
            body(index)
            done.signal()
        }
    }
    for _ in 0..<count { done.wait() }
}

/// Where threads wait until all have come.
private final class Gate: Sendable {
    private let missing: Atomic<Int>

    init(_ count: Int) { missing = Atomic(count) }

    func pass() {
        missing.subtract(1, ordering: .acquiringAndReleasing)
        while missing.load(ordering: .acquiring) > 0 { sched_yield() }
    }
}

/// Hands a value to another thread that the test itself keeps in order.
struct Handed<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}

extension TestMachine {
    /// A page of shared words for locks and counters, held until the machine is gone.
    func words() -> SharedWords {
        let frame = memory.allocate(cpu, .unmovable)
        memory.zero(cpu, frame)
        return SharedWords(memory: memory, frame: frame)
    }
}

/// Words in a frame, 64 bytes apart.
struct SharedWords: Sendable {
    let memory: PhysicalMemory
    let frame: FrameNumber

    func word(_ place: Int) -> Word64 { memory.word(frame, place * 8) }
    func half(_ place: Int) -> Word32 {
        unsafe Word32(at: memory.base + Int(frame.address) + place * 64)
    }
    var counters: UnsafeMutableRawPointer { unsafe memory.base + Int(frame.address) }
}

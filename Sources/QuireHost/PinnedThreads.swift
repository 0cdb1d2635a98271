// Real threads, each on a processor of its own, let go together: for measurements. HostThreads gives work to as many as there are.

import CQuireHost
import Glibc
import Synchronization

/// Threads that stay where they are put.
public enum PinnedThreads {
    /// The processors that this process may run on.
    public static var processors: [Int] {
        var numbers = [CInt](repeating: 0, count: 1024)
        let count = unsafe quire_processors(&numbers, CInt(numbers.count))
        return count > 0 ? numbers.prefix(Int(count)).map { Int($0) } : [0]
    }

    /// How often the calling thread was made to leave a processor that it wanted to keep.
    public static var preemptions: Int { Int(quire_preemptions()) }

    /// Runs each body on a thread of its own, the n-th on the n-th of the processors (by turns, where there are fewer), all let
    /// go at once, and returns when all have ended. The bodies must be fit to run at the same time. Traps where the host makes no
    /// thread.
    public static func run(_ bodies: [() -> Void], on processors: [Int] = []) {
        let gate = Gate(bodies.count)
        var threads: [pthread_t] = []
        for (number, body) in bodies.enumerated() {
            let processor = processors.isEmpty ? nil : processors[number % processors.count]
            let work = unsafe Unmanaged.passRetained(Work(body, gate, processor)).toOpaque()
            var thread = pthread_t()
            let code = unsafe pthread_create(
                &thread, nil,
                { argument in
                    unsafe Unmanaged<Work>.fromOpaque(argument!).takeRetainedValue().serve()
                    return nil
                }, work)
            precondition(code == 0, "the host makes no thread")
            threads.append(thread)
        }
        for thread in threads { pthread_join(thread, nil) }
    }
}

/// What one thread does.
private final class Work {
    private let body: () -> Void
    private let gate: Gate
    private let processor: Int?

    init(_ body: @escaping () -> Void, _ gate: Gate, _ processor: Int?) {
        self.body = body
        self.gate = gate
        self.processor = processor
    }

    func serve() {
        // Where that is refused, the thread runs wherever it may.
        if let processor { _ = quire_run_on(CInt(processor)) }
        gate.pass()
        body()
    }
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

// Real threads that fault and zap areas of their own in one address space, each on a simulated CPU and a processor of the
// host, and loops that only spin on the same processors, to tell what the host gives from what the memory manager takes.
// `quire bench scale` runs them by turns.

public import Quire
import QuireHost

/// Touch and give back, on several threads of one process.
public final class ScaleLoop {
    private let machine: Machine
    private let tasks: [Task]
    private let starts: [UInt64]
    private static let areaBytes: UInt64 = 128 << 20
    private static let roundBytes = ModelLoop.roundBytes

    /// Makes a machine with a CPU for each thread, and for each an area that merges with no other.
    public init(threads: Int, machine configuration: MachineConfiguration = MachineConfiguration()) throws {
        var configuration = configuration
        configuration.mode = .parallel
        configuration.cpus = threads
        configuration.contents = .off
        machine = try Machine(configuration, host: .linux)
        let process = try machine.makeProcess(pid: 1)
        var starts: [UInt64] = []
        for number in 0..<threads {
            // A gibibyte apart: what they share is not by chance.
            let start: UInt64 = 0x1000_0000_0000 + UInt64(number) << 30
            try process.main.mmap(
                start, length: Self.areaBytes, protection: [.read, .write], flags: [.private, .anonymous, .fixed])
            starts.append(start)
        }
        self.starts = starts
        tasks = (0..<threads).map { process.makeTask(tid: 100 + $0, cpu: $0) }
    }

    /// Pages a second, of the threads together: each of those numbered touches 2 MiB and gives them back until the time is
    /// over, on the processor with the same place in the list. nil: another program was in the way.
    public func pagesPerSecond(threads: [Int], on processors: [Int], for time: Duration) -> Double? {
        Self.rate(threads, on: processors, for: time) { [tasks, starts] thread in
            var round: UInt64 = 0
            let task = tasks[thread]
            return {
                let start = starts[thread] + round % (Self.areaBytes / Self.roundBytes) * Self.roundBytes
                round += 1
                for page in stride(from: start, to: start + Self.roundBytes, by: 4096) { _ = task.storeByte(page, 1) }
                do { try task.madvise(start, Self.roundBytes, Advice.dontNeed.rawValue) } catch {
                    fatalError("MADV_DONTNEED of what is mapped fails: \(error)")
                }
                return Double(Self.roundBytes / 4096)
            }
        }
    }

    /// Steps a second, of the threads together, of a loop that only computes; nil as above.
    public static func stepsPerSecond(threads: [Int], on processors: [Int], for time: Duration) -> Double? {
        rate(threads, on: processors, for: time) { thread in
            var state = UInt64(thread) &+ 88_172_645_463_325_252
            return {
                for _ in 0..<20_000 {
                    state ^= state << 13
                    state ^= state >> 7
                    state ^= state << 17
                }
                return state == 0 ? 0 : 20_000
            }
        }
    }

    /// The sum of what each thread did, over its own time; nil where another program had a processor meanwhile, or the
    /// threads did not run at the same time.
    private static func rate(
        _ threads: [Int], on processors: [Int], for time: Duration, _ work: (Int) -> () -> Double
    ) -> Double? {
        let results = threads.map { _ in Result() }
        let bodies = threads.enumerated().map { place, thread in
            let turn = work(thread)
            return {
                let before = PinnedThreads.preemptions
                let begin = ContinuousClock.now
                var done = 0.0
                var end = begin
                repeat {
                    done += turn()
                    end = ContinuousClock.now
                } while end - begin < time
                results[place].done = done
                results[place].begin = begin
                results[place].end = end
                results[place].isDisturbed = PinnedThreads.preemptions != before
            }
        }
        PinnedThreads.run(bodies, on: threads.indices.map { processors[$0 % processors.count] })
        let begin = results.map(\.begin).max() ?? .now
        let end = results.map(\.end).min() ?? .now
        guard !results.contains(where: \.isDisturbed), end - begin > time * 0.8 else { return nil }
        return results.reduce(0) { $0 + $1.done / (($1.end - $1.begin) / .seconds(1)) }
    }

    private final class Result {
        var done = 0.0
        var begin = ContinuousClock.now
        var end = ContinuousClock.now
        var isDisturbed = false
    }

    /// Whether nothing is left of what the threads did. Only while none runs.
    public func checkInvariants() { tasks[0].process.checkInvariants() }
}

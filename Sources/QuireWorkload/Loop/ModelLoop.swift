// The documents' benchmark in the model: map 50 GB without reservation, and over and over touch 2 MiB and give it back.
// The counterpart on the live kernel is `LiveLoop`; `quire demo` and `quire bench` set them side by side.

public import Quire
import QuireHost

/// Touch and give back, in the model.
public enum ModelLoop {
    /// One round's bytes: what one PTE table maps.
    public static let roundBytes: UInt64 = 2 << 20

    /// What to run.
    public struct Parameters: Sendable {
        /// Bytes to map; rounds beyond the end begin at the front again.
        public var bytes: UInt64 = 50 << 30
        /// How often to touch 2 MiB and give them back.
        public var rounds = 25 * 1024
        /// The machine. Its reclaim is what is being measured.
        public var machine = MachineConfiguration()

        /// The documents' parameters on a machine without page contents.
        public init() { machine.contents = .off }
    }

    /// What the loop did.
    public struct Result: Sendable {
        /// After the mapping was made, and after the last round.
        public var before: ProcessStatus, after: ProcessStatus
        public var counters: [(name: String, value: UInt64)]
        /// The loop's own time, and the pages it touched.
        public var nanoseconds: UInt64, pages: UInt64
        /// The processor time of the same, which no other program lengthens.
        public var processorNanoseconds: UInt64

        public var nanosecondsPerPage: Double { Double(nanoseconds) / Double(pages) }
        /// By how much VmPTE grew over the loop, in kB.
        public var tableGrowth: Int64 { Int64(after.pageTables) - Int64(before.pageTables) }
        /// The value of a counter.
        public func counter(_ name: String) -> UInt64 { counters.first { $0.name == name }?.value ?? 0 }
    }

    /// Why a loop could not run.
    public enum Failure: Error { case machine(MachineError), call(Errno) }

    /// Runs the loop on a machine of its own. Every page is touched by one store of one byte through the whole path
    /// that any access takes: walk, fault, walk; nothing is batched.
    ///
    /// - Parameter progress: called with the rounds done, about a hundred times.
    public static func run(
        _ parameters: Parameters, progress: (Int) -> Void = { _ in }
    ) throws(Failure) -> Result {
        let machine: Machine
        do throws(MachineError) { machine = try Machine(parameters.machine, host: .linux) } catch {
            throw .machine(error)
        }
        do throws(Errno) {
            let process = try machine.makeProcess(pid: 1)
            let task = process.main
            let base = try task.mmap(
                length: parameters.bytes, protection: [.read, .write], flags: [.private, .anonymous, .noReserve])
            let before = process.status()
            let places = Swift.max(1, parameters.bytes / roundBytes)
            let step = Swift.max(1, parameters.rounds / 100)
            let clock = ContinuousClock()
            let begin = clock.now
            let processorBegin = HostClock.threadNanoseconds
            for round in 0..<parameters.rounds {
                let start = base + UInt64(round) % places * roundBytes
                var page = start
                while page < start + roundBytes {
                    _ = task.storeByte(page, 1)
                    page += 4096
                }
                try task.madvise(start, roundBytes, Advice.dontNeed.rawValue)
                if (round + 1) % step == 0 { progress(round + 1) }
            }
            let processorTime = HostClock.threadNanoseconds - processorBegin
            let time = begin.duration(to: clock.now).components
            return Result(
                before: before, after: process.status(), counters: machine.counters,
                nanoseconds: UInt64(time.seconds) * 1_000_000_000 + UInt64(time.attoseconds / 1_000_000_000),
                pages: UInt64(parameters.rounds) * roundBytes / 4096, processorNanoseconds: processorTime)
        } catch { throw .call(error) }
    }
}

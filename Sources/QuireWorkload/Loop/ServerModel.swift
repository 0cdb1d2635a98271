// The documents' server at full size: VIRT 55 TB, RES 590 GB, VmPTE 110 GB, of which 302,080 tables are full and the
// rest is empty. Built in the model on a small host: data pages have no contents, and the host gets the pages of
// emptied tables back.

public import Quire
import QuireHost

/// The server whose page tables outgrew its memory's worth of them.
public enum ServerModel {
    /// 2 MiB spans that are touched: as many tables as 110 GB hold.
    public static let spans = 28_835_840
    /// Spans that stay full: 590 GB of pages.
    public static let fullSpans = 302_080

    /// What was built.
    public struct Result: Sendable {
        public var status: ProcessStatus
        public var counters: [(name: String, value: UInt64)]
        public var seconds: Double
        /// Frames in use after the process has ended: frame 0 and the zero page.
        public var framesLeft: UInt64
    }

    /// Builds the server under a policy and ends it. Takes minutes and up to 8 GB of host memory.
    ///
    /// - Parameters:
    ///   - policy: `off`, `rfc` or `sync`.
    ///   - scale: builds only each so-many-th part of the spans, for tests; 1 is full size.
    ///   - progress: called with the spans done, of how many.
    public static func build(
        _ policy: EmptyTableReclaim, scale: Int = 1, progress: (Int, Int) -> Void = { _, _ in }
    ) throws(ModelLoop.Failure) -> Result {
        var configuration = MachineConfiguration()
        configuration.memory = 1 << 40
        configuration.mmapBase = 0x7fff_ffff_f000
        configuration.contents = .off
        configuration.reclaim = policy
        let machine: Machine
        do throws(MachineError) { machine = try Machine(configuration, host: .linux) } catch { throw .machine(error) }
        do throws(Errno) {
            let process = try machine.makeProcess(pid: 1)
            let clock = ContinuousClock()
            let begin = clock.now
            try fill(process.main, scale, progress)
            machine.discardEmptyTables()
            let time = begin.duration(to: clock.now).components
            let status = process.status()
            let counters = machine.counters
            process.main.exit()
            return Result(
                status: status, counters: counters, seconds: Double(time.seconds) + Double(time.attoseconds) / 1e18,
                framesLeft: machine.frames.total - machine.frames.free)
        } catch { throw .call(error) }
    }

    /// 55 mappings of 1 TB; in every 95th span all pages stay, in the others one is touched and the span given back.
    private static func fill(_ task: Task, _ scale: Int, _ progress: (Int, Int) -> Void) throws(Errno) {
        let span = ModelLoop.roundBytes
        let spansPerMapping = (1 << 40) / Int(span)
        let count = spans / scale
        var base: UInt64 = 0
        var full = 0
        for place in 0..<count {
            if place % spansPerMapping == 0 {
                base = try task.mmap(
                    length: 1 << 40, protection: [.read, .write], flags: [.private, .anonymous, .noReserve])
            }
            let start = base + UInt64(place % spansPerMapping) * span
            if place % 95 == 0, full < fullSpans / scale {
                task.touchWrite(start, span)
                full += 1
            } else {
                _ = task.storeByte(start, 1)
                try task.madvise(start, span, Advice.dontNeed.rawValue)
            }
            if place & 0xffff == 0 { progress(place, count) }
        }
    }
}

// fork of a lot of written memory in the model. The counterpart on the live kernel is `LiveForks`.

import Quire
import QuireHost

/// Two processes of one machine, one with the memory and one without, to fork.
public final class ModelForks {
    private static let base: UInt64 = 0x1000_0000_0000
    private let machine: Machine
    private let full: Process
    private let empty: Process
    private let bytes: UInt64

    /// Maps and writes `bytes` in folios of one size; contents are off, as in the other benchmarks of tables.
    public init(_ folios: ForkedFolios, bytes: UInt64, mode: RunMode = .sequential) throws(ModelLoop.Failure) {
        self.bytes = bytes
        var configuration = MachineConfiguration()
        configuration.contents = .off
        configuration.mode = mode
        configuration.memory = 2 * bytes + 1 << 30
        do throws(MachineError) {
            machine = try Machine(configuration, host: .linux)
            for (path, value) in folios.settings { try machine.set(path, value) }
        } catch { throw .machine(error) }
        do throws(Errno) {
            full = try machine.makeProcess(pid: 1)
            empty = try machine.makeProcess(pid: 2)
            for (process, length) in [(full, bytes), (empty, 4096)] {
                try process.main.mmap(
                    Self.base, length: length, protection: [.read, .write], flags: [.private, .anonymous, .fixed])
                let advice: Advice = folios == .small ? .noHugePage : .hugePage
                try process.main.madvise(Self.base, length, advice.rawValue)
            }
        } catch { throw .call(error) }
    }

    /// Forks each of the two `repetitions` times. Memory is written anew before, so that every entry loses the right to be
    /// written; the child ends before the next one is made.
    public func measure(repetitions: Int) throws(ModelLoop.Failure) -> ForkTimes {
        var times = ForkTimes()
        for _ in 0..<repetitions {
            times.with.append(try time(full, bytes))
            times.without.append(try time(empty, 4096))
        }
        return times
    }

    private func time(_ process: Process, _ length: UInt64) throws(ModelLoop.Failure) -> Double {
        process.main.touchWrite(Self.base, length)
        let clock = ContinuousClock()
        let begin = clock.now
        let child: Process
        do throws(Errno) { child = try process.main.fork(pid: 3) } catch { throw .call(error) }
        let time = begin.duration(to: clock.now).components
        child.main.exit()
        return Double(time.seconds) * 1e9 + Double(time.attoseconds) / 1e9
    }
}

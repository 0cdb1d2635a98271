// The calls that change areas, among many, in the model. The counterpart on the live kernel is `LiveAreas`.

import Quire
import QuireHost

/// An address space with many areas, to measure on.
public final class ModelAreas {
    private let machine: Machine
    private let process: Process
    private let layout: AreaLayout

    /// Maps the areas, and a few at the top of the range that mmap chooses from, where a program has its libraries.
    public init(_ layout: AreaLayout) throws(ModelLoop.Failure) {
        var configuration = MachineConfiguration()
        configuration.contents = .off
        do throws(MachineError) { machine = try Machine(configuration, host: .linux) } catch { throw .machine(error) }
        self.layout = layout
        do throws(Errno) {
            process = try machine.makeProcess(pid: 1)
            let task = process.main
            for library in 1...20 as ClosedRange<UInt64> {
                try task.mmap(
                    configuration.mmapBase - library * 4096, length: 4096,
                    protection: library % 2 == 0 ? .read : [.read, .execute], flags: [.private, .anonymous, .fixed])
            }
            for start in layout.starts {
                try task.mmap(
                    start, length: AreaLayout.pages * 4096, protection: .read, flags: [.private, .anonymous, .fixed])
            }
        } catch { throw .call(error) }
    }

    /// Times `operations` of each kind on random areas.
    public func measure(operations: Int) throws(ModelLoop.Failure) -> AreaTimes {
        let task = process.main
        let order = layout.order(operations)
        var times = AreaTimes()
        do throws(Errno) {
            times.protectPair = try AreaTimes.median(order) { (start) throws(Errno) in
                try task.mprotect(AreaLayout.middle(start), 4096, [.read, .write])
                try task.mprotect(AreaLayout.middle(start), 4096, .read)
            }
            // Rights that no neighbour has: what is mapped must not merge.
            times.mapPair = try AreaTimes.median(order) { (_) throws(Errno) in
                let made = try task.mmap(length: 4096, protection: .write, flags: [.private, .anonymous])
                try task.munmap(made, 4096)
            }
            times.mapFixedPair = try AreaTimes.median(order) { (start) throws(Errno) in
                try task.mmap(
                    AreaLayout.free(start), length: 4096, protection: .write, flags: [.private, .anonymous, .fixed])
                try task.munmap(AreaLayout.free(start), 4096)
            }
            times.find = try AreaTimes.median(order) { (start) throws(Errno) in
                guard case .signal(.accessError, _) = task.access(start, .write) else { throw .EFAULT }
            }
        } catch { throw .call(error) }
        return times
    }
}

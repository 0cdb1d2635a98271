// Which cache lines CPUs share, as `Sync` sees it.

import Quire
import QuireExplore
import QuireHost
import Testing

@Suite struct SharedLinesTests {
    private func machine() throws -> Machine {
        var configuration = MachineConfiguration()
        configuration.memory = 64 << 20
        configuration.cpus = 2
        configuration.contents = .off
        return try Machine(configuration, host: .linux)
    }

    private func map(_ task: Quire.Task) throws -> UInt64 {
        try task.mmap(length: 4 << 20, protection: [.read, .write], flags: [.private, .anonymous])
    }

    /// Faults of two processes, whose tables are there, touch nothing of each other's.
    @Test func faultsOfTwoProcessesShareNoLine() throws {
        let machine = try machine()
        let processes = [try machine.makeProcess(pid: 1), try machine.makeProcess(pid: 2)]
        let tasks = processes.indices.map { processes[$0].makeTask(tid: 10 + $0, cpu: $0) }
        let starts = try tasks.map(map)
        for (task, start) in zip(tasks, starts) { task.touchWrite(start, 4096) }
        var pages = [UInt64](repeating: 0, count: 2)
        let lines = machine.sharedLines(turns: 4) { cpu in
            pages[cpu] += 1
        } _: { cpu in
            tasks[cpu].touchWrite(starts[cpu] + pages[cpu] * 4096, 4096)
        }
        #expect(lines.isEmpty, "\(lines)")
    }

    /// Two threads of one process that map share the lock of its areas, which each takes and gives back once.
    @Test func mappingsOfOneProcessShareItsLock() throws {
        let machine = try machine()
        let process = try machine.makeProcess(pid: 1)
        let tasks = (0..<2).map { process.makeTask(tid: 10 + $0, cpu: $0) }
        let lines = try machine.sharedLines(turns: 4) { cpu in _ = try map(tasks[cpu]) }
        let lock = try #require(lines.first { $0.place.contains("mmap_lock") })
        #expect(lock.writes >= 2 && lock.operations.contains("mmap_lock lock"))
        #expect(lines.allSatisfy { $0.writes > 0 })
    }
}

// A small machine with one process, and what most tests ask of it: mappings without ceremony, counters, and the
// standing promise that nothing is left when every process has ended.

import QuireHost
import Testing

@testable import Quire

let page: UInt64 = 4096
let span: UInt64 = 2 << 20

/// A machine with a process.
final class TestMachine {
    let machine: Machine
    let process: Process

    /// Makes a machine of 256 MiB, or as `configure` says, and process 1.
    init(_ configure: (inout MachineConfiguration) -> Void = { _ in }) throws {
        var configuration = MachineConfiguration()
        configuration.memory = 256 << 20
        configure(&configuration)
        machine = try Machine(configuration, host: .linux)
        process = try machine.makeProcess(pid: 1)
    }

    var task: Quire.Task { process.main }
    var cpu: CPU { task.cpu }
    var core: MachineCore { machine.core }
    var memory: PhysicalMemory { core.memory }
    var space: AddressSpace { process.space }
    var tables: PageTables { space.tables }
    var status: ProcessStatus { process.status() }

    /// A statistics counter, over all CPUs.
    func counter(_ counter: Counter) -> UInt64 { machine.counters.first { $0.name == counter.label }!.value }

    /// Private anonymous memory, by default where it may be: aligned to 2 MiB where it is a multiple of that.
    func map(
        _ length: UInt64, at address: UInt64 = 0, _ protection: Protection = [.read, .write], _ more: MapFlags = []
    ) throws -> UInt64 {
        let fixed: MapFlags = address == 0 ? [] : .fixed
        return try task.mmap(
            address, length: length, protection: protection, flags: more.union([.private, .anonymous]).union(fixed))
    }

    /// A memory file with contents: byte i of page p is p + 1.
    func memoryFile(pages: UInt64, name: String = "data") throws -> Int {
        let fd = try task.memfdCreate(name)
        try task.ftruncate(fd, pages * page)
        for place in 0..<pages { _ = try task.write(fd, [UInt8(truncatingIfNeeded: place + 1)], at: place * page) }
        return fd
    }

    func discard(_ address: UInt64, _ length: UInt64) throws {
        try task.madvise(address, length, Advice.dontNeed.rawValue)
    }

    /// The byte at an address, as the program reads it; nil where it gets a signal.
    func byte(_ address: UInt64) -> UInt8? {
        var value: UInt8?
        _ = task.load(address, 1) { value = $0 }
        return value
    }

    /// The entry that the tables hold for an address.
    func entry(_ address: UInt64) -> Entry {
        let table = tables.table(cpu, address, level: 0)
        return table.isNone ? .none : tables.load(cpu, table, tables.format.index(address, level: 0))
    }

    /// Lets the hardware walker read the tables, then ends every process and expects that nothing is left: no frame, no record, no promise.
    func expectNothingLeft(_ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation) {
        expectHardwareAgrees(comment, sourceLocation: sourceLocation)
        #expect(machine.leftOver() == nil, comment, sourceLocation: sourceLocation)
    }
}

// Machines and address spaces to measure on.

import Quire
import QuireHost

/// A machine with one process.
final class Fixture {
    let machine: Machine
    let process: Process
    var task: Task { process.main }

    init(contents: Contents = .off, mode: RunMode = .sequential, areas: Int = 0) throws {
        var configuration = MachineConfiguration()
        configuration.contents = contents
        configuration.mode = mode
        configuration.cpus = mode == .parallel ? 2 : 1
        machine = try Machine(configuration, host: .linux)
        process = try machine.makeProcess(pid: 1)
        for index in 0..<areas { try map(at: Self.address(ofArea: index), pages: 1, .read) }
    }

    /// Where one of the many areas lies: a page, and a page of nothing above it.
    static func address(ofArea index: Int) -> UInt64 { 0x1_0000_0000 + UInt64(index) * 2 * Page.size }

    /// A place above the many areas.
    static let free: UInt64 = 0x10_0000_0000

    /// Maps private anonymous memory at an address.
    func map(at address: UInt64, pages: UInt64, _ protection: Protection = [.read, .write]) throws {
        try task.mmap(
            address, length: pages * Page.size, protection: protection, flags: [.private, .anonymous, .fixed])
    }
}

/// A seeded source of random numbers (SplitMix64): the same order of areas in every run.
struct SeededRandom: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

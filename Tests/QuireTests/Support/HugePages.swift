// Machines with huge pages, and what tests ask of them.

import Testing

@testable import Quire

let hugeFolder = "/sys/kernel/mm/transparent_hugepage/"

extension TestMachine {
    /// A machine whose sizes are all `never` but the given ones (in kB), which are `always`.
    convenience init(sizes: [Int], _ configure: (inout MachineConfiguration) -> Void = { _ in }) throws {
        try self.init(configure)
        for size in [16, 32, 64, 128, 256, 512, 1024, 2048] {
            try machine.set(hugeFolder + "hugepages-\(size)kB/enabled", sizes.contains(size) ? "always" : "never")
        }
    }

    /// A file of the size's statistics.
    func statistic(_ name: String, kB: Int) throws -> Int {
        Int(try machine.get(hugeFolder + "hugepages-\(kB)kB/stats/" + name)) ?? -1
    }

    func advise(_ address: UInt64, _ length: UInt64, _ advice: Advice) throws {
        try task.madvise(address, length, advice.rawValue)
    }

    /// The head of the folio at an address, and its order; nil where nothing is mapped.
    func folio(_ address: UInt64, of process: Process? = nil) -> (head: FrameNumber, order: Int)? {
        let space = (process ?? self.process).space
        var frame = FrameNumber.none
        if let leaf = space.tables.leaf(cpu, address) {
            frame = space.tables.format.frame(leaf.entry)
        } else {
            let entry = space.entry(cpu, address)
            guard space.tables.format.isPresent(entry) else { return nil }
            frame = space.tables.format.frame(entry)
        }
        let head = memory.head(cpu, frame)
        return (head, memory.order(cpu, head))
    }

    /// Invariants of every process and every folio.
    func checkAll(sourceLocation: SourceLocation = #_sourceLocation) {
        for process in machine.processes { process.checkInvariants() }
        checkFolios(sourceLocation: sourceLocation)
    }
}

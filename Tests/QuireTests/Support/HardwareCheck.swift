// What the page tables are to the hardware, beside what the memory manager takes them for: an independent walker reads
// every entry that a test leaves behind, and both must say the same.

import HardwareWalker
import Testing

@testable import Quire

extension TestMachine {
    /// A hardware walker at a process's tables.
    func hardware(_ process: Process) -> HardwareMMU { memory.hardware(cpu, process.space.tables.root) }

    /// Walks the tables of every process as hardware does, and compares.
    func expectHardwareAgrees(_ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation) {
        for process in machine.processes {
            let wrong = process.space.disagreements(cpu, hardware(process))
            #expect(wrong == [], comment, sourceLocation: sourceLocation)
        }
    }
}

extension PhysicalMemory {
    /// A hardware walker of the machine's kind that starts at a table.
    func hardware(_ cpu: CPU, _ root: FrameNumber) -> HardwareMMU {
        let levels = topLevel + 1
        let isArm = unsafe formatAddress.pointee.broadcastsInvalidations
        return HardwareMMU(
            isArm ? .arm64(granule: 12) : .x86_64(levels: levels), root: root.address,
            memoryEnd: UInt64(frameCount) << Page.shift
        ) { address in
            word(FrameNumber(UInt32(address >> Page.shift)), Int(address & Page.offsetMask) / 8).loadRelaxed(
                cpu, .entry)
        }
    }
}

/// A leaf as the memory manager reads it.
private struct Leaf {
    var address: UInt64
    var level: Int
    var entry: Entry
}

extension AddressSpace {
    /// Where the walker complains, or sees something else than the memory manager; ten at most.
    func disagreements(_ cpu: CPU, _ hardware: HardwareMMU) -> [String] {
        let audit = hardware.audit()
        var wrong = audit.complaints.map(\.description)
        var leaves: [Leaf] = []
        collect(cpu, tables.root, tables.format.levels - 1, 0, &leaves)
        if leaves.count != audit.leaves.count {
            wrong.append("\(audit.leaves.count) leaves for the hardware, \(leaves.count) for the memory manager")
        }
        for (mine, found) in zip(leaves, audit.leaves) {
            if let difference = difference(mine, found.address, found.translation, hardware) {
                wrong.append(difference)
            }
        }
        return Array(wrong.prefix(10))
    }

    private func collect(_ cpu: CPU, _ table: FrameNumber, _ level: Int, _ base: UInt64, _ leaves: inout [Leaf]) {
        for index in 0..<512 {
            let entry = tables.word(cpu, table, index)
            guard tables.format.isValidForHardware(entry) else { continue }
            let address = base + UInt64(index) << tables.format.shift(ofLevel: level)
            if level == 0 || tables.format.isHuge(entry) {
                leaves.append(Leaf(address: address, level: level, entry: entry))
            } else {
                collect(cpu, tables.format.frame(entry), level - 1, address, &leaves)
            }
        }
    }

    private func difference(
        _ mine: Leaf, _ address: UInt64, _ found: HardwareTranslation, _ hardware: HardwareMMU
    ) -> String? {
        let format = tables.format
        var names: [String] = []
        if address != mine.address { names.append("address") }
        if found.physical != format.frame(mine.entry).address { names.append("frame") }
        if found.shift != format.shift(ofLevel: mine.level) { names.append("size") }
        if !found.user { names.append("user") }
        if found.writable != format.isWritable(mine.entry) { names.append("writable") }
        if found.executable != format.isExecutable(mine.entry) { names.append("executable") }
        if found.accessed != format.isAccessed(mine.entry) { names.append("accessed") }
        // Where it may not be written, arm64's hardware knows nothing of dirty, and the memory manager keeps its own bit.
        let dirty = format.isDirty(mine.entry)
        if found.dirty != dirty, !hardware.isArmLike || found.writable { names.append("dirty") }
        if found.contiguous != format.isFolded(mine.entry) { names.append("contiguous") }
        // A walk to the address alone comes to the same.
        if (try? hardware.walk(mine.address)) != found { names.append("walk") }
        if names.isEmpty { return nil }
        return
            "\(VirtualAddress(mine.address)): word 0x\(String(mine.entry.rawValue, radix: 16)): \(names.joined(separator: ", "))"
    }
}

extension HardwareMMU {
    fileprivate var isArmLike: Bool { architecture == .arm64(granule: 12) }
}

// What a replay leaves in page tables, read by a hardware walker that knows nothing of the memory manager.

import HardwareWalker
import Testing

@testable import Quire

/// Expects that hardware has nothing to complain of in the tables of any process.
func expectHardwareAccepts(_ machine: Machine, sourceLocation: SourceLocation = #_sourceLocation) {
    let memory = machine.core.memory
    let cpu = machine.cpu(0)
    let format = machine.configuration.format
    for process in machine.processes {
        let mmu = HardwareMMU(
            format.broadcastsInvalidations ? .arm64(granule: 12) : .x86_64(levels: format.levels),
            root: process.space.tables.root.address, memoryEnd: UInt64(memory.frameCount) << Page.shift
        ) { address in
            memory.word(FrameNumber(UInt32(address >> Page.shift)), Int(address & Page.offsetMask) / 8)
                .loadRelaxed(cpu, .entry)
        }
        #expect(mmu.audit().complaints == [], sourceLocation: sourceLocation)
    }
}

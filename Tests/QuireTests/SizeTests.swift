// The sizes that docs/architecture.md states, so that the page stays true.

import Testing

@testable import Quire

@Suite struct SizeTests {
    @Test func recordsAreAsLargeAsThePageSays() {
        #expect(PhysicalMemory.recordBytes == 32)
        #expect(MemoryLayout<Area>.stride == 80)
        #expect(MemoryLayout<Area>.offset(of: \.anonVMA) == Area.anonVMAOffset)
        #expect(MemoryLayout<Area>.offset(of: \.nextOfFile) == Area.nextOfFileOffset)
        #expect(MemoryLayout<Area>.offset(of: \.previousOfFile) == Area.previousOfFileOffset)
        #expect(MemoryLayout<Area>.offset(of: \.leaf) == Area.leafOffset)
        #expect(MemoryLayout<AnonVMA>.offset(of: \.lastLink) == AnonVMA.lastLinkOffset)
        #expect(MemoryLayout<Area>.offset(of: \.chain) == Area.chainOffset)
        #expect(MemoryLayout<Area>.offset(of: \.guards) == Area.guardsOffset)
        #expect(MemoryLayout<FileRecord>.offset(of: \.cacheIndex) == FileRecord.cacheIndexOffset)
        #expect(MemoryLayout<FileRecord>.offset(of: \.indexedPages) == FileRecord.indexedPagesOffset)
        #expect(MemoryLayout<AreaExtras>.stride == 32)
        #expect(MemoryLayout<AreaNode>.stride == 704)
        #expect(MemoryLayout<AnonVMA>.stride == 40)
        #expect(MemoryLayout<AnonLink>.stride == 28)
        #expect(MemoryLayout<FileRecord>.stride == 96)
        #expect(MemoryLayout<SpaceRecord>.stride == 168)
        #expect(MemoryLayout<CPUState>.stride == 1728)
        #expect(MemoryLayout<SpaceRecord>.offset(of: \.peakResident) == SpaceRecord.peakResidentOffset)
    }
}

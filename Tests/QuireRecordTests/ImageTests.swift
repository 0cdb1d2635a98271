// What execve builds: argument strings on the stack, the true length of a first segment.

import Testing

@testable import QuireRecord

@Suite struct ImageTests {
    private func stackLines(strings: UInt64, touches: [UInt64]) -> [String] {
        var image = ImageBuilder(tid: 7, stringBytes: strings)
        image.add(
            .init(start: 0x7000_0000, length: 0x21000, offset: 0, permissions: "rw-p", path: "[stack]"), time: 0)
        for address in touches { image.addTouch(address: address, write: true, time: 0) }
        return image.lines(clock: { $0 }, name: { $0 }, firstSegment: { _ in nil }).filter { $0.contains("GUP") }
    }

    @Test func stringsOfOnePage() {
        #expect(
            stackLines(strings: 300, touches: [0x7001_fe79]) == [
                "7 0.000000000 touch_write(0x70020000, 4096) # image: argument strings, written by GUP"
            ])
    }

    @Test func longArgumentsTakeSeveralPages() {
        #expect(stackLines(strings: 9000, touches: [0x7001_d000])[0].contains("touch_write(0x7001e000, 12288)"))
    }

    @Test func anExceptionCorrectsTheEstimate() {
        // Pages that GUP wrote do not fault: a fault in the second page from the top leaves one.
        #expect(stackLines(strings: 9000, touches: [0x7001_f400])[0].contains("touch_write(0x70020000, 4096)"))
        #expect(stackLines(strings: 9000, touches: [0x7002_0ff0]).isEmpty)
    }

    @Test func theStackIsGrowsdown() {
        var image = ImageBuilder(tid: 7, stringBytes: 0)
        image.add(.init(start: 0x1000, length: 0x2000, offset: 0, permissions: "rw-p", path: "[stack]"), time: 0)
        let line = image.lines(clock: { $0 }, name: { $0 }, firstSegment: { _ in nil })[0]
        #expect(line.contains("MAP_ANONYMOUS|MAP_GROWSDOWN|MAP_STACK"))
        #expect(line.hasSuffix("# image [stack]"))
    }

    @Test func aFirstMappingIsCutToItsSegment() throws {
        let result = try merged(
            log: [MergerTests.start],
            events: [
                MergerTests.exec,
                "7/7 1.2: PERF_RECORD_MMAP2 7/7: [0x400000(0x200000) @ 0 fe:00 5 0]: r--p /bin/a",
                "7/7 1.3: PERF_RECORD_MMAP2 7/7: [0x500000(0x1000) @ 0x1000 fe:00 5 0]: r-xp /bin/a",
            ], firstSegment: { _ in 0x3000 })
        #expect(result.lines.contains { $0.contains("mmap(0x400000, 12288, PROT_READ,") })
        #expect(result.lines.contains { $0.contains("mmap(0x500000, 4096, PROT_READ|PROT_EXEC,") })
    }

    @Test func segmentLengthFromAnELFHeader() {
        var header = [UInt8](repeating: 0, count: 64 + 2 * 56)
        header.replaceSubrange(0..<6, with: [0x7f, 0x45, 0x4c, 0x46, 2, 1])
        header[32] = 64  // program headers behind the header
        header[54] = 56
        header[56] = 2
        header[64] = 6  // PT_PHDR
        header[120] = 1  // PT_LOAD
        header[120 + 16] = 0x40  // address 0x40
        header[120 + 33] = 0x1f
        header[120 + 32] = 0xd0  // file size 0x1fd0
        #expect(ExecutableHeader.firstSegmentLength(header: header) == 0x3000)
        #expect(ExecutableHeader.firstSegmentLength(header: Array(header.prefix(100))) == nil)
        #expect(ExecutableHeader.firstSegmentLength(header: Array("#!/bin/sh\n".utf8)) == nil)
        header.replaceSubrange(152..<160, with: [UInt8](repeating: 0xff, count: 8))
        #expect(ExecutableHeader.firstSegmentLength(header: header) == nil)
    }
}

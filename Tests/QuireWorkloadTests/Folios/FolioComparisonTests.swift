// `quire folios`: the sums of one workload with folios of several sizes.

import Foundation
import Testing

@testable import QuireWorkload

@Suite struct FolioComparisonTests {
    /// Measures the lines with folios of one size.
    private func costs(_ text: String, _ kilobytes: Int?, _ settings: [(String, String)] = []) throws -> FolioCosts {
        let path = NSTemporaryDirectory() + "quire-folios-\(UUID().uuidString).q"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        var options = ReplayOptions()
        options.settings = settings.map { (key: $0.0, value: $0.1) }
        return try FolioComparison(options).measure(path: path, kilobytes: kilobytes, repetitions: 1)
    }

    private let sparse = """
        a = mmap(0x100000000000, 4M, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
        touch_write(a, 256K)
        touch_write(a+2M, 4K)

        """

    @Test func largerFoliosFaultLessAndWasteMore() throws {
        let small = try costs(sparse, 4)
        let middle = try costs(sparse, 64)
        let huge = try costs(sparse, 2048)
        #expect(small.faults == 65 && middle.faults == 5 && huge.faults == 2)
        #expect(small.clearedBytes == 65 * 4096 && middle.clearedBytes == 5 * 65536 && huge.clearedBytes == 2 << 21)
        #expect(middle.wastedKilobytes(over: small) == 60)
        #expect(huge.wastedKilobytes(over: small) == 4096 - 65 * 4)
        #expect(small.wastedKilobytes(over: small) == 0)
    }

    @Test func allTakesTheLargestThatFits() throws {
        let text = "a = mmap(0x100000000000, 3M, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)\n"
        let all = try costs(text + "touch_write(a, 3M)\n", nil)
        #expect(all.faults == 2, "2 MB and 1 MB")
    }

    @Test func copiesAreThoseOfTheProgram() throws {
        let text = sparse + "c = fork()\n[c] touch_write(0x100000000000, 8K)\n"
        for size in [4, 64] { #expect(try costs(text, size).copiedBytes == 8192) }
        #expect(try costs(text, 64, [("cow.range", "on")]).copiedBytes == 65536)
    }

    @Test func contiguousBlocksAreCountedOnARM() throws {
        let text = sparse + "munmap(0x100000000000, 8K)\n"
        let arm = [("machine.arch", "arm64")]
        #expect(try costs(text, 64, arm).unfolds == 1)
        #expect(try costs(text, 64).unfolds == 0)
        #expect(try costs(text, 4, arm).unfolds == 0)
    }

    @Test func fileThatCannotBeReadIsAnError() {
        #expect(throws: ReplayError.self) {
            _ = try FolioComparison(ReplayOptions()).measure(path: "/no/such.q", kilobytes: 4, repetitions: 1)
        }
        #expect(throws: ReplayError.self) { _ = try costs("# requires: swap\nmunmap(0x1000, 4K)\n", 4) }
    }
}

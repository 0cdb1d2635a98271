// How long the first segment of an ELF file is: perf reports the whole span of an image for its first mapping, because
// the kernel maps the whole span, then cuts it back to the segment (`elf_map` with a total size). The recording says
// what is left.

import Foundation

/// The few fields of an ELF header and program headers that the image needs (64-bit, little-endian; else nil).
enum ExecutableHeader {
    private static let pageSize: UInt64 = 4096

    /// Bytes that the first loadable segment of `path` maps, rounded to pages; nil for what is no such file.
    static func firstSegmentLength(path: String) -> UInt64? {
        guard let handle = FileHandle(forReadingAtPath: path), let data = try? handle.read(upToCount: 1 << 14) else {
            return nil
        }
        return firstSegmentLength(header: [UInt8](data))
    }

    /// The same from the file's first bytes.
    static func firstSegmentLength(header: [UInt8]) -> UInt64? {
        guard header.count >= 64, header[0..<4].elementsEqual([0x7f, 0x45, 0x4c, 0x46]), header[4] == 2, header[5] == 1
        else { return nil }
        let table = word(header, 32, 8)
        let size = word(header, 54, 2)
        let count = word(header, 56, 2)
        guard size >= 56, table < 1 << 20 else { return nil }
        for number in 0..<count {
            let at = Int(table + number * size)
            guard at + 56 <= header.count else { return nil }
            guard word(header, at, 4) == 1 else { continue }
            let inPage = word(header, at + 16, 8) % pageSize
            let (end, overflow) = word(header, at + 32, 8).addingReportingOverflow(inPage + pageSize - 1)
            return overflow ? nil : end / pageSize * pageSize
        }
        return nil
    }

    private static func word(_ bytes: [UInt8], _ at: Int, _ size: Int) -> UInt64 {
        (0..<size).reversed().reduce(0) { $0 << 8 | UInt64(bytes[at + $1]) }
    }
}

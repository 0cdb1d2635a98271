// A mapping of this very process on the live kernel: `LiveMapping` maps, touches, advises and asks for residency by the
// system calls, so that the live loop, the inspector's calibration and the tests can build a known layout. Part of the
// unsafe floor: offsets are checked against the mapping's length, so that no caller reaches memory outside of it.
// Kernel counterpart: mm/mmap.c, mm/madvise.c, mm/mincore.c.

import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Advice for a part of a mapping; the raw value is Linux's number (include/uapi/asm-generic/mman-common.h).
public struct LiveAdvice: RawRepresentable, Hashable, Sendable {
    public var rawValue: CInt

    public init(rawValue: CInt) { self.rawValue = rawValue }

    /// Give the pages back now. `MADV_DONTNEED`
    public static let dontNeed = Self(rawValue: 4)
    /// Prefer huge pages. `MADV_HUGEPAGE`
    public static let hugePage = Self(rawValue: 14)
    /// Base pages only. `MADV_NOHUGEPAGE`
    public static let noHugePage = Self(rawValue: 15)
    /// Install guard markers, Linux 6.13 and later. `MADV_GUARD_INSTALL`
    public static let guardInstall = Self(rawValue: 102)
}

/// A private anonymous mapping without reservation (`MAP_NORESERVE`), unmapped when the value ends.
@safe public struct LiveMapping: ~Copyable {
    /// The base page size of the machines that Quire inspects.
    public static let pageSize = 4096

    private let base: UnsafeMutableRawPointer
    /// Length in bytes.
    public let length: Int

    /// Where the mapping lies.
    public var range: Range<UInt64> {
        let start = unsafe UInt64(UInt(bitPattern: base))
        return start..<start + UInt64(length)
    }

    /// Maps `length` bytes, readable and writable, aligned to `alignment` (a power of two, at least a page).
    ///
    /// The kernel only promises page alignment: more is mapped than asked and the ends are unmapped at once.
    public init(length: Int, alignment: Int = 2 << 20) throws(Errno) {
        guard length > 0, length % Self.pageSize == 0, alignment >= Self.pageSize else { throw .invalidArgument }
        let (mapped, tooLong) = length.addingReportingOverflow(alignment - Self.pageSize)
        guard !tooLong else { throw .noMemory }
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | CInt(MAP_NORESERVE)
        let area = unsafe mmap(nil, mapped, PROT_READ | PROT_WRITE, flags, -1, 0)
        guard let area = unsafe area, unsafe area != MAP_FAILED else { throw Errno(rawValue: errno) }
        let start = UInt(bitPattern: area)
        let head = Int((UInt(alignment) - start % UInt(alignment)) % UInt(alignment))
        let tail = mapped - head - length
        if head > 0 { unsafe munmap(area, head) }
        if tail > 0 { unsafe munmap(area + head + length, tail) }
        unsafe base = area + head
        self.length = length
    }

    deinit {
        unsafe munmap(base, length)
    }

    /// Writes one byte every `stride` bytes of `offsets`.
    @inline(never)
    public borrowing func touch(_ offsets: Range<Int>, stride: Int = LiveMapping.pageSize) {
        check(offsets)
        var offset = offsets.lowerBound
        while offset < offsets.upperBound {
            unsafe base.storeBytes(of: 1, toByteOffset: offset, as: UInt8.self)
            offset += stride
        }
    }

    /// Reads one byte every `stride` bytes of `offsets`; returns their sum, so that no compiler drops the reads.
    @inline(never)
    public borrowing func read(_ offsets: Range<Int>, stride: Int = LiveMapping.pageSize) -> Int {
        check(offsets)
        var sum = 0
        var offset = offsets.lowerBound
        while offset < offsets.upperBound {
            unsafe sum += Int(base.load(fromByteOffset: offset, as: UInt8.self))
            offset += stride
        }
        return sum
    }

    /// `madvise(2)` for a part of the mapping.
    public borrowing func advise(_ offsets: Range<Int>, _ advice: LiveAdvice) throws(Errno) {
        check(offsets)
        if unsafe madvise(base + offsets.lowerBound, offsets.count, advice.rawValue) != 0 {
            throw Errno(rawValue: errno)
        }
    }

    /// How many pages of a part of the mapping are resident, by `mincore(2)`.
    public borrowing func residentPages(_ offsets: Range<Int>) throws(Errno) -> Int {
        check(offsets)
        var residency = [UInt8](repeating: 0, count: (offsets.count + Self.pageSize - 1) / Self.pageSize)
        guard unsafe mincore(base + offsets.lowerBound, offsets.count, &residency) == 0 else {
            throw Errno(rawValue: errno)
        }
        return residency.reduce(0) { $0 + Int($1 & 1) }
    }

    private borrowing func check(_ offsets: Range<Int>) {
        precondition(offsets.lowerBound >= 0 && offsets.upperBound <= length, "outside the mapping")
    }
}

/// Minor and major faults of this process so far, by `getrusage(2)`.
func processFaults() -> (minor: UInt64, major: UInt64) {
    var usage = rusage()
    unsafe getrusage(CInt(RUSAGE_SELF.rawValue), &usage)
    return (UInt64(usage.ru_minflt), UInt64(usage.ru_majflt))
}

/// This process's id.
var processID: Int { Int(getpid()) }

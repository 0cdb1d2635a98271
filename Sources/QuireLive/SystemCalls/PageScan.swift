// Two ioctl calls on files of /proc/PID that C libraries' headers may not know yet: PAGEMAP_SCAN (Linux 6.7: which pages of
// a range are populated, without 8 bytes for each page that is not) and PROCMAP_QUERY (Linux 6.11: one area, without
// walking its page tables). Part of the unsafe floor. Kernel counterpart: do_pagemap_scan and do_procmap_query in
// fs/proc/task_mmu.c; the structures are declared here as include/uapi/linux/fs.h lays them out.

import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What PAGEMAP_SCAN can say of a page.
struct PageCategories: OptionSet, Hashable, Sendable, BitwiseCopyable {
    var rawValue: UInt64

    /// The entry maps a page. `PAGE_IS_PRESENT`
    static let present = Self(rawValue: 1 << 3)
    /// The entry is not present and not none: swap, migration, or a marker (userfaultfd, poison, guard). `PAGE_IS_SWAPPED`
    static let swapped = Self(rawValue: 1 << 4)
    /// The entry maps the shared zero page, small or huge. `PAGE_IS_PFNZERO`
    static let zeroPage = Self(rawValue: 1 << 5)
    /// A PMD entry (or a hugetlb page) maps it: there is no PTE in use. `PAGE_IS_HUGE`
    static let huge = Self(rawValue: 1 << 6)
    /// A guard marker, Linux 6.15 and later. `PAGE_IS_GUARD`
    static let guardRegion = Self(rawValue: 1 << 8)
}

/// Neighbouring pages with the same categories. Kernel: struct page_region.
struct PageRegion: Hashable, Sendable, BitwiseCopyable {
    var start: UInt64 = 0
    var end: UInt64 = 0
    var categories: PageCategories = []
}

/// Kernel: struct pm_scan_arg, twelve 64-bit words.
private struct PageScanArguments: BitwiseCopyable {
    var size: UInt64 = 96
    var flags: UInt64 = 0
    var start: UInt64
    var end: UInt64
    var walkEnd: UInt64 = 0
    var vector: UInt64
    var vectorLength: UInt64
    var maxPages: UInt64
    var categoryInverted: UInt64 = 0
    var categoryMask: UInt64 = 0
    var categoryAnyOfMask: UInt64
    var returnMask: UInt64
}

/// Kernel: struct procmap_query, 104 bytes.
private struct AreaQuery: BitwiseCopyable {
    var size: UInt64 = 104
    var queryFlags: UInt64 = 0
    var address: UInt64
    var start: UInt64 = 0
    var end: UInt64 = 0
    var flags: UInt64 = 0
    var pageSize: UInt64 = 0
    var offset: UInt64 = 0
    var inode: UInt64 = 0
    var deviceMajor: UInt32 = 0
    var deviceMinor: UInt32 = 0
    var nameSize: UInt32 = 0
    var buildIDSize: UInt32 = 0
    var nameAddress: UInt64 = 0
    var buildIDAddress: UInt64 = 0
}

extension LiveFile {
    /// Scans `range` of the address space behind this /proc/PID/pagemap for populated pages.
    ///
    /// - Parameters:
    ///   - maxPages: the scan stops after so many pages were found; it stops as well when `regions` is full.
    ///   - reporting: the categories to tell apart; a category the kernel does not know is `invalidArgument`.
    /// - Returns: how many regions were written to the front of `regions`, and the address where the walk stopped.
    /// - Throws: `inappropriateIOCTLForDevice` before Linux 6.7.
    func scanPages(
        in range: Range<UInt64>, maxPages: UInt64, reporting categories: PageCategories,
        into regions: inout [PageRegion]
    ) throws(Errno) -> (count: Int, walkEnd: UInt64) {
        var walkEnd: UInt64 = 0
        let populated: PageCategories = [.present, .swapped]
        let count = try retrying { () -> CInt in
            unsafe regions.withUnsafeMutableBufferPointer { buffer in
                var arguments = PageScanArguments(
                    start: range.lowerBound, end: range.upperBound,
                    vector: UInt64(UInt(bitPattern: buffer.baseAddress)), vectorLength: UInt64(buffer.count),
                    maxPages: maxPages, categoryAnyOfMask: populated.rawValue, returnMask: categories.rawValue)
                // _IOWR('f', 16, struct pm_scan_arg)
                let result = unsafe ioctl(descriptor, 0xc060_6610, &arguments)
                walkEnd = arguments.walkEnd
                return result
            }
        }
        return (Int(count), walkEnd)
    }

    /// The page size of the area that covers `address`, asked of this /proc/PID/maps; nil if no area covers it.
    ///
    /// - Throws: `inappropriateIOCTLForDevice` before Linux 6.11.
    func areaPageSize(at address: UInt64) throws(Errno) -> UInt64? {
        var query = AreaQuery(address: address)
        do throws(Errno) {
            // _IOWR('f', 17, struct procmap_query)
            _ = try retrying { unsafe ioctl(descriptor, 0xc068_6611, &query) }
        } catch {
            if error == .noSuchFileOrDirectory { return nil }
            throw error
        }
        return query.pageSize
    }
}

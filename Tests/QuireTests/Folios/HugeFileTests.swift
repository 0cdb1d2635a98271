// The files under /sys/kernel/mm/transparent_hugepage: what they hold, what they take and what they refuse, as Linux 6.18
// was asked.

import Testing

@testable import Quire

@Suite struct HugeFileTests {
    private func outcome(_ machine: Machine, _ name: String, _ value: String) -> String {
        do throws(MachineError) {
            try machine.set(hugeFolder + name, value)
            return try machine.get(hugeFolder + name)
        } catch {
            switch error {
            case .badValue: return "EINVAL"
            case .readOnly: return "EACCES"
            case .unknownKey: return "ENOENT"
            default: return "\(error)"
            }
        }
    }

    @Test func choicesAreListedWithTheChosenOneInBrackets() throws {
        let machine = try TestMachine().machine
        let expected = [
            ("enabled", "always [madvise] never"), ("defrag", "always defer defer+madvise [madvise] never"),
            ("shmem_enabled", "always within_size advise [never] deny force"), ("hpage_pmd_size", "2097152"),
            ("use_zero_page", "1"), ("shrink_underused", "1"),
            ("hugepages-64kB/enabled", "always inherit madvise [never]"),
            ("hugepages-2048kB/enabled", "always [inherit] madvise never"),
            ("hugepages-8kB/shmem_enabled", "always inherit within_size advise [never]"),
            ("hugepages-2048kB/shmem_enabled", "always [inherit] within_size advise never"),
            ("khugepaged/max_ptes_none", "511"), ("khugepaged/max_ptes_swap", "64"),
            ("khugepaged/max_ptes_shared", "256"), ("khugepaged/pages_to_scan", "4096"),
            ("khugepaged/scan_sleep_millisecs", "10000"), ("khugepaged/alloc_sleep_millisecs", "60000"),
            ("khugepaged/defrag", "1"), ("khugepaged/pages_collapsed", "0"), ("khugepaged/full_scans", "0"),
        ]
        for (name, text) in expected { #expect(try machine.get(hugeFolder + name) == text) }
    }

    @Test func valuesAreTakenAndRefusedAsTheKernelDoes() throws {
        let machine = try TestMachine().machine
        let expected = [
            ("enabled", "never\n", "always madvise [never]"), ("enabled", "Always", "EINVAL"),
            ("enabled", "1", "EINVAL"),
            ("defrag", "defer+madvise", "always defer [defer+madvise] madvise never"),
            ("use_zero_page", "2", "EINVAL"), ("use_zero_page", "0", "0"),
            ("shrink_underused", "n", "0"), ("shrink_underused", "1 ", "1"), ("shrink_underused", "of", "0"),
            ("shrink_underused", "always", "EINVAL"), ("khugepaged/max_ptes_none", "512", "EINVAL"),
            ("khugepaged/max_ptes_none", "010", "10"), ("khugepaged/max_ptes_none", "0x10", "EINVAL"),
            ("khugepaged/pages_to_scan", "0", "EINVAL"), ("khugepaged/pages_to_scan", "4294967296", "EINVAL"),
            ("khugepaged/scan_sleep_millisecs", "4294967295", "4294967295"),
            ("khugepaged/full_scans", "1", "EACCES"), ("hpage_pmd_size", "1", "EACCES"),
            ("hugepages-64kB/stats/split", "0", "EACCES"), ("hugepages-8kB/enabled", "never", "ENOENT"),
            ("hugepages-8kB/stats/nr_anon", "0", "ENOENT"), ("hugepages-64kB/enabled", "defer", "EINVAL"),
            ("hugepages-64kB/shmem_enabled", "inherit", "always [inherit] within_size advise never"),
            ("shmem_enabled", "force", "EINVAL"),
            ("hugepages-64kB/shmem_enabled", "never", "always inherit within_size advise [never]"),
            ("shmem_enabled", "force", "always within_size advise never deny [force]"),
            ("hugepages-64kB/shmem_enabled", "inherit", "EINVAL"),
        ]
        for (name, value, wanted) in expected { #expect(outcome(machine, name, value) == wanted, "\(name) \(value)") }
    }

    @Test func statisticsCountFaultsAndFallbacks() throws {
        let test = try TestMachine(sizes: [16, 64])
        let start = try test.map(32 * page)
        _ = test.task.storeByte(start, 1)
        test.memory.fail(after: 0)
        _ = test.task.storeByte(start + 16 * page, 1)
        test.memory.fail(after: -1)
        #expect(try test.statistic("anon_fault_alloc", kB: 64) == 1)
        #expect(try test.statistic("anon_fault_fallback", kB: 64) == 1)
        #expect(try test.statistic("anon_fault_alloc", kB: 16) == 1, "the next size down")
        #expect(try test.statistic("nr_anon", kB: 64) == 1)
        #expect(try test.statistic("nr_anon", kB: 16) == 1)
        #expect(try test.statistic("swpout", kB: 64) == 0)
        try test.discard(start, 32 * page)
        #expect(try test.statistic("nr_anon", kB: 64) == 0)
        test.expectNothingLeft()
    }

    @Test func vmstatHasTheKernelsLines() throws {
        let test = try TestMachine(sizes: [2048])
        let start = try test.map(span)
        _ = test.task.storeByte(start, 1)
        try test.task.mprotect(start, page, .read)
        let lines = try test.machine.get("/proc/vmstat").split(separator: "\n")
        #expect(lines.contains("thp_fault_alloc 1") && lines.contains("thp_split_pmd 1"))
        #expect(lines.contains("thp_swpout 0"))
        test.expectNothingLeft()
    }
}

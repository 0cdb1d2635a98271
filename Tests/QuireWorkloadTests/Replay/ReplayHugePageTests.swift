// Huge pages in workloads: what a file requires, khugepaged's passes, PR_SET_THP_DISABLE, and the kernel's files.

import Testing

@testable import QuireWorkload

@Suite struct ReplayHugePageTests {
    private let thp = "/sys/kernel/mm/transparent_hugepage/"

    @Test func requiredSizesAreSetAndKhugepagedRuns() {
        let run = Replayed(
            """
            # requires: thp, root
            a = mmap(0x100000000000, 4M, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
            touch_write(a, 2M)
            madvise(a, 4M, MADV_HUGEPAGE)
            run(khugepaged, 1)
            store(a+2M, 1, 1)
            read_sys("\(thp)khugepaged/pages_collapsed")
            read_sys("\(thp)hugepages-2048kB/stats/anon_fault_alloc")
            read_sys("\(thp)hugepages-64kB/enabled")
            write_sys("\(thp)hpage_pmd_size", "1")
            run(kswapd, 1)
            """)
        #expect(run.error == nil)
        #expect(run.value(line: 7) == "1" && run.value(line: 8) == "1")
        #expect(run.value(line: 9) == "always inherit madvise [never]")
        #expect(run.calls.contains { $0.contains("write_sys") && $0.contains("EACCES") })
        #expect(run.calls.contains { $0.contains("run") && $0.contains("unsupported") })
        let areas = run.finalAreas
        #expect(areas.first?["AnonHugePages"] as? Int == 4096)
    }

    @Test func processThatGaveHugePagesUpGetsNone() {
        let run = Replayed(
            """
            # requires: thp, root
            a = mmap(0x100000000000, 4M, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
            madvise(a, 4M, MADV_HUGEPAGE)
            prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)
            store(a, 1, 1)
            prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0)
            prctl(PR_SET_THP_DISABLE, 0, 2, 0, 0)
            prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0)
            store(a+2M, 1, 1)
            """)
        #expect(run.error == nil)
        #expect(run.finalAreas.first?["AnonHugePages"] as? Int == 2048)
        #expect(run.calls.contains { $0.contains("prctl") && $0.contains("EINVAL") })
    }
}

extension Replayed {
    /// What a `read_sys` of a line read.
    fileprivate func value(line: Int) -> String? {
        let all = report["calls"] as? [[String: Any]] ?? []
        return all.first { $0["line"] as? Int == line }?["value"] as? String
    }

    /// The areas of the first process at the end.
    fileprivate var finalAreas: [[String: Any]] {
        (report["final"] as? [[String: Any]])?.first?["smaps"] as? [[String: Any]] ?? []
    }
}

// pt_reclaimd in workloads: `run` lets it make passes, a period lets it wake up by itself, and both only where it is on.

import Testing

@testable import QuireWorkload

@Suite struct ReplayReclaimTests {
    private let workload = """
        a = mmap(0x100000000000, 4M, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
        touch_write(a, 4M)
        madvise(a, 2M, MADV_FREE)
        madvise(a+2M, 1M, MADV_DONTNEED)
        madvise(a+3M, 1M, MADV_DONTNEED)

        """

    private func counters(_ tail: String, _ settings: [(String, String)]) -> [String: Int] {
        let replayed = Replayed(workload + tail) { $0.settings += settings }
        #expect(replayed.error == nil && replayed.verdict == .same)
        return (replayed.report["counters"] as? [String: Int]) ?? [:]
    }

    @Test func aPassFreesWhatMadviseLeft() {
        let on = counters("run(pt_reclaimd, 2)\n", [("pt_reclaim.async", "on")])
        #expect(on["tables_freed"] == 2 && on["pt_reclaimd_passes"] == 2 && on["pt_reclaimd_pages_dropped"] == 512)
        let off = counters("run(pt_reclaimd, 2)\n", [])
        #expect(off["tables_freed"] == 0 && off["pt_reclaimd_passes"] == 0)
    }

    @Test func aPeriodIsCountedInCalls() {
        let settings = [("pt_reclaim.async", "on"), ("pt_reclaim.async_period", "5")]
        #expect(counters("", settings)["tables_freed"] == 2)
        let late = [("pt_reclaim.async", "on"), ("pt_reclaim.async_period", "6")]
        #expect(counters("", late)["tables_freed"] == 0)
        #expect(counters("# no call\n\nload(a, 1)\n", late)["tables_freed"] == 2)
        #expect(counters("", [("pt_reclaim.async_period", "5")])["tables_freed"] == 0, "a period alone is nothing")
    }
}

// A workload that asks for arm64 and 64 KiB folios shows in its report what contiguous PTEs did, and the same workload without
// them, or on x86-64, answers the same.

import Testing

@testable import QuireWorkload

@Suite struct ContiguousReplayTests {
    private let workload = """
        # machine: machine.arch=arm64
        a = mmap(0x100000000000, 1M, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
        touch_write(a, 1M)
        snapshot("touched")
        madvise(a+68K, 4K, MADV_DONTNEED)
        store(a+68K, 1, 7)
        c = fork()
        [c] store(a+256K, 1, 9)
        load(a+68K, 4)
        load(a+256K, 4)
        [c] exit(0)
        mremap(a+512K, 128K, 128K, MREMAP_MAYMOVE|MREMAP_FIXED, a+2M)
        mremap(a+640K, 128K, 128K, MREMAP_MAYMOVE|MREMAP_FIXED, a+4M+4K)
        load(a+2M, 4)
        load(a+4M+4K, 4)

        """
    private let sizes = ("/sys/kernel/mm/transparent_hugepage/hugepages-64kB/enabled", "always")

    private func replay(_ settings: [(String, String)] = []) -> Replayed {
        Replayed(workload) { $0.settings += [sizes] + settings }
    }

    private func counter(_ replayed: Replayed, _ name: String) -> Int {
        (replayed.report["counters"] as? [String: Any])?[name] as? Int ?? -1
    }

    @Test func theReportCountsWhatBlocksCost() {
        let replayed = replay()
        #expect(replayed.error == nil && replayed.verdict == .same)
        // 16 blocks by faults, 16 and less for the child, 2 moved to where they fit.
        #expect(counter(replayed, "contpte_blocks_set") == 16 + 15 + 2)
        // The page that was given back, and the one that the child copied.
        #expect(counter(replayed, "contpte_unfolds") == 2 && counter(replayed, "contpte_folds") == 0)
        #expect(counter(replayed, "pte_writes") > 16 * 33 && counter(replayed, "tlb_barriers") > 0)
        #expect(counter(replayed, "pte_writes_batched") > 15 * 33)
    }

    @Test func movingEntryByEntryConverts() {
        let replayed = replay([("mremap.batch", "off")])
        // Four blocks move: each is unfolded, and the two that fit are folded again.
        #expect(counter(replayed, "contpte_unfolds") == 2 + 4 && counter(replayed, "contpte_folds") == 2)
        #expect(replayed.calls == replay().calls)
    }

    @Test func theAnswersAreTheSameWithoutBlocks() {
        let replayed = replay()
        for settings in [("machine.contpte", "off"), ("contpte.fold", "range"), ("machine.arch", "x86_64")] {
            let other = replay([settings])
            #expect(other.error == nil && other.calls == replayed.calls)
            #expect(other.status("touched", 1, "RssAnon") == 1024)
            if settings.0 != "contpte.fold" { #expect(counter(other, "contpte_blocks_set") == 0) }
        }
    }

    @Test func wrongValuesAreNamed() {
        #expect(replay([("contpte.fold", "always")]).error?.contains("range or any") == true)
        #expect(replay([("machine.contpte", "yes")]).error?.contains("off or on") == true)
    }
}

// Huge pages on the live kernel: the detector of folio sizes for every size (S2-12), and how often a write after fork and
// exit copies (S2-10). Where the host cannot run them, the reason is printed. Whole workloads are Tests/Workloads/huge-pages.

import QuireWorkload
import Testing

@testable import QuireLive

private let obstacle: String? = {
    var reason = LiveReplay.obstacle
    if reason == nil {
        let text = "# requires: mthp-64k, root\nmunmap(0x100000000000, 4K)\n"
        do { reason = try LiveReplay().run(WorkloadReader(text: text)).skipped } catch { reason = "\(error)" }
    }
    // The goldens are what this series of kernels does.
    if reason == nil, !kernelName().release.hasPrefix("6.18") { reason = "the kernel is not Linux 6.18" }
    if let reason { print("live tests of huge pages skipped: \(reason)") }
    return reason
}()

extension LiveReplayTests {
    @Suite(.serialized, .enabled(if: obstacle == nil, "this host cannot run workloads with huge pages live"))
    struct HugePages {
        /// A workload on the model and on the kernel.
        private func runs(_ text: String) throws -> (model: RunRecord, live: RunRecord) {
            let model = RunRecord()
            var options = ReplayOptions()
            options.settings = [("machine.memory", "512M")]
            _ = try Replay(options).run(WorkloadReader(text: text), to: MemorySink(), record: model)
            return (model, try LiveReplay().run(WorkloadReader(text: text)))
        }

        /// The question of the kernel's own test of copy on write, for any size: touch the first page of an aligned range,
        /// and look whether the last one is there.
        @Test(arguments: [16, 32, 64, 128, 256, 512, 1024]) func lastPageTellsTheSizeOfAFolio(_ size: Int) throws {
            let folder = "/sys/kernel/mm/transparent_hugepage/"
            let settings = [16, 32, 64, 128, 256, 512, 1024].map {
                "# machine: \(folder)hugepages-\($0)kB/enabled=\($0 == size ? "always" : "never")"
            }
            // The second area is half the size, and aligned to it: too small for a folio of this size.
            let text = """
                # requires: mthp-64k, root
                \(settings.joined(separator: "\n"))
                a = mmap(0x100000000000, 2M, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
                store(a, 1, 1)
                mincore(a, \(size)K)
                mincore(a+\(size - 4)K, 8K)
                b = mmap(0x100000400000, \(size / 2)K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
                store(b, 1, 1)
                mincore(b, \(size / 2)K)
                """
            let (model, live) = try runs(text)
            let comparison = RunComparison(model: model, live: live)
            #expect(comparison.differences.map(\.description) == [])
            let residency = live.calls.filter { $0.call == "mincore" }.map(\.data)
            if size <= 256 { #expect(residency[0] == [UInt8](repeating: 1, count: size / 4)) }
            #expect(residency[1] == [1, 0], "the last page is there, the next one is not")
            #expect(residency[2]?.reduce(0) { $0 + Int($1) } ?? 1 == 1)
        }

        @Test func writesAfterForkAndExitCopyAsOftenAsOnTheModel() throws {
            // Frame numbers from /proc/self/pagemap, 8 bytes a page, before and after.
            let look = "pread64(p, \"\", 64, 0x800000000)\npread64(p, \"\", 64, 0x800000040)\n"
            let begin = """
                # requires: mthp-64k, root
                a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
                madvise(a, 64K, MADV_HUGEPAGE)
                store(a, 64K, 1)

                """
            let end = "c = fork()\n[c] exit(0)\ntouch_write(a, 64K)\n"
            let open = "p = openat(AT_FDCWD, \"/proc/self/pagemap\", O_RDONLY)\n"
            var replay = LiveReplay()
            replay.showsFrames = true
            let live = try replay.run(WorkloadReader(text: begin + open + look + end + look))
            let data = live.calls.filter { $0.call == "pread64" }.compactMap(\.data)
            try #require(data.count == 4)
            func frames(_ bytes: [UInt8]) -> [UInt64] {
                stride(from: 0, to: bytes.count, by: 8).map { first in
                    let entry = bytes[first..<(first + 8)].reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
                    return entry & (1 << 55 - 1)
                }
            }
            let (before, after) = (frames(data[0] + data[1]), frames(data[2] + data[3]))
            try #require(before.allSatisfy { $0 != 0 }, "frame numbers are root's to see")
            let copied = zip(before, after).filter { $0 != $1 }.count
            let session = try ReplaySession(WorkloadReader(text: begin + end))
            while try session.step() != nil {}
            let modelled = session.machine.counters.first { $0.name == "pages_copied" }?.value
            #expect(UInt64(copied) == modelled)
            #expect(copied == 0, "Linux 6.18 remembers the folio's owner")
        }

        @Test func settingsAreUndone() throws {
            let folder = "/sys/kernel/mm/transparent_hugepage/"
            let paths = [
                "enabled", "defrag", "shrink_underused", "hugepages-64kB/enabled", "hugepages-2048kB/enabled",
                "khugepaged/pages_to_scan", "khugepaged/scan_sleep_millisecs",
            ].map { folder + $0 }
            let before = paths.map { try? readText($0) }
            for word in ["thp", "mthp-64k"] {
                let live = try LiveReplay().run(
                    WorkloadReader(text: "# requires: \(word), root\nrun(khugepaged, 1)\nmunmap(0x100000000000, 4K)\n"))
                #expect(live.skipped == nil)
            }
            #expect(paths.map { try? readText($0) } == before)
        }
    }
}

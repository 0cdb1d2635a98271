// The run around the lines: settings, comparisons, verdicts, malformed lines, hand-written files and system files.

import Testing

@testable import QuireWorkload

@Suite struct ReplayRunTests {
    static let page = "a = mmap(0x100000000000, 4M, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)\n"

    @Test func comparisonRunsInStep() throws {
        let text = Self.page + "touch_write(a, 4M)\nmadvise(a, 4M, MADV_DONTNEED)\nb = load(a, 1)\nsnapshot(\"end\")\n"
        let run = Replayed(text) { $0.comparison = ("pt_reclaim", ["off", "sync"]) }
        let columns = try #require(run.report["columns"] as? [String: [String: Any]])
        let sizes = columns.mapValues { report -> Int? in
            let process = ((report["snapshots"] as? [String: [[String: Any]]])?["end"])?.first
            return (process?["status"] as? [String: Any])?["VmPTE"] as? Int
        }
        #expect(sizes == ["off": 16, "sync": 12])
        let table = Replayed(text) {
            $0.comparison = ("pt_reclaim", ["off", "sync"])
            $0.writesJSON = false
        }
        #expect(table.text.contains("VmPTE"))
        #expect(table.text.contains("tables_freed_fast"))
    }

    @Test func wrongSettingNamesTheNearOnes() {
        let run = Replayed("") { $0.settings = [("pt_reclaimed", "off")] }
        #expect(run.error?.hasPrefix("no setting pt_reclaimed; near: pt_reclaim") == true)
        #expect(Replayed("") { $0.settings = [("pt_reclaim", "maybe")] }.error == "pt_reclaim takes off, rfc or sync")
    }

    @Test func processFilesOfProcAreThere() throws {
        let text =
            Self.page + """
                touch_write(a, 1M)
                b = mmap(a+8M, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED|MAP_GROWSDOWN, -1, 0)
                read_sys("/proc/self/status")
                read_sys("/proc/self/statm")
                read_sys("/proc/self/smaps_rollup")
                read_sys("/proc/meminfo")

                """
        let record = RunRecord(workload: "proc")
        _ = try Replay(ReplayOptions()).run(WorkloadReader(text: text), to: MemorySink(), record: record)
        let values = record.calls.compactMap(\.value)
        #expect(values.count == 4)
        #expect(values[0].contains("VmStk:\t      64 kB") && values[0].contains("VmData:\t    4096 kB"))
        #expect(values[1] == "1040 256 0 0 0 1040 0")
        #expect(values[2].contains("[rollup]") && values[2].contains("Rss:                1024 kB"))
        #expect(values[3].contains("Committed_AS:"))
    }

    @Test func requirementThatCannotBeMetSkips() {
        let run = Replayed("# requires: swap=64M, root\nbrk(0)\n")
        #expect(run.verdict == .skipped)
        #expect(run.report["skipped"] as? String == "the model has no swap yet")
        #expect(
            Replayed("# requires: root\n# machine: machine.cpus=1 /proc/sys/vm/overcommit_memory=1\n").verdict == .same)
        #expect(Replayed("# machine: /sys/kernel/mm/lru_gen/enabled=0\n").verdict == .skipped)
    }

    @Test func malformedLineStopsOrIsCounted() {
        let text = "brk(0)\nmmap(1, 2\nbrk(0)\nmunmap(\"x\", 1)\n"
        #expect(Replayed(text).error?.hasPrefix("t.q:2:10: expected") == true)
        let run = Replayed(text) { $0.keepsGoing = true }
        #expect(run.verdict == .same)
        #expect(run.calls.count == 2)
        #expect(run.warnings.count == 2)
        #expect(run.report["ignored"] as? [String: Int] == ["(malformed line)": 2])
    }

    @Test func argumentsAreCheckedWithTheirPlace() {
        #expect(Replayed("munmap(4096)\n").error == "t.q:1:1: expected a number as argument 2 of munmap")
        #expect(Replayed("snapshot(7)\n").error == "t.q:1:10: expected a string as argument 1 of snapshot")
        #expect(Replayed("mmap(1,2,3,4,5,6,7)\n").error == "t.q:1:18: expected at most 6 arguments of mmap, found 7")
        #expect(Replayed("x = brk(0)\n[x] brk(0)\n").error?.contains("expected the name of a process") == true)
    }

    @Test func conditionsDecideTheVerdict() {
        let block = "parallel\nr = load(a, 1)\nstore(a, 1, 7)\nend\n"
        #expect(Replayed(Self.page + block + "expect r == 0\nnever r == 7\n").verdict == .same)
        let run = Replayed(Self.page + block + "expect r == 7\nnever r == 0\n")
        #expect(run.verdict == .different)
        #expect(run.divergences == ["6 expect r == 7 false", "7 never r == 0 true"])
        #expect(Replayed("parallel\n").error == "t.q: expected 'end' after 'parallel'")
        #expect(Replayed("end\n").error == "t.q:1:1: expected 'parallel' before 'end'")
        #expect(Replayed("expect zz == 1\n").error?.contains("zz") == true)
    }

    @Test func filesOfTheWorkloadKeepTheirContents() {
        let run = Replayed(
            Self.page + """
                f = openat(AT_FDCWD, "own", O_RDWR|O_CREAT|O_EXCL, 0600)
                pwrite64(f, "hello", 5, 0)
                pread64(f, "", 16, 1)
                pread64(f, a+4094, 5, 0)
                load(a+4094, 5)
                pwrite64(f, a+4094, 3, 10)
                pread64(f, "", 16, 8)
                openat(AT_FDCWD, "own", O_RDWR|O_CREAT|O_EXCL, 0600)
                openat(AT_FDCWD, "none", O_RDONLY)
                g = dup(f)
                close(f)
                pread64(f, "", 1, 0)
                pread64(g, "", 1, 0)
                pread64(g, a+8M, 1, 0)
                """)
        #expect(run.error == nil)
        #expect(
            Array(run.calls.dropFirst()) == [
                "2 1 openat = 3", "3 1 pwrite64 = 5", "4 1 pread64 = 4 data 656c6c6f", "5 1 pread64 = 5",
                "6 1 load data 68656c6c6f", "7 1 pwrite64 = 3", "8 1 pread64 = 5 data 000068656c", "9 1 openat EEXIST",
                "10 1 openat ENOENT", "11 1 dup = 4", "12 1 close = 0", "13 1 pread64 EBADF",
                "14 1 pread64 = 1 data 68",
                "15 1 pread64 EFAULT",
            ])
    }

    @Test func systemFilesAreReadAndWritten() {
        let run = Replayed(
            Self.page + """
                touch_write(a, 8K)
                write_sys("/proc/sys/vm/overcommit_memory", "1")
                read_sys("/proc/sys/vm/overcommit_memory")
                write_sys("/proc/sys/vm/overcommit_memory", "9")
                read_sys("/proc/none")
                read_sys("/proc/self/maps")
                """)
        #expect(run.calls[3] == "4 1 read_sys value 1")
        #expect(run.calls[4] == "5 1 write_sys EINVAL")
        #expect(run.calls[5] == "6 1 read_sys ENOENT")
        #expect(run.calls[6].contains("value 100000000000-100000400000 rw-p 00000000 00:00 0"))
    }

    @Test func callsThatAreNotModelledSaySo() {
        let run = Replayed("u = userfaultfd(0)\nrun(ksmd, 1)\nprctl(PR_SET_NAME, \"x\")\nfrobnicate(1)\n")
        #expect(run.verdict == .same)
        #expect(run.calls.count == 3)
        #expect(run.calls.allSatisfy { $0.hasSuffix("unsupported") })
        #expect(run.report["ignored"] as? [String: Int] == ["frobnicate": 1])
    }

    @Test func usedUpMemoryKillsTheProcess() {
        let text =
            "mmap(0x100000000000, 1G, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED|MAP_NORESERVE, -1, 0)\n"
            + "touch_write(0x100000000000, 1G)\nbrk(0)\n"
        let run = Replayed(text) { $0.settings = [("machine.memory", "4M")] }
        #expect(run.error == nil)
        #expect(run.calls[1] == "2 1 touch_write SIGKILL SI_KERNEL 0")
        #expect(run.pids("final") == [])
    }
}

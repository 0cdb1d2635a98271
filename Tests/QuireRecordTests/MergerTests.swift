// The merge on short literal streams: what stands where in the file.

import Testing

@testable import QuireRecord

/// Runs a merge over literal lines; `offset` is 100 s between the clocks.
func merged(
    log: [String], events: [String], snapshots: [SnapshotMark] = [], redact: Bool = false,
    environmentBytes: UInt64 = 0, firstSegment: @escaping (String) -> UInt64? = { _ in nil }
) throws -> (lines: [String], merger: Merger) {
    var rest = log[...]
    let sink = Lines()
    var merger = Merger(
        snapshots: snapshots, clockOffset: 100_000_000_000, environmentBytes: environmentBytes, redact: redact,
        firstSegment: firstSegment, nextLogLine: { rest.popFirst() }, write: { sink.lines.append($0) })
    for line in events {
        if let event = PerfEvent(line: line) { try merger.push(event) }
    }
    try merger.finish()
    return (sink.lines, merger)
}

private final class Lines {
    var lines: [String] = []
}

@Suite struct MergerTests {
    static let start = "7 101.000000000 execve(\"/bin/a\", [\"a\"], 0x7ffc /* 1 vars */) = 0"
    static let exec = "7/7 1.1: PERF_RECORD_COMM exec: a:7/7"

    private func user(_ time: String, _ address: String, task: String = "7/7", code: String = "0x6") -> String {
        "\(task) \(time): exceptions:page_fault_user: address=\(address) ip=0x1 error_code=\(code)"
    }

    @Test func linesStandInTheOrderOfTime() throws {
        let result = try merged(
            log: [Self.start, "7 102.000000000 brk(NULL)   = 0x5000", "7 104.000000000 brk(0x6000) = 0x6000"],
            events: [Self.exec, user("1.5", "0x1000"), user("3.0", "0x2000", code: "0x4"), user("5.0", "0x3000")])
        #expect(
            result.lines == [
                Self.start, "7 101.500000000 touch_write(0x1000, 1)", "7 102.000000000 brk(NULL)   = 0x5000",
                "7 103.000000000 touch_read(0x2000, 1)", "7 104.000000000 brk(0x6000) = 0x6000",
                "7 105.000000000 touch_write(0x3000, 1)",
            ])
    }

    @Test func theLaunchersFaultsAreDroppedAndCounted() throws {
        let result = try merged(
            log: [Self.start], events: [user("0.5", "0x1000"), user("1.05", "0x1000", task: "6/6"), Self.exec])
        #expect(result.lines == [Self.start])
        #expect(result.merger.counts.faults["faults of launcher dropped"] == 2)
        #expect(result.merger.root == 7)
    }

    @Test func aStringThatStraceReadsIsATouchBehindTheCall() throws {
        let open = "7 102.000000000 openat(AT_FDCWD, \"/x\", O_RDONLY) = 3"
        let result = try merged(
            log: [Self.start, open],
            events: [Self.exec, "7/7 2.1: syscalls:sys_enter_openat: dfd: 0xffffff9c, filename: 0x4000, flags: 0x0"])
        #expect(
            result.lines.suffix(2) == [open, "7 102.100000000 touch_read(0x4000, 1) # string argument of openat"])
        #expect(result.merger.files["/x"] == "/x")
    }

    @Test func theImageFollowsACompleteExecveLine() throws {
        let result = try merged(
            log: [Self.start],
            events: [
                // The kernel reads the arguments in the old address space: before the line.
                Self.exec,
                "7/7 1.2: PERF_RECORD_MMAP2 7/7: [0x400000(0x3000) @ 0 fe:00 5 0]: r-xp /bin/a",
                "7/7 1.3: exceptions:page_fault_kernel: address=0x402108 ip=elf_load error_code=0x2",
                "7/7 1.4: PERF_RECORD_MMAP2 7/7: [0x403000(0x1000) @ 0 00:00 0 0]: rw-p //anon",
                user("1.5", "0x400000", code: "0x14"),
                // The program's own mapping: strace has it.
                "7/7 1.6: PERF_RECORD_MMAP2 7/7: [0x500000(0x1000) @ 0 00:00 0 0]: rw-p //anon",
            ])
        #expect(
            result.lines == [
                Self.start, "7 101.200000000 openat(AT_FDCWD, \"/bin/a\", O_RDONLY|O_CLOEXEC) = 1000 # image",
                "7 101.200000000 mmap(0x400000, 12288, PROT_READ|PROT_EXEC, MAP_PRIVATE|MAP_FIXED, 1000, 0x0)"
                    + " = 0x400000 # image /bin/a",
                "7 101.200000000 close(1000) = 0 # image",
                "7 101.300000000 touch_write(0x402108, 1) # kernel mode",
                "7 101.400000000 mmap(0x403000, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0)"
                    + " = 0x403000 # image anon",
                "7 101.500000000 touch_read(0x400000, 1)",
            ])
    }

    @Test func aTornExecveHasItsImageBehindResumed() throws {
        let child = [
            "7 102.000000000 vfork( <unfinished ...>",
            "8 103.000000000 execve(\"/bin/b\", [\"b\"], 0x1 /* 1 vars */ <unfinished ...>",
            "7 103.300000000 <... vfork resumed>) = 8", "8 103.600000000 <... execve resumed>) = 0",
        ]
        let result = try merged(
            log: [Self.start] + child,
            events: [
                Self.exec, "7/7 2.1: PERF_RECORD_FORK(8:8):(7:7)",
                "8/8 3.1: exceptions:page_fault_kernel: address=0x9000 ip=strnlen error_code=0x0",
                "8/8 3.2: PERF_RECORD_COMM exec: b:8/8",
                "8/8 3.4: PERF_RECORD_MMAP2 8/8: [0x7000(0x1000) @ 0 00:00 0 0]: r--p [vvar]",
                user("3.7", "0x7000", task: "8/8", code: "0x4"),
            ])
        #expect(
            result.lines == [
                Self.start, child[0], child[1], "8 103.100000000 touch_read(0x9000, 1) # kernel mode", child[2],
                child[3],
                "8 103.400000000 mmap(0x7000, 4096, PROT_READ, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0) = 0x7000"
                    + " # image [vvar]", "8 103.700000000 touch_read(0x7000, 1)",
            ])
    }

    @Test func aFailedExecveHasNoImage() throws {
        let failed = "7 102.000000000 execve(\"/no\", [\"no\"], 0x1 /* 1 vars */) = -1 ENOENT (No such file)"
        let result = try merged(
            log: [Self.start, failed],
            events: [Self.exec, "7/7 2.2: PERF_RECORD_MMAP2 7/7: [0x7000(0x1000) @ 0 00:00 0 0]: r--p //anon"])
        #expect(result.lines == [Self.start, failed])
    }

    @Test func snapshotsStandWhereNothingRan() throws {
        let result = try merged(
            log: [Self.start, "7 104.000000000 brk(NULL) = 0x1"], events: [Self.exec, user("1.5", "0x1000")],
            snapshots: [SnapshotMark(label: "half \"way\"", time: 103_000_000_000)])
        #expect(result.lines[2] == "7 103.000000000 snapshot(\"half \\\"way\\\"\")")
        #expect(result.merger.exceptionsAt["half \"way\""] == [7: 1])
    }

    @Test func aVforkChildBorrowsItsParentsAddressSpace() throws {
        let mark = { (label: String, time: Int64) in SnapshotMark(label: label, time: time * 1_000_000_000) }
        let result = try merged(
            log: [
                Self.start, "7 102.000000000 vfork( <unfinished ...>",
                "8 105.000000000 execve(\"/bin/b\", [\"b\"], 0x1 /* 1 vars */) = 0",
            ],
            events: [
                Self.exec, "7/7 2.1: PERF_RECORD_FORK(8:8):(7:7)", "8/8 5.1: PERF_RECORD_COMM exec: b:8/8",
                user("5.2", "0x7000", task: "8/8"),
            ], snapshots: [mark("before", 103), mark("after", 106)])
        #expect(result.merger.borrowersAt["before"] == [8])
        #expect(result.merger.borrowersAt["after"] == [])
    }

    @Test func whatAProcessDoesOnItsWayOutIsDropped() throws {
        let result = try merged(
            log: [Self.start, "7 102.000000000 exit_group(0) = ?"], events: [Self.exec, user("2.5", "0x1000")])
        #expect(result.lines.count == 2)
        #expect(result.merger.counts.faults["faults at exit dropped"] == 1)
    }

    @Test func ioctlIsKeptForUserfaultfdOnly() throws {
        let kept = "7 103.000000000 ioctl(5, UFFDIO_API, {api=0xaa}) = 0"
        let result = try merged(
            log: [
                Self.start, "7 102.000000000 ioctl(1, TCGETS, {c_iflag=ICRNL}) = 0",
                "7 102.500000000 ioctl(1, TIOCGWINSZ, <unfinished ...>", "7 102.600000000 <... ioctl resumed>{}) = 0",
                kept,
            ], events: [Self.exec])
        #expect(result.lines == [Self.start, kept])
    }

    @Test func lostEventsAreCounted() throws {
        let result = try merged(log: [Self.start], events: [Self.exec, "0/0 1.5: PERF_RECORD_LOST lost 12"])
        #expect(result.merger.counts.lost == 12)
    }

    @Test func withoutDirectionTheAreasProtectionDecides() throws {
        let result = try merged(
            log: [Self.start],
            events: [
                Self.exec, "7/7 1.2: PERF_RECORD_MMAP2 7/7: [0x400000(0x3000) @ 0 fe:00 5 0]: rw-p /bin/a",
                "7/7 1.3: PERF_RECORD_MMAP2 7/7: [0x401000(0x1000) @ 0 fe:00 5 0]: r--p /bin/a",
                "7/7 1.4: syscalls:sys_enter_openat: filename: 0x1",
                user("1.5", "0x9000000"), "7/7 2.0: page-faults: 400000", "7/7 2.1: page-faults: 401000",
                "7/7 2.2: page-faults: 402000",
            ])
        #expect(
            result.lines.suffix(3) == [
                "7 102.000000000 touch_write(0x400000, 1)", "7 102.100000000 touch_read(0x401000, 1)",
                "7 102.200000000 touch_write(0x402000, 1)",
            ])
    }
}

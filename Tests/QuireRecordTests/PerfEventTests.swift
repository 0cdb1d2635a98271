// perf's text, read from literal samples of perf 6.1 on Linux 6.18.

import Testing

@testable import QuireRecord

@Suite struct PerfEventTests {
    private func kind(_ line: String) -> PerfEvent.Kind? { PerfEvent(line: line)?.kind }

    @Test func anExceptionHasAddressAndDirection() throws {
        let event = try #require(
            PerfEvent(
                line: " 6089/6090    726.358803112:   exceptions:page_fault_user: address=0x7f844f46db70"
                    + " ip=0x7f844f46db70 error_code=0x14"))
        #expect(event.pid == 6089)
        #expect(event.tid == 6090)
        #expect(event.time == 726_358_803_112)
        #expect(
            event.kind == .fault(address: 0x7f84_4f46_db70, write: false, kernelMode: false, present: false))
    }

    @Test func errorCodeBitsAreProtectionAndWrite() {
        #expect(
            kind("1/1 0.5: exceptions:page_fault_user: address=0x1000 ip=0x2 error_code=0x7")
                == .fault(address: 0x1000, write: true, kernelMode: false, present: true))
        #expect(
            kind("1/1 0.5: exceptions:page_fault_kernel: address=0x7ffdbd3e81f9 ip=_copy_to_user error_code=0x2")
                == .fault(address: 0x7ffd_bd3e_81f9, write: true, kernelMode: true, present: false))
    }

    @Test func theSoftwareEventHasNoDirection() {
        let fault = PerfEvent.Kind.fault(address: 0x7f69_20d5_62c8, write: nil, kernelMode: false, present: false)
        #expect(kind("15393/15393  2174.996031612: page-faults:     7f6920d562c8") == fault)
        #expect(kind("15393/15393  2174.996031612: page-faults:u:     7f6920d562c8") == fault)
    }

    @Test func stringArgumentsOfTheTracedCalls() {
        #expect(
            kind(
                " 7/7 1.0: syscalls:sys_enter_openat: dfd: 0xffffff9c, filename: 0x7f844f47c0b1, flags: 0x00080000,"
                    + " mode: 0x00000000") == .string(address: 0x7f84_4f47_c0b1, call: "openat"))
        #expect(
            kind(" 7/7 1.0: syscalls:sys_enter_memfd_create: uname: 0x5500, flags: 0x00000001")
                == .string(address: 0x5500, call: "memfd_create"))
    }

    @Test func prctlHasAStringOnlyWhenItNamesSomething() {
        let start = " 7/7 1.0: syscalls:sys_enter_prctl: option: "
        #expect(
            kind(start + "0x0000000f, arg2: 0x7ff0, arg3: 0x00000000, arg4: 0x00000000, arg5: 0x00000000")
                == .string(address: 0x7ff0, call: "prctl"))
        #expect(
            kind(start + "0x53564d41, arg2: 0x0, arg3: 0x7f00, arg4: 0x1000, arg5: 0x8880")
                == .string(address: 0x8880, call: "prctl"))
        #expect(kind(start + "0x00000026, arg2: 0x1, arg3: 0x0, arg4: 0x0, arg5: 0x0") == nil)
    }

    @Test func mappingsNameTheirOwnTask() throws {
        let event = try #require(
            PerfEvent(
                line: "    0/0         0.000000000: PERF_RECORD_MMAP2 6089/6091: [0x55c1a7457000(0x13000) @ 0x4000"
                    + " fe:00 253957 0]: r-xp /usr/bin/a file"))
        #expect(event.pid == 6089)
        #expect(event.tid == 6091)
        #expect(
            event.kind
                == .mapping(
                    .init(
                        start: 0x55c1_a745_7000, length: 0x13000, offset: 0x4000, permissions: "r-xp",
                        path: "/usr/bin/a file")))
    }

    @Test func birthAndExec() throws {
        let fork = try #require(PerfEvent(line: " 5/5 1.5: PERF_RECORD_FORK(6:7):(5:5)"))
        #expect(fork.pid == 6 && fork.tid == 7 && fork.kind == .fork(parent: 5))
        let exec = try #require(PerfEvent(line: " 6/6 1.5: PERF_RECORD_COMM exec: a:b 1/2:6/6"))
        #expect(exec.pid == 6 && exec.kind == .exec)
        // A thread's new name is no exec.
        #expect(PerfEvent(line: " 6/6 1.5: PERF_RECORD_COMM: worker:6/8") == nil)
    }

    @Test func lostEventsAreCounted() {
        #expect(kind(" 0/0 1.5: PERF_RECORD_LOST lost 120") == .lost(count: 120))
        #expect(kind("-1/-1 1.5: PERF_RECORD_LOST_SAMPLES lost 3") == .lost(count: 3))
    }

    @Test(arguments: [
        "", "   ", "garbage", "1/1", "1/1 x", "1/1 1.0: exceptions:page_fault_user: address=", "1/1 1.0:",
        "99999999999999999999/1 1.0: page-faults: 1", "1/1 1.0: PERF_RECORD_MMAP2 6/6: [0x", "\u{0}\u{1}",
        "1/1 99999999999.0: page-faults: 1000", "1/1 1.0: PERF_RECORD_FORK(", "1/1 1.0: PERF_RECORD_COMM exec: x",
    ])
    func brokenLinesGiveNothing(line: String) { #expect(PerfEvent(line: line) == nil) }
}

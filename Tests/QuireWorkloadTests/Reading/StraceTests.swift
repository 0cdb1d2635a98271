// What strace prints is read, not rejected: each decoration in a line of its own, with what must come out.

import Testing

@testable import QuireWorkload

@Suite struct StraceTests {
    static let decorations: [(String, String)] = [
        // Prefixes and times.
        ("1234 munmap(0x1000, 4096) = 0", "1234: munmap(1000, 1000) = 0"),
        ("[pid 1234] munmap(0x1000, 4096) = 0", "1234: munmap(1000, 1000) = 0"),
        ("[pid  7] brk(NULL)    = 0x135f0000", "7: brk(0) = 135f0000"),
        ("12:34:56 brk(NULL) = 0x1", "brk(0) = 1"),
        ("12:34:56.123456 brk(NULL) = 0x1", "brk(0) = 1"),
        ("1795222353.164 brk(NULL) = 0x1", "brk(0) = 1"),
        ("1795222353 brk(NULL) = 0x1", "brk(0) = 1"),
        ("     0.000123 brk(NULL) = 0x1", "brk(0) = 1"),
        ("12:34:56 (+     0.000123) brk(NULL) = 0x1", "brk(0) = 1"),
        ("99 12:34:56.000001 brk(NULL) = 0x1 <0.000010>", "99: brk(0) = 1"),
        ("[pid 9] 1795222353.164511522 brk(NULL) = 0x1", "9: brk(0) = 1"),
        // Results.
        ("close(3) = -1 EBADF (Bad file descriptor)", "close(3) = EBADF"),
        ("close(3) = -1 EBADF (Bad file descriptor) <0.1>", "close(3) = EBADF"),
        ("close(3) = -1 ENOMEM (Cannot allocate memory) (INJECTED)", "close(3) = ENOMEM"),
        ("exit_group(0) = ?", "exit_group(0) = ?"),
        (
            "wait4(-1, 0x7f, 0, NULL) = ? ERESTARTSYS (To be restarted if SA_RESTART is set)",
            "wait4(ffffffffffffffff, 7f, 0, 0) = ?"
        ),
        ("openat(AT_FDCWD, \"/a\", O_RDONLY) = 3</a>", "openat(ffffffffffffff9c, \"/a\", 0) = 3"),
        (
            "openat(AT_FDCWD</home>, \"a\", O_RDONLY|O_CLOEXEC) = 3</home/a> <0.000010>",
            "openat(ffffffffffffff9c, \"a\", 80000) = 3"
        ),
        ("fcntl(3, F_GETFL) = 0x8001 (flags O_WRONLY|O_LARGEFILE)", "fcntl(3, 3) = 8001"),
        ("poll([{fd=3, events=POLLIN}], 1, -1) = 1 ([{fd=3, revents=POLLIN}])", "poll() = 1"),
        // Flags.
        (
            "mmap(NULL, 8192, PROT_READ|0x40, MAP_PRIVATE|0x20 /* MAP_??? */, -1, 0) = 0x7f0000000000",
            "mmap(0, 2000, 41, 22, ffffffffffffffff, 0) = 7f0000000000"
        ),
        (
            "mmap(NULL, 2M, PROT_READ, MAP_PRIVATE|MAP_HUGETLB|21<<MAP_HUGE_SHIFT, -1, 0)",
            "mmap(0, 200000, 1, 54040002, ffffffffffffffff, 0)"
        ),
        (
            "mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 3</usr/lib/x (deleted)>, 0x3000) = 0x1",
            "mmap(0, 1000, 1, 2, 3, 3000) = 1"
        ),
        (
            "mmap(addr=NULL, length=4096, prot=PROT_NONE, flags=MAP_PRIVATE, fd=-1, offset=0) = 0x1",
            "mmap(addr=0, length=1000, prot=0, flags=2, fd=ffffffffffffffff, offset=0) = 1"
        ),
        // Calls in two halves.
        ("5 vfork( <unfinished ...>", "5: vfork() unfinished"),
        ("5 wait4(29797,  <unfinished ...>", "5: wait4(7465) unfinished"),
        (
            "5 mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE, -1, 0 <unfinished ...>",
            "5: mmap(0, 1000, 0, 2, ffffffffffffffff, 0) unfinished"
        ),
        ("5 read(3,  <unfinished ...>) = ?", "5: read() = ? unfinished"),
        ("5 <... vfork resumed>) = 29797", "5: vfork() = 7465 resumed"),
        ("5 <... mmap resumed> ) = 0x7f00", "5: mmap() = 7f00 resumed"),
        (
            "5 <... wait4 resumed>[{WIFEXITED(s) && WEXITSTATUS(s) == 0}], 0, NULL) = 29797",
            "5: wait4() = 7465 resumed"
        ),
        ("5 <... clone3 resumed> => {parent_tid=[6]}, 88) = 6", "5: clone3() = 6 resumed"),
        (
            "5 <... wait4 resumed>0x1361ce90, 0, NULL) = ? ERESTARTSYS (To be restarted if SA_RESTART is set)",
            "5: wait4() = ? resumed"
        ),
        ("restart_syscall(<... resuming interrupted read ...>) = 0", "restart_syscall() = 0"),
        // Lines that are no calls.
        ("7 +++ exited with 3 +++", "7: exited 3"),
        ("7 +++ killed by SIGSEGV (core dumped) +++", "7: killed 11"),
        ("7 +++ superseded by execve in pid 8 +++", "7: blank"),
        ("--- SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=NULL} ---", "signal 11"),
        ("--- stopped by SIGSTOP ---", "signal 0"),
        ("strace: Process 1234 attached", "blank"),
        ("Process 1234 attached", "blank"),
        ("[ Process PID=7 runs in 32 bit mode. ]", "blank"),
    ]

    @Test(arguments: decorations)
    func decorationsAreRead(line: String, expected: String) {
        #expect(described(line) == expected)
    }

    static let structures: [(String, String)] = [
        (
            "clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD, child_tidptr=0x7f10) = 77",
            "clone(child_stack=0, flags=200011, child_tidptr=7f10) = 4d"
        ),
        (
            "clone3({flags=CLONE_VM|CLONE_THREAD, child_tid=0x7f10, exit_signal=0, stack_size=0x7f} => {x=[6]}, 88) = 6",
            "clone3({flags:10100 child_tid:7f10 exit_signal:0 stack_size:7f}, 58) = 6"
        ),
        (
            "execve(\"/bin/true\", [\"true\", \"a)b,\\\"\"], 0x7ffe /* 9 vars */) = 0",
            "execve(\"/bin/true\", _, 7ffe) = 0"
        ),
        ("wait4(9, [{WIFEXITED(s) && WEXITSTATUS(s) == 0}], 0, NULL) = 9", "wait4(9, _, 0, 0) = 9"),
        ("pread64(3, \"\\6\\0x\\177\"..., 784, 64) = 784", "pread64(3, \"\u{6}\u{0}x\u{7f}\"..., 310, 40) = 310"),
        (
            "process_madvise(5, [{iov_base=0x1000, iov_len=4096}, {iov_base=0x9000, iov_len=1}], 2, MADV_COLD, 0) = 4097",
            "process_madvise(5, {iov_base:1000 iov_len:1000 iov_base:9000 iov_len:1}, 2, 14, 0) = 1001"
        ),
        ("mincore(0x1000, 8192, [1, 0]) = 0", "mincore(1000, 2000, _) = 0"),
        ("ioctl(1, TCGETS, {c_iflag=ICRNL|IXON, c_oflag=NL0, ...}) = 0", "ioctl(1, _, {c_iflag:_ c_oflag:_}) = 0"),
        (
            "ioctl(3<anon_inode:[userfaultfd]>, UFFDIO_API, {api=0xaa, features=0 => features=0x1ff, ioctls=1<<63}) = 0",
            "ioctl(3, c018aa3f, {api:aa features:0}) = 0"
        ),
        (
            "ioctl(3, UFFDIO_REGISTER, {range={start=0x7f00, len=0x1000}, mode=UFFDIO_REGISTER_MODE_MISSING}) = 0",
            "ioctl(3, c020aa00, {start:7f00 len:1000 mode:1}) = 0"
        ),
        (
            "prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, 0x7f00, 4096, \"glibc: malloc\") = 0",
            "prctl(53564d41, 0, 7f00, 1000, \"glibc: malloc\") = 0"
        ),
        ("prctl(PR_UNHEARD_OF, 1) = 0", "prctl(_, 1) = 0"),
    ]

    @Test(arguments: structures)
    func structuredArgumentsAreRead(line: String, expected: String) {
        #expect(described(line) == expected)
    }

    @Test(arguments: [
        "foo(1, 2) = 3", "foo({a=[1, {b=\"x)\"}]}, \"\\\")\", bar(1)) = 3", "foo(1, 1 /* ) */) = 3",
        "foo(3</a(b>, ~[RTMIN RT_1], 'a') = 3", "foo(1 < 2) = 3",
    ])
    func argumentsOfUnknownCallsNeedOnlyEnd(line: String) {
        #expect(described(line) == "foo() = 3")
    }

    @Test func commentsAreKept() {
        #expect(described("close(1) = 0 # image /a b  ") == "close(1) = 0 image #image /a b")
        #expect(described("touch_read(1, 1) # string argument") == "touch_read(1, 1) #string argument")
        #expect(described("close(1) # imagery") == "close(1) #imagery")
        #expect(described("# requires: thp, root") == "requires [\"thp\", \"root\"]")
        #expect(described("  # machine: a=b,c=d") == "machine [\"a=b\", \"c=d\"]")
        #expect(described("# recorded-on: kernel=6.18") == "recordedOn [\"kernel=6.18\"]")
        #expect(described("# anything") == "#anything")
    }
}

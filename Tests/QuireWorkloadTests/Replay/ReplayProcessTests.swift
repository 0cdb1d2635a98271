// Processes in a recording: whose a pid is, when a fork happens, what execve replaces, how threads and borrowers end.

import Testing

@testable import QuireWorkload

@Suite struct ReplayProcessTests {
    static let anonymous = "PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS"

    @Test func vforkChildBorrowsUntilItsExecve() {
        let run = Replayed(
            """
            10 mmap(NULL, 65536, \(Self.anonymous), -1, 0) = 0x7f0000000000
            10 touch_write(0x7f0000000000, 8192)
            10 vfork( <unfinished ...>
            11 touch_write(0x7f0000004000, 1)
            10 snapshot("borrowed")
            11 execve("/bin/true", ["true"], 0x1 /* 3 vars */ <unfinished ...>
            10 <... vfork resumed>) = 11
            11 <... execve resumed>) = 0
            11 mmap(0x400000, 4096, \(Self.anonymous)|MAP_FIXED, -1, 0) = 0x400000 # image
            11 touch_write(0x400000, 1)
            10 snapshot("apart")
            11 exit_group(0) = ?
            11 +++ exited with 0 +++
            10 wait4(-1, [{WIFEXITED(s) && WEXITSTATUS(s) == 0}], 0, NULL) = 11
            """)
        #expect(run.verdict == .same)
        #expect(run.pids("borrowed") == [10])
        #expect(run.status("borrowed", 10, "RssAnon") == 12)
        #expect(run.pids("apart") == [10, 11])
        #expect(run.status("apart", 10, "VmSize") == 64)
        #expect(run.status("apart", 11, "RssAnon") == 4)
        #expect(run.pids("exited") == [11])
        #expect(run.pids("final") == [10])
    }

    @Test func faultsOfAVforkChildAreNotItsParents() {
        let run = Replayed(
            """
            a = mmap(0x100000000000, 64K, \(Self.anonymous)|MAP_FIXED, -1, 0)
            touch_write(a, 8K)
            c = vfork()
            [c] touch_write(a+16K, 12K)
            [c] exit(0)
            touch_write(a+32K, 4K)
            """)
        #expect(run.error == nil)
        #expect(run.minorFaults("exited", 2) == 3)
        #expect(run.minorFaults("final", 1) == 3)
    }

    @Test func parentThatWaitsForItsVforkChildDoesNothing() {
        let run = Replayed("c = vfork()\n[c] munmap(0x100000000000, 4K)\nmunmap(0x100000000000, 4K)\n")
        #expect(run.error?.hasPrefix("t.q:3:1: expected another process") == true)
        #expect(Replayed("c = vfork()\n[c] exit(0)\nmunmap(0x100000000000, 4K)\n").error == nil)
    }

    @Test func failedExecveKeepsTheAddressSpace() {
        let run = Replayed(
            """
            10 mmap(NULL, 4096, \(Self.anonymous), -1, 0) = 0x7f0000000000
            10 execve("/nowhere", ["x"], 0x1) = -1 ENOENT (No such file or directory)
            10 touch_write(0x7f0000000000, 1)
            """)
        #expect(run.verdict == .same)
        #expect(run.status("final", 10, "RssAnon") == 4)
    }

    @Test func threadsShareAndTheLastOneEndsTheProcess() {
        let flags = "CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_SIGHAND|CLONE_THREAD"
        let run = Replayed(
            """
            10 mmap(NULL, 65536, \(Self.anonymous), -1, 0) = 0x7f0000000000
            10 clone3({flags=\(flags), exit_signal=0, stack=0x7f0000001000, stack_size=0x100}, 88) = 12
            12 touch_write(0x7f0000000000, 4096)
            12 madvise(0x7f0000000000, 4096, MADV_DONTNEED <unfinished ...>
            10 touch_write(0x7f0000002000, 4096)
            12 <... madvise resumed>) = 0
            10 snapshot("both")
            10 exit(0) = ?
            10 +++ exited with 0 +++
            12 touch_write(0x7f0000003000, 4096)
            12 snapshot("one")
            12 +++ exited with 0 +++
            """)
        #expect(run.verdict == .same)
        #expect(run.pids("both") == [10])
        #expect(run.status("both", 10, "RssAnon") == 4)
        #expect(run.status("one", 10, "RssAnon") == 8)
        #expect(run.pids("exited") == [10])
        #expect(run.pids("final") == [])
    }

    @Test func lookAheadTellsWhoseChildItIs() {
        let run = Replayed(
            """
            10 mmap(NULL, 4096, \(Self.anonymous), -1, 0) = 0x7f0000000000
            10 touch_write(0x7f0000000000, 1)
            10 fork() = 11
            11 munmap(0x7f0000000000, 4096) = 0
            10 fork( <unfinished ...>
            11 fork( <unfinished ...>
            12 touch_read(0x7f0000000000, 1)
            13 touch_read(0x7f0000000000, 1)
            10 <... fork resumed>) = 13
            11 <... fork resumed>) = 12
            """)
        #expect(run.error == nil)
        #expect(run.pids("final") == [10, 11, 12, 13])
        #expect(run.status("final", 12, "VmSize") == 0)
        #expect(run.status("final", 13, "RssAnon") == 4)
        #expect(run.calls[4] == "7 12 touch_read SIGSEGV SEGV_MAPERR 7f0000000000")
    }

    @Test func unknownPidIsAnErrorWithItsPlace() {
        let run = Replayed("10 brk(NULL) = 0x1000\n99 brk(NULL) = 0x1000\n")
        #expect(run.error == "t.q:2:1: expected a pid that a fork, vfork or clone has made; 99 has never started")
    }

    @Test func tracerNumbersTheFirstProcessOnlyLater() {
        let run = Replayed(
            """
            mmap(NULL, 8192, \(Self.anonymous), -1, 0) = 0x7f0000000000
            fork( <unfinished ...>
            [pid 21] touch_write(0x7f0000000000, 1)
            [pid 20] <... fork resumed>) = 21
            [pid 20] touch_write(0x7f0000001000, 1)
            [pid 21] exit_group(0) = ?
            [pid 21] +++ exited with 0 +++
            touch_write(0x7f0000000000, 1)
            """)
        #expect(run.pids("exited") == [21])
        #expect(run.pids("final") == [1])
        #expect(run.status("final", 1, "RssAnon") == 8)
    }

    @Test func handWrittenFamilyWaitsAndIsNumberedByBirth() {
        let run = Replayed(
            """
            a = mmap(0x100000000000, 64K, \(Self.anonymous)|MAP_FIXED, -1, 0)
            c = fork()
            t = thread()
            [t] store(a, 1, 7)
            [c] d = fork()
            [c] wait4(d, NULL, WNOHANG, NULL)
            [d] exit(0)
            [c] wait4(-1, NULL, 0, NULL)
            [c] wait4(-1, NULL, 0, NULL)
            r = load(a, 1)
            s = load(a+64K, 1)
            expect r == 7 && s == SIGSEGV
            never r == 0
            """)
        #expect(run.verdict == .same)
        #expect(run.calls[1] == "2 1 fork = 2")
        #expect(run.calls[3] == "4 1 store = 0")
        #expect(run.calls.contains("5 2 fork = 3"))
        #expect(run.calls.contains("6 2 wait4 = 0"))
        #expect(run.calls.contains("8 2 wait4 = 3"))
        #expect(run.calls.contains("9 2 wait4 ECHILD"))
        #expect(Replayed("c = fork()\nwait4(c, NULL, 0, NULL)\n").error?.hasPrefix("t.q:2:1: expected a child") == true)
        #expect(
            Replayed("c = fork()\n[c] exit(0)\n[c] brk(0)\n").error?.hasPrefix("t.q:3:1: expected a process") == true)
    }
}

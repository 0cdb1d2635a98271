// A recording's own answers: what must come out the same, what is the outside world's, and what its lines imply.

import Testing

@testable import QuireWorkload

@Suite struct ReplayRecordingTests {
    static let anonymous = "PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS"

    @Test func recordedPlaceIsHonoured() {
        let run = Replayed(
            """
            10 mmap(NULL, 4096, \(Self.anonymous), -1, 0) = 0x7f1234567000
            10 mremap(0x7f1234567000, 4096, 8192, MREMAP_MAYMOVE) = 0x7f4321000000
            10 munmap(0x7f4321000000, 8192) = 0
            """)
        #expect(run.verdict == .same)
        #expect(run.calls[1] == "2 10 mremap = \(0x7f43_2100_0000)")
    }

    @Test func differencesAreDivergences() {
        let run = Replayed(
            """
            10 munmap(0x1001, 4096) = 0
            10 munmap(0x1000, 4096) = -1 EINVAL (Invalid argument)
            10 mprotect(0x1000, 4096, PROT_READ) = -1 EACCES (Permission denied)
            10 mprotect(0x1000, 4096, PROT_READ) = -1 ENOMEM (Cannot allocate memory)
            10 mmap(NULL, 4096, \(Self.anonymous), -1, 0) = -1 ENOMEM (Cannot allocate memory)
            10 madvise(0x1000, 4096, MADV_DONTNEED) = ?
            """)
        #expect(run.verdict == .different)
        #expect(run.divergences.count == 4)
        #expect(run.divergences[0] == "1 munmap 0 EINVAL")
        #expect(run.divergences[1] == "2 munmap EINVAL 0")
        #expect(run.divergences[2] == "3 mprotect EACCES ENOMEM")
        #expect(run.divergences[3].hasPrefix("5 mmap ENOMEM 0x"))
        // The recorded program has no such mapping, so the replay has none either.
        #expect(run.status("final", 10, "VmSize") == 0)
    }

    @Test func outsideWorldNeverDiverges() {
        let run = Replayed(
            """
            10 openat(AT_FDCWD, "/lib/x.so", O_RDONLY|O_CLOEXEC) = 7
            10 openat(AT_FDCWD, "/etc/none", O_RDONLY) = -1 ENOENT (No such file or directory)
            10 pread64(7, "\\177ELF"..., 784, 64) = 784
            10 mmap(NULL, 65536, PROT_READ, MAP_PRIVATE, 7, 0) = 0x7f0000000000
            10 close(7) = 0
            10 close(9) = -1 EBADF (Bad file descriptor)
            10 mmap(NULL, 4096, PROT_READ, MAP_SHARED, 23, 0) = 0x7f0000100000
            10 mmap(NULL, 4096, PROT_READ, MAP_SHARED, 24, 0) = -1 ENODEV (No such device)
            10 touch_read(0x7f0000000000, 1)
            10 touch_read(0x7f0000100000, 1)
            10 futex(0x7f00, FUTEX_WAKE, 1) = 0
            10 futex(0x7f00, FUTEX_WAKE, 1) = 0
            10 wait4(-1, NULL, 0, NULL) = -1 ECHILD (No child processes)
            10 ioctl(1, TCGETS, {c_iflag=0}) = 0
            """)
        #expect(run.verdict == .same)
        #expect(run.status("final", 10, "RssFile") == 68)
        #expect(run.report["ignored"] as? [String: Int] == ["futex": 2])
    }

    @Test func givingWaitsForTheReturnAndTakingDoesNot() {
        let run = Replayed(
            """
            10 mmap(NULL, 4096, \(Self.anonymous), -1, 0) = 0x7f0000000000
            10 clone(child_stack=0x1, flags=CLONE_VM|CLONE_THREAD|CLONE_SIGHAND) = 11
            10 munmap(0x7f0000000000, 4096 <unfinished ...>
            11 mmap(NULL, 8192, \(Self.anonymous), -1, 0 <unfinished ...>
            11 <... mmap resumed>) = 0x7f0000000000
            11 touch_write(0x7f0000000000, 8192)
            10 <... munmap resumed>) = 0
            """)
        #expect(run.verdict == .same)
        #expect(run.status("final", 10, "RssAnon") == 8)
        #expect(run.calls.last == "7 10 munmap = 0")
    }

    @Test func lostBeginningsAreCounted() {
        let run = Replayed(
            "10 brk(NULL) = 0x1000000\n10 <... mmap resumed>) = 0x7f0000000000\n10 <... read resumed>) = 1\n")
        #expect(run.divergences == ["2 mmap 0x7f0000000000 the line at which it began is missing"])
    }

    @Test func firstBrkIsTheHeapsStart() {
        let run = Replayed(
            """
            10 brk(NULL) = 0x55550000
            10 brk(0x55571000) = 0x55571000
            10 touch_write(0x55570000, 1)
            10 brk(0x55560000) = 0x55560000
            10 brk(0x56000000) = 0x55560000
            """)
        #expect(run.divergences == ["5 brk 0x55560000 0x56000000"])
        #expect(run.status("final", 10, "RssAnon") == 0)
    }

    @Test func settingsOfTheRecordingMachineAreTakenOver() {
        let run = Replayed(
            """
            # recorded-on: kernel=6.1.0 arch=x86_64 levels=5 thp=always
            # recorded-on: fault_around_bytes=4096 zram=on
            10 openat(AT_FDCWD, "/x", O_RDONLY) = 3
            10 mmap(NULL, 65536, PROT_READ, MAP_PRIVATE, 3, 0) = 0x7f0000000000
            10 touch_read(0x7f0000000000, 1)
            """)
        #expect(run.warnings.count == 2)
        #expect(run.warnings.contains { $0.contains("zram=on") })
        #expect((run.report["machine"] as? [String: Any])?["levels"] as? Int == 5)
        #expect(run.status("final", 10, "RssFile") == 4)
    }
}

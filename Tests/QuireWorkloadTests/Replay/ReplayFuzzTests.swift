// The whole engine under broken input: small workloads with bytes, lines and numbers changed at random. Whatever comes,
// the run ends, no trap, and afterwards every frame is free.

import Testing

@testable import QuireWorkload

@Suite struct ReplayFuzzTests {
    static let seeds = [
        """
        fd = memfd_create("f", 0)
        ftruncate(fd, 256K)
        a = mmap(0x100000000000, 128K, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_FIXED, fd, 0)
        b = mmap(0x100000100000, 4M, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
        store(a, 8192, 7)
        c = fork()
        [c] touch_write(b, 64K)
        madvise(b, 2M, MADV_DONTNEED)
        [c] mremap(b, 64K, 128K, MREMAP_MAYMOVE)
        mprotect(b+32K, 8K, PROT_READ)
        mlock(b, 16K)
        x = load(a+4094, 4)
        mincore(a, 128K)
        fallocate(fd, 3, 0, 64K)
        snapshot("s")
        t = thread()
        [t] madvise(b, 64K, MADV_GUARD_INSTALL)
        parallel
        [t] munmap(b, 8K)
        brk(0)
        end
        expect x == 0x07070707
        pwrite64(fd, "text", 4, 100)
        pread64(fd, a, 64, 0)
        [c] exit(0)
        wait4(c, NULL, 0, NULL)
        """,
        """
        # recorded-on: levels=4 thp=madvise
        10 execve("/bin/x", ["x"], 0x7ff /* 3 vars */) = 0
        10 openat(AT_FDCWD, "/lib/a.so", O_RDONLY|O_CLOEXEC) = 3
        10 mmap(0x400000, 65536, PROT_READ, MAP_PRIVATE|MAP_FIXED, 3, 0) = 0x400000 # image
        10 close(3) = 0
        10 brk(NULL) = 0x1000000
        10 brk(0x1021000) = 0x1021000
        10 touch_write(0x1000000, 8192)
        10 clone(child_stack=0x1, flags=CLONE_VM|CLONE_THREAD|CLONE_SIGHAND <unfinished ...>
        11 touch_read(0x400000, 4096)
        10 <... clone resumed>) = 11
        11 munmap(0x400000, 4096 <unfinished ...>
        10 vfork( <unfinished ...>
        12 execve("/bin/y", ["y"], 0x1 <unfinished ...>
        10 <... vfork resumed>) = 12
        12 <... execve resumed>) = 0
        12 mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f0000000000
        12 mremap(0x7f0000000000, 8192, 16384, MREMAP_MAYMOVE) = 0x7f0000010000
        12 touch_write(0x7f0000010000, 8192)
        11 <... munmap resumed>) = 0
        12 --- SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_MAPERR} ---
        12 +++ killed by SIGSEGV +++
        11 exit(0) = ?
        11 +++ exited with 0 +++
        10 mmap(NULL, 4096, PROT_READ, MAP_SHARED, 99, 0) = -1 ENODEV (No such device)
        10 exit_group(0) = ?
        """,
    ]

    /// Numbers that break things; none lets an access walk more than a few MiB of mapped memory.
    static let numbers = [
        "0", "1", "-1", "4095", "4097", "2M", "0x100000000000", "0x7ffffffff000", "0x8000000000000000",
        "0xffffffffffffffff", "0xfffffffffffff000", "0xffff800000000000", "a", "zz", "NULL", "11", "12", "99",
    ]

    static let results = [
        "0", "-1 ENOMEM (x)", "?", "11", "12", "0x1000", "0x400000", "0x7f0000001000", "0x7f0000000fff",
        "0x7ffffffff000", "0x8000000000000000", "0xfffffffffffff000", "0x1000000", "4294967295",
    ]

    @Test(arguments: 0..<4) func brokenInputNeverTraps(_ part: Int) throws {
        var random = SeededRandom(state: UInt64(part) &* 7919 &+ 1)
        for round in 0..<250 {
            var lines = Self.seeds[round & 1].split(separator: "\n").map(String.init)
            for _ in 0..<Int.random(in: 1...6, using: &random) { Self.mutate(&lines, &random) }
            let text = lines.joined(separator: "\n")
            let stage = try Stage(text, memory: 16 << 20, firstPID: round & 1 == 0 ? nil : 10)
            _ = stage.play()
            for process in stage.machine.processes { process.checkInvariants() }
            #expect(stage.framesLeft() == 0, "\(text)")
        }
    }

    @Test func brokenInputGivesTheSameBytesTwice() {
        var random = SeededRandom(state: 99)
        for round in 0..<40 {
            var lines = Self.seeds[round & 1].split(separator: "\n").map(String.init)
            for _ in 0..<3 { Self.mutate(&lines, &random) }
            let text = lines.joined(separator: "\n")
            let (first, second) = (Replayed(text) { $0.keepsGoing = true }, Replayed(text) { $0.keepsGoing = true })
            #expect(first.text == second.text && first.error == second.error)
        }
    }

    private static func mutate(_ lines: inout [String], _ random: inout SeededRandom) {
        guard !lines.isEmpty else { return }
        let at = Int.random(in: 0..<lines.count, using: &random)
        let other = Int.random(in: 0..<lines.count, using: &random)
        switch Int.random(in: 0..<8, using: &random) {
        case 0: lines.remove(at: at)
        case 1: lines.insert(lines[at], at: other)
        case 2: lines.swapAt(at, other)
        case 3:
            var bytes = Array(lines[at].utf8)
            if !bytes.isEmpty {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
            }
            lines[at] = String(decoding: bytes, as: UTF8.self)
        case 4: lines[at] = String(lines[at].prefix(Int.random(in: 0...lines[at].count, using: &random)))
        case 5:
            // The recorded result becomes another number.
            var parts = lines[at].components(separatedBy: " = ")
            guard parts.count > 1 else { return }
            parts[parts.count - 1] = results.randomElement(using: &random)!
            lines[at] = parts.joined(separator: " = ")
        default:
            // One argument becomes another number.
            var parts = lines[at].components(separatedBy: ", ")
            guard parts.count > 1 else { return }
            let place = Int.random(in: 1..<parts.count, using: &random)
            parts[place] = numbers.randomElement(using: &random)! + (place == parts.count - 1 ? ")" : "")
            lines[at] = parts.joined(separator: ", ")
        }
    }
}

extension String {
    fileprivate func components(separatedBy separator: String) -> [String] {
        var parts: [String] = []
        var rest = self[...]
        while let range = rest.firstRange(of: separator) {
            parts.append(String(rest[..<range.lowerBound]))
            rest = rest[range.upperBound...]
        }
        return parts + [String(rest)]
    }
}

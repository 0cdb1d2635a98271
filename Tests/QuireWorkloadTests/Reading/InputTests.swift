// Whole inputs: chunks that cut lines anywhere, compressed and damaged files, endless lines, binary data; and random
// mutations of good lines, none of which may end in a trap or take long.

import Glibc
import Testing

@testable import QuireWorkload

@Suite struct InputTests {
    static let scenario = """
        # Copy on write between two processes.
        # requires: thp, root
        a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
        store(a, 64K, 1)
        c = fork()
        [c] store(a+8K, 4K, 2)

        [c] exit(0)
        wait4(c, NULL, 0, NULL)
        u = userfaultfd(O_CLOEXEC)
        ioctl(u, UFFDIO_API, {api=UFFD_API, features=UFFD_FEATURE_WP_ASYNC})
        ioctl(u, UFFDIO_REGISTER, {range={start=a, len=128K}, mode=UFFDIO_REGISTER_MODE_WP})
        pm = openat(AT_FDCWD, "/proc/self/pagemap", O_RDONLY)
        ioctl(pm, PAGEMAP_SCAN, {start=a, end=a+128K, category_mask=PAGE_IS_WRITTEN})
        fd = memfd_create("example", MFD_CLOEXEC)
        pwrite64(fd, "text", 4, 0)
        snapshot("two")
        """

    static let expected = [
        "#Copy on write between two processes.", "requires [\"thp\", \"root\"]",
        "a = mmap(100000000000, 10000, 3, 32, ffffffffffffffff, 0)", "store(300000, 10000, 1)", "c = fork()",
        "[c] store(302000, 1000, 2)", "[c] exit(0)", "wait4(500000, 0, 0, 0)", "u = userfaultfd(80000)",
        "ioctl(a00000, c018aa3f, {api:aa features:8000})", "ioctl(a00000, c020aa00, {start:300000 len:20000 mode:2})",
        "pm = openat(ffffffffffffff9c, \"/proc/self/pagemap\", 0)",
        "ioctl(d00000, c0606610, {start:300000 end:320000 category_mask:2})", "fd = memfd_create(\"example\", 1)",
        "pwrite64(f00000, \"text\", 4, 0)", "snapshot(\"two\")",
    ]

    @Test(arguments: [1, 2, 3, 7, 64, Int.max]) func chunksMayCutLinesAnywhere(chunk: Int) {
        #expect(readAll(Self.scenario, chunk: chunk) == Self.expected)
        #expect(readAll(Self.scenario + "\n", chunk: chunk) == Self.expected)
    }

    @Test func readingGoesOnBehindABrokenLine() {
        #expect(
            readAll("close(1)\nclose(\nclose(2)\n")
                == ["close(1)", "t.q:2:7: expected a number, a name or a flag, found the end of the line", "close(2)"])
    }

    @Test func emptyInputsHaveNoLines() {
        #expect(readAll("") == [])
        #expect(readAll("\n\n  \n") == [])
    }

    @Test func lineBeyondOneMebibyteIsAnErrorAndIsPassedOver() {
        let error = "t.q:2:1048577: expected the end of the line within 1 MiB"
        for length in [1 << 20, 1 << 21, 5 << 20] {
            let long = "close(1) # " + String(repeating: "x", count: length)
            #expect(readAll("close(1)\n\(long)\nclose(2)\n", chunk: 100_000) == ["close(1)", error, "close(2)"])
            #expect(readAll("close(1)\n\(long)") == ["close(1)", error])
        }
        let fits = "close(1) # " + String(repeating: "x", count: (1 << 20) - 12)
        #expect(readAll(fits + "\nclose(2)").count == 2)
        #expect(readAll(fits + "\nclose(2)").last == "close(2)")
    }

    @Test func binaryInputIsAMalformedLine() {
        var random = SeededRandom(state: 3)
        let bytes = (0..<4096).map { _ in UInt8.random(in: 0x80...0xFF, using: &random) }
        var reader = WorkloadReader(source: MemorySource(bytes), file: "t.q")
        #expect(readAll(&reader).first?.hasPrefix("t.q:1:1: expected a call, found the byte 0x") == true)
    }

    // MARK: Files

    @Test(arguments: ["xz", "gzip", "zstd"]) func compressedFilesAreRead(tool: String) throws {
        let directory = try ScratchDirectory()
        let path = try directory.write("w.q", Self.scenario)
        guard system("\(tool) -c '\(path)' > '\(path).packed' 2>/dev/null") == 0 else {
            print("skipped: \(tool) is not installed")
            return
        }
        var reader = try WorkloadReader(path: path + ".packed")
        #expect(readAll(&reader) == Self.expected)

        #expect(system("head -c 300 '\(path).packed' | head -c -10 > '\(path).cut'") == 0)
        var cut = try WorkloadReader(path: path + ".cut")
        let lines = readAll(&cut)
        #expect(lines.last == "\(path).cut: \(tool) could not unpack the file: it is truncated or damaged")
    }

    @Test func plainFileAndMissingFile() throws {
        let directory = try ScratchDirectory()
        let path = try directory.write("w.q", Self.scenario)
        var reader = try WorkloadReader(path: path)
        #expect(readAll(&reader) == Self.expected)
        #expect(throws: ParseError.self) { _ = try WorkloadReader(path: path + ".none") }
        #expect(throws: ParseError.self) { _ = try WorkloadReader(path: directory.path) }
    }

    @Test func leavingACompressedFileEarlyEndsTheTool() throws {
        let directory = try ScratchDirectory()
        let path = try directory.write("w.q", String(repeating: "close(1) # \(Self.scenario.count)\n", count: 200_000))
        guard system("gzip '\(path)'") == 0 else { return }
        for _ in 0..<5 {
            var reader = try WorkloadReader(path: path + ".gz")
            var names = Names()
            var statement = Statement()
            let isThere = try reader.next(into: &statement, names: &names)
            #expect(isThere)
        }
    }

    // MARK: Random input

    @Test func mutatedLinesNeverTrapAndEndInTime() {
        var random = SeededRandom(state: 11)
        let seeds =
            Self.scenario.split(separator: "\n").map { Array($0.utf8) }
            + [
                "29796 1795222353.165223380 openat(AT_FDCWD, \"/etc/ld.so.cache\", O_RDONLY|O_CLOEXEC) = 3",
                "5 <... wait4 resumed>[{WIFEXITED(s) && WEXITSTATUS(s) == 0}], 0, NULL) = 29797 <0.1>",
                "clone3({flags=CLONE_VM, child_tid=0x7f10} => {parent_tid=[6]}, 88) = 6",
                "[pid 7] 12:34:56 (+ 0.1) mmap(NULL, 2M, PROT_READ|0x4 /* x */, 21<<MAP_HUGE_SHIFT, 3</a>, 0) = 0x7f",
                "7 +++ killed by SIGSEGV (core dumped) +++", "--- SIGSEGV {si_signo=SIGSEGV} ---",
                "expect (r1 == 0x07 || !(r2 != SIGBUS)) && a+1*2|3 <= 7",
                "close(3) = -1 EBADF (Bad file descriptor) # image",
                "process_madvise(5, [{iov_base=0x1000, iov_len=4096}, {}], 2, MADV_COLD, 0) = ?",
            ].map { Array($0.utf8) }
        let pieces = "( ) { } [ ] < > \" \\ /* */ = => # <unfinished <...".split(separator: " ").map { Array($0.utf8) }
        var names = Names()
        var statement = Statement()
        var good = 0
        let clock = ContinuousClock()
        let begin = clock.now
        for _ in 0..<40_000 {
            var line = seeds.randomElement(using: &random) ?? []
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let place = Int.random(in: 0...line.count, using: &random)
                switch Int.random(in: 0..<5, using: &random) {
                case 0: line.insert(UInt8.random(in: 0...255, using: &random), at: place)
                case 1: if place < line.count { line[place] ^= 1 << UInt8.random(in: 0..<8, using: &random) }
                case 2: line.removeSubrange(place..<min(line.count, place + Int.random(in: 0...9, using: &random)))
                case 3: line.insert(contentsOf: pieces.randomElement(using: &random) ?? [], at: place)
                default: line.insert(contentsOf: line[place...].prefix(12), at: place)
                }
            }
            var reader = WorkloadReader(source: MemorySource(line), file: "t.q", capacity: 4096)
            while true {
                do {
                    guard try reader.next(into: &statement, names: &names) else { break }
                    good += statement.kind == .call ? 1 : 0
                    _ = statement.summary(names)
                } catch {
                    #expect(error.column >= 1 && error.column <= line.count + 1)
                }
            }
        }
        #expect(good > 1000)
        #expect(clock.now - begin < .seconds(60))
    }
}

/// A directory that is removed with the object.
final class ScratchDirectory {
    let path: String

    init() throws {
        var template = Array("/tmp/quire-tests-XXXXXX".utf8CString)
        guard unsafe mkdtemp(&template) != nil else { throw InputError("cannot make a directory") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    func write(_ name: String, _ text: String) throws -> String {
        let file = path + "/" + name
        let number = unsafe open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        defer { close(number) }
        try DescriptorSink(descriptor: number).write(ContiguousArray(text.utf8))
        return file
    }

    deinit { _ = system("rm -r '\(path)'") }
}

/// Runs a shell command.
func system(_ command: String) -> Int32 { unsafe Glibc.system(command) }

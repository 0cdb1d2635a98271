// --redact: the same name for the same string everywhere, kinds kept, nothing left over.

import Testing

@testable import QuireRecord

@Suite struct RedactorTests {
    @Test func theSameStringHasTheSameName() {
        var redactor = Redactor(enabled: true)
        let line = redactor.line("7 1.0 openat(AT_FDCWD, \"/home/anna/db\", O_RDONLY) = 3")
        #expect(line == "7 1.0 openat(AT_FDCWD, \"/redacted/1\", O_RDONLY) = 3")
        let areas = ["/home/anna/db", "/home/anna/db (deleted)"].map { redactor.area($0) }
        #expect(areas == ["/redacted/1", "/redacted/1 (deleted)"])
        let arguments = redactor.line("x(\"/home/anna/db\", \"--key=a\\\"b\")")
        #expect(arguments == "x(\"/redacted/1\", \"redacted-2\")")
    }

    @Test func escapedNamesAreTheNamesTheyStandFor() {
        var redactor = Redactor(enabled: true)
        let name = redactor.name("/tmp/ä\n")
        let line = redactor.line("open(\"/tmp/\\303\\244\\n\", 0)")
        #expect(line == "open(\"\(name)\", 0)")
    }

    @Test func whatTheMemoryManagerTreatsDifferentlyKeepsItsKind() {
        var redactor = Redactor(enabled: true)
        let created = redactor.name("secret")
        let names = ["/dev/zero", "/dev/shm/secret"].map { redactor.name($0) }
        #expect(names == ["/dev/zero", "/dev/shm/redacted-2"])
        let areas = ["/memfd:secret (deleted)", "[stack]", "[anon:secret]"].map { redactor.area($0) }
        #expect(areas == ["/memfd:\(created) (deleted)", "[stack]", "[anon:\(created)]"])
    }

    @Test func theWholeRecordingIsFreeOfNames() throws {
        let result = try merged(
            log: [
                "7 101.000000000 execve(\"/home/anna/a\", [\"a\", \"--password=x\"], 0x7 /* 1 vars */) = 0",
                "7 102.000000000 openat(AT_FDCWD, \"/home/anna/db\", O_RDONLY) = 3",
            ],
            events: [
                MergerTests.exec, "7/7 1.2: PERF_RECORD_MMAP2 7/7: [0x4000(0x1000) @ 0 fe:00 5 0]: r--p /home/anna/a",
                "7/7 1.3: exceptions:page_fault_user: address=0x4000 ip=0x1 error_code=0x4",
            ], redact: true)
        #expect(!result.lines.joined().contains("anna"))
        #expect(!result.lines.joined().contains("password"))
        // The image's file is the program's file.
        #expect(result.lines[0].contains("\"/redacted/1\""))
        #expect(result.lines[1].contains("openat(AT_FDCWD, \"/redacted/1\""))
        #expect(result.merger.files["/redacted/1"] == "/home/anna/a")
    }

    @Test func disabledItChangesNothing() {
        var redactor = Redactor(enabled: false)
        let line = redactor.line("open(\"/a\\303b\"")
        #expect(line == "open(\"/a\\303b\"")
    }
}

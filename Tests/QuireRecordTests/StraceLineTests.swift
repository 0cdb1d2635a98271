// strace's log lines: whose, when, and of which kind.

import Testing

@testable import QuireRecord

@Suite struct StraceLineTests {
    private func kind(_ body: String) -> StraceLine.Kind? { StraceLine("29796 1795222353.164511522 " + body)?.kind }

    @Test func idAndStamp() throws {
        let text = "6097  1795226673.899633691 brk(NULL)    = 0x55e4d0b75000"
        let line = try #require(StraceLine(text))
        #expect(line.tid == 6097)
        #expect(line.time == 1_795_226_673_899_633_691)
        #expect(line.text == text)
        #expect(line.kind == .call("brk"))
        #expect(line.result == "0x55e4d0b75000")
        #expect(line.succeeded)
    }

    @Test func kinds() {
        #expect(kind("vfork( <unfinished ...>") == .unfinished("vfork"))
        #expect(kind("wait4(29797,  <unfinished ...>") == .unfinished("wait4"))
        #expect(kind("<... vfork resumed>) = 29797") == .resumed("vfork"))
        #expect(kind("+++ exited with 0 +++") == .ended)
        #expect(kind("--- stopped by SIGSTOP ---") == .other)
        #expect(
            kind("--- SIGSTOP {si_signo=SIGSTOP, si_code=SI_USER, si_pid=29738, si_uid=0} ---")
                == .signal("SIGSTOP", sender: 29738))
        #expect(
            kind("--- SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=NULL} ---")
                == .signal("SIGSEGV", sender: nil))
    }

    @Test func failureIsSeenBehindTheLastEqualsSign() throws {
        let failed = try #require(StraceLine("1 1.0 openat(AT_FDCWD, \"a = 3\", O_RDONLY) = -1 ENOENT (No such file)"))
        #expect(!failed.succeeded)
        let unknown = try #require(StraceLine("1 1.0 exit_group(0)     = ?"))
        #expect(!unknown.succeeded)
    }

    @Test(arguments: ["", "strace: Process 7 attached", "12 brk(NULL) = 0", "x 1.0 brk(NULL)"])
    func linesWithoutIdOrStampAreNone(text: String) { #expect(StraceLine(text) == nil) }
}

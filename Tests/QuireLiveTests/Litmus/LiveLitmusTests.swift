// Litmus tests on real threads of the live kernel. What must be seen (store buffering) is waited for some seconds, what must
// never be seen is looked for in every outcome. Where the host cannot run them, the reason is printed.

import CQuireLive
import QuireWorkload
import Testing
import WorkloadSuite

@testable import QuireLive

private let obstacle: String? = {
    var reason = LiveReplay.obstacle
    if reason == nil, LiveProcesses.cpus.count < 2 { reason = "there is one CPU only" }
    if reason == nil {
        do { _ = try outcomes("parallel\nr1 = munmap(0x100000000000, 4K)\nend\n", runs: 1) } catch {
            reason = "\(error)"
        }
    }
    if let reason { print("live litmus tests skipped: \(reason)") }
    return reason
}()

private func outcomes(_ text: String, runs: Int = 200) throws -> [String: Int] {
    try LiveLitmus(file: LitmusFile(text: text, file: "t.q")).run(count: runs)
}

/// An area of two pages, the first byte of each 7.
private let area = """
    x = mmap(0x100000000000, 8K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
    store(x, 8, 7)
    store(x+4K, 8, 7)

    """

// Part of that suite, so that one run at a time is on the kernel, whose settings runs turn.
extension LiveReplayTests {
    @Suite(.serialized, .enabled(if: obstacle == nil, "this host cannot run litmus tests live"))
    struct Litmus {
        @Test func storeBufferingShowsWhatOneOrderOfAllAccessesForbids() throws {
            let live = try LiveLitmus(file: LitmusFile(path: LitmusTest.named("store-buffering").path))
            let end = monotonicNanoseconds() + 10_000_000_000
            var seen: [String: Int] = [:]
            var seed: UInt64 = 0
            while seen["r1=0x0 r2=0x0"] == nil, monotonicNanoseconds() < end {
                seed += 100_000
                seen.merge(try live.run(count: 20_000, seed: seed)) { $0 + $1 }
            }
            let allowed: Set = ["r1=0x0 r2=0x0", "r1=0x0 r2=0x1", "r1=0x1 r2=0x0", "r1=0x1 r2=0x1"]
            #expect(Set(seen.keys).isSubset(of: allowed))
            if seen["r1=0x0 r2=0x0"] == nil {
                print("store buffering not seen: two CPUs were not there at the same time for 10 s")
            }
        }

        @Test(arguments: LitmusTest.all) func kernelBreaksNoConditionOfTheSuite(_ test: LitmusTest) throws {
            let file = try LitmusFile(path: test.path)
            #expect(!file.judgements.isEmpty && !file.title.isEmpty)
            var made = 0
            let outcomes = try LiveLitmus(file: file).play(count: 500) { made = $0 }
            #expect(outcomes.filter { !$0.broken.isEmpty }.map { "\($0.text) breaks line \($0.broken)" } == [])
            #expect(outcomes.reduce(0) { $0 + $1.count } == 500 && made == 500)
        }

        @Test func messageThatWasAnnouncedIsThere() throws {
            let live = try LiveLitmus(file: LitmusFile(path: LitmusTest.named("message-passing").path))
            let seen = try live.run(count: 50_000)
            #expect(Set(seen.keys).isSubset(of: ["r1=0x0 r2=0x0", "r1=0x0 r2=0x1", "r1=0x1 r2=0x1"]))
        }

        @Test func faultAgainstDontNeedReadsTheOldByteOrZero() throws {
            let block = """
                t = thread()
                parallel
                madvise(x, 8K, MADV_DONTNEED)
                [t] r1 = load(x, 1)
                end
                r2 = load(x, 1)
                """
            let seen = try outcomes(area + block, runs: 2000)
            #expect(Set(seen.keys).isSubset(of: ["r1=0x7 r2=0x0", "r1=0x0 r2=0x0"]))
        }

        // MARK: One thread: every outcome is known

        @Test func sequenceGoesOnBehindAFault() throws {
            let seen = try outcomes(
                area + """
                    parallel
                    r1 = munmap(x, 4K)
                    r2 = load(x, 1)
                    r3 = store(x, 8, 1)
                    r4 = touch_write(x, 8K)
                    r5 = load(x+4K, 8)
                    r6 = load(x+4094, 4)
                    end
                    """)
            #expect(seen == ["r1=0x0 r2=SIGSEGV r3=SIGSEGV r4=SIGSEGV r5=0x707070707070707 r6=SIGSEGV": 200])
        }

        @Test func accessBeyondTheEndOfAFileIsABusError() throws {
            let seen = try outcomes(
                """
                f = memfd_create("f", 0)
                ftruncate(f, 8K)
                x = mmap(0x100000000000, 8K, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_FIXED, f, 0)
                store(x+4K, 1, 7)
                parallel
                r1 = load(x+4K, 1)
                ftruncate(f, 4K)
                r2 = load(x+4K, 1)
                end
                """)
            #expect(seen == ["r1=0x7 r2=SIGBUS": 200])
        }

        @Test func accessesOfAllSizesReadWhatWasWritten() throws {
            let seen = try outcomes(
                area + """
                    parallel
                    store(x, 1, 1)
                    store(x+2, 2, 2)
                    store(x+4, 4, 4)
                    store(x+8, 8, 8)
                    store(x+17, 3, 3)
                    r1 = load(x, 8)
                    r2 = load(x+2, 2)
                    r3 = load(x+4, 4)
                    r4 = load(x+9, 8)
                    r5 = load(x+16, 5)
                    end
                    """)
            let expected =
                "r1=0x404040402020701 r2=0x202 r3=0x4040404 r4=0x808080808080808 r5=0x3030300"
            // The ninth byte from x+8 on is that at x+16, which nobody wrote.
            #expect(seen == [expected.replacing("r4=0x808080808080808", with: "r4=0x8080808080808"): 200])
        }

        @Test func addressThatACallGivesIsUsed() throws {
            let seen = try outcomes(
                area + """
                    y = mmap(0x100000002000, 4K, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
                    parallel
                    q = mremap(x, 8K, 16K, MREMAP_MAYMOVE)
                    r1 = load(q+4K, 1)
                    r2 = mprotect(q, 4K, PROT_READ)
                    r3 = store(q, 1, 1)
                    r4 = mprotect(0x100000040000, 4K, PROT_READ)
                    end
                    """)
            #expect(seen == ["q=0x1fffffffc000 r1=0x7 r2=0x0 r3=SIGSEGV r4=ENOMEM": 200])
        }

        @Test func childSeesItsOwnMemoryAndIsWaitedFor() throws {
            let seen = try outcomes(
                area + """
                    c = fork()
                    d = fork()
                    p = pidfd_open(d, 0)
                    parallel
                    [c] store(x, 1, 1)
                    [c] r1 = load(x, 1)
                    r2 = load(x, 1)
                    [d] r3 = load(x, 1)
                    end
                    r4 = process_madvise(p, [{iov_base=x, iov_len=4096}], 1, MADV_COLD, 0)
                    [c] exit(0)
                    r5 = wait4(c, NULL, 0, NULL)
                    r6 = wait4(c, NULL, 0, NULL)
                    """)
            #expect(seen == ["r1=0x1 r2=0x7 r3=0x7 r4=0x1000 r5=0x2 r6=ECHILD": 200])
        }

        @Test func childMayHaveThreads() throws {
            let seen = try outcomes(
                area + """
                    c = fork()
                    [c] t = thread()
                    parallel
                    [c] store(x, 1, 1)
                    [t] store(x+1, 1, 2)
                    store(x+2, 1, 3)
                    end
                    r1 = load(x, 4)
                    [t] r2 = load(x, 4)
                    """)
            #expect(seen == ["r1=0x7030707 r2=0x7070201": 200])
        }

        @Test func pinKeepsThePageAcrossFork() throws {
            let seen = try outcomes(
                area + """
                    parallel
                    h = gup(x, 4K, FOLL_WRITE|FOLL_LONGTERM)
                    c = fork()
                    r1 = store(x, 1, 1)
                    r2 = unpin(h)
                    end
                    [c] r3 = load(x, 1)
                    r4 = load(x, 1)
                    """)
            #expect(seen == ["h=0x1 r1=0x0 r2=0x0 r3=0x7 r4=0x1": 200])
        }

        /// What was bound before the block stood for 0 in conditions.
        @Test func conditionMayAskForWhatStandsBeforeTheBlock() throws {
            let file = try LitmusFile(
                text: area + "t = thread()\nparallel\nr1 = load(x, 1)\nend\nexpect x == 0x100000000000 && t > 1\n",
                file: "t.q")
            let outcomes = try LiveLitmus(file: file).play(count: 20)
            #expect(outcomes.map(\.text) == ["r1=0x7"] && outcomes.allSatisfy(\.broken.isEmpty))
        }

        @Test func nothingIsLeftOfTheRunBefore() throws {
            let seen = try outcomes(
                """
                parallel
                r1 = load(0x100000000000, 1)
                end
                mmap(0x100000000000, 4K, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
                r2 = load(0x100000000000, 1)
                """)
            #expect(seen == ["r1=SIGSEGV r2=0x0": 200])
        }

        // MARK: What it does not do

        @Test func whatItCannotDoIsSkippedWithTheLine() throws {
            for (call, reason) in [
                ("brk(0)", "brk is not a call of live litmus tests"),
                ("vfork()", "vfork is not a call of live litmus tests"),
                ("gup(x, 4K, FOLL_GET)", "gup is FOLL_WRITE|FOLL_LONGTERM, of the first process"),
                ("load(x, x)", "only the address of an access may depend on a result"),
                ("wait4(1, NULL, 0, NULL)", "wait4 takes the name of a process"), ("exit(0)", "only a child"),
            ] {
                let error = #expect(throws: LiveRunError.self) { try outcomes(area + "parallel\n\(call)\nend\n") }
                guard case .skipped(let text) = error else { throw error ?? .interrupted }
                #expect(text.hasPrefix("t.q:5: live: \(reason)"))
            }
        }

        /// All that was said is that it is gone.
        @Test func processThatIsLostSaysHowItEnded() throws {
            let folder = try ScratchFolder()
            let worker = try LivePlayer.startPristine(folder: folder.path)
            LiveProcesses.end(worker.pid)
            guard case .lost("killed") = try worker.ask(.systemCall(QUIRE_CLOSE, [99])) else {
                Issue.record("it still answers")
                return
            }
            #expect(worker.howItEnded() == "was ended by signal 9")
            #expect(worker.howItEnded() == "ended, and somebody else has its status")
        }

        @Test func callThatDoesNotReturnIsAnErrorWithItsLine() throws {
            let text = area + "c = fork()\nparallel\nload(x, 1)\n[c] load(x, 1)\nend\nwait4(c, NULL, 0, 0)\n"
            var live = try LiveLitmus(file: LitmusFile(text: text, file: "t.q"))
            live.patience = 1
            let error = #expect(throws: LiveRunError.self) { try live.run(count: 10) }
            #expect(error?.description == "t.q:9:1: expected a call that returns within 1 s")
        }
    }
}
